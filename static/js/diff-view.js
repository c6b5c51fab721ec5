// Remembers unified or side by side, opens a device that was marked as viewed, and keeps the device list in step with scrolling.
import { markInTree } from "./device-tree.js";
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
      if (entry.isIntersecting) markInTree(entry.target.id);
    }
  },
  { rootMargin: "-15% 0px -75% 0px" },
);

const watch = (root) => {
  for (const device of root.querySelectorAll?.("[data-device-diff]") ?? []) seen.observe(device);
};
watch(document);
document.addEventListener("htmx:load", (event) => watch(event.target));
