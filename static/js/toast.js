// A short notice in a polite live region. Never the only place where something is said.
const SHOWN_MS = 5000;

export function toast(text) {
  const region = document.querySelector("[data-toasts]");
  if (!region) return;
  const notice = document.createElement("div");
  notice.className = "toast";
  notice.textContent = text;
  region.append(notice);
  setTimeout(() => notice.remove(), SHOWN_MS);
}
