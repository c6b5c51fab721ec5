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

// What scrolled by is told later than it happened: a device that was chosen by a key stays marked while it is in view.
const inBand = new Set();
const inView = (element) => {
  const { top, bottom } = element.getBoundingClientRect();
  return bottom > 0 && top < innerHeight;
};
const seen = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) inBand[isIntersecting ? "add" : "delete"](target);
    const chosen = document.querySelector("[data-device-diff][data-current]");
    const here = chosen && inView(chosen) ? chosen : [...inBand].find((device) => device.isConnected);
    if (here) markInTree(here.id);
  },
  { rootMargin: "-15% 0px -75% 0px" },
);

const watch = (root) => {
  for (const device of root.querySelectorAll?.("[data-device-diff]") ?? []) seen.observe(device);
};
watch(document);
document.addEventListener("htmx:load", (event) => watch(event.target));
