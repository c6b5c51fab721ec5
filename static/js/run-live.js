// A run's page between two polls: times go on, and a link to a device opens its record.
const seenAt = new WeakMap();

function spoken(seconds) {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  if (Math.round(seconds) < 60) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(Math.round(seconds) / 60);
  const rest = Math.round(seconds) % 60;
  if (minutes < 60) return `${minutes} min ${String(rest).padStart(2, "0")} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}

// The server says how long it has been; only the time since then is measured here, so that clocks need not agree.
function tick() {
  const now = performance.now();
  for (const element of document.querySelectorAll("[data-elapsed-s]")) {
    if (!seenAt.has(element)) seenAt.set(element, now);
    const text = spoken(Number(element.dataset.elapsedS) + (now - seenAt.get(element)) / 1000);
    if (element.textContent !== text) element.textContent = text;
  }
}
setInterval(tick, 1000);
tick();

function unfold() {
  const row = location.hash.startsWith("#device-run-") && document.getElementById(location.hash.slice(1));
  const more = row && row.querySelector("details");
  if (more) more.open = true;
}
window.addEventListener("hashchange", unfold);
unfold();
