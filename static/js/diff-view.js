// Remembers unified or side by side, opens a device that was marked as viewed, and keeps the device list in step with scrolling.
import { remember } from "./preferences.js";

document.addEventListener("click", (event) => {
  const choice = event.target.closest("[data-diff-choice]");
  if (choice) remember("diff", choice.dataset.diffChoice);
  const opener = event.target.closest("[data-diff-open]");
  if (opener) {
    const device = opener.closest("[data-device-diff]");
    const opened = device.toggleAttribute("data-open");
    opener.setAttribute("aria-expanded", String(opened));
  }
});

const seen = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      for (const link of document.querySelectorAll(".tree__link")) {
        if (link.hash === `#${entry.target.id}`) link.setAttribute("aria-current", "true");
        else link.removeAttribute("aria-current");
      }
    }
  },
  { rootMargin: "-15% 0px -75% 0px" },
);

const watch = (root) => {
  for (const device of root.querySelectorAll?.("[data-device-diff]") ?? []) seen.observe(device);
};
watch(document);
document.addEventListener("htmx:load", (event) => watch(event.target));
