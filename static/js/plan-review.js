// Keeps a reviewer's place: over htmx swaps, and over the parts of a large plan.
const current = () => document.querySelector("[data-device-diff][data-current]");
const typing = (element) => element.closest("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]");

let swapped = "";
document.addEventListener("htmx:beforeSwap", (event) => {
  const target = event.detail.target;
  swapped = target?.matches?.("[data-device-diff][data-current]") ? target.id : "";
});
document.addEventListener("htmx:afterSwap", () => {
  const device = swapped && document.getElementById(swapped);
  swapped = "";
  if (!device) return;
  device.dataset.current = "";
  device.focus({ preventScroll: true });
});

// Past the last device of a part comes the next part; before keyboard.js, which would stay where it is.
document.addEventListener(
  "keydown",
  (event) => {
    if (!["j", "k"].includes(event.key) || event.ctrlKey || event.metaKey || event.altKey) return;
    if (typing(event.target) || document.querySelector("dialog[open]")) return;
    const devices = [...document.querySelectorAll("[data-device-diff]")];
    const last = event.key === "j" ? devices.at(-1) : devices[0];
    const link = document.querySelector(event.key === "j" ? ".review a[rel=next]" : ".review a[rel=prev]");
    if (!link || !last || current() !== last) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    link.click();
  },
  { capture: true },
);

// A comment on a line opens below that line; without this script the link leads to a page with the same form.
document.addEventListener("click", (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  const say = event.target.closest("a.diff__say");
  if (say) {
    event.preventDefault();
    const row = say.closest("tr");
    const below = row.nextElementSibling;
    if (below?.hasAttribute("data-talk-form")) return below.querySelector("textarea")?.focus();
    return window.htmx.ajax("GET", say.getAttribute("href"), { source: say, target: row, swap: "afterend show:none" });
  }
  const close = event.target.closest("[data-talk-close]");
  if (close) close.closest("[data-talk-form]").remove();
});
