// Single keys, silent while somebody types or a dialog is open. The list people see is includes/_keyboard_help.html.
import { markInTree } from "./device-tree.js";

const GO_MS = 1200;
let goUntil = 0;

const typing = (element) => element.closest("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]");
const visible = (element) => element.offsetParent !== null;

function step(selector, by) {
  const all = [...document.querySelectorAll(selector)].filter(visible);
  if (!all.length) return null;
  const at = all.findIndex((element) => "current" in element.dataset);
  const next = all[at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + by, 0), all.length - 1)];
  for (const element of all) if (element !== next) delete element.dataset.current;
  next.dataset.current = "";
  return next;
}

function toDevice(by) {
  const device = step("[data-device-diff]", by);
  if (!device) return;
  for (const hunk of document.querySelectorAll("[data-hunk][data-current]")) delete hunk.dataset.current;
  device.scrollIntoView({ block: "start" });
  device.focus({ preventScroll: true });
  markInTree(device.id);
}

function toHunk(by) {
  const hunk = step("[data-hunk]", by);
  if (!hunk) return;
  hunk.scrollIntoView({ block: "start" });
  const device = hunk.closest("[data-device-diff]");
  for (const other of document.querySelectorAll("[data-device-diff][data-current]")) if (other !== device) delete other.dataset.current;
  if (device) {
    device.dataset.current = "";
    markInTree(device.id);
  }
}

function toggleViewed() {
  const device = document.querySelector("[data-device-diff][data-current]") ?? document.querySelector("[data-device-diff]");
  device?.querySelector("[data-key-viewed]")?.click();
}

function focusOn(selector) {
  const target = document.querySelector(selector);
  if (!target) return false;
  target.scrollIntoView({ block: "center" });
  target.focus({ preventScroll: true });
  return true;
}

function help() {
  const dialog = document.getElementById("keyboard-help");
  if (dialog && !dialog.open) dialog.showModal();
}

const keys = {
  j: () => toDevice(1),
  k: () => toDevice(-1),
  n: () => toHunk(1),
  p: () => toHunk(-1),
  v: toggleViewed,
  s: () => document.querySelector("[data-diff-choice]:not([aria-current])")?.click(),
  a: () => focusOn("[data-key-decision]"),
  "/": () => focusOn("[data-key-search]"),
  "?": help,
};
const places = { i: "Inbox", c: "Changes", d: "Devices", a: "Audit" };

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (typing(event.target) || document.querySelector("dialog[open]")) return;
  const now = performance.now();
  if (now < goUntil && event.key in places) {
    goUntil = 0;
    event.preventDefault();
    document.querySelector(`.sidenav__link[title="${places[event.key]}"]`)?.click();
    return;
  }
  goUntil = event.key === "g" ? now + GO_MS : 0;
  if (!Object.hasOwn(keys, event.key)) return;
  event.preventDefault();
  keys[event.key]();
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-key-help]")) help();
});
