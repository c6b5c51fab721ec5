// A run's page between two polls and after each: times go on, new rows find their places, a hidden page asks seldom.
import "./parts.js";

const HIDDEN_MS = 30_000;
const ROWS_OF_A_BRANCH = 200;
const counted = new WeakMap();

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
    const said = element.dataset.elapsedS;
    if (counted.get(element)?.said !== said) counted.set(element, { said, at: now });
    const text = spoken(Number(said) + (now - counted.get(element).at) / 1000);
    if (element.textContent !== text) element.textContent = text;
  }
}
setInterval(() => document.hidden || tick(), 1000);
tick();

// A page in the background asks twice a minute; when somebody looks again, at once.
let asked = 0;
document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.target.id !== "run-live") return;
  if (document.hidden && performance.now() - asked < HIDDEN_MS) event.preventDefault();
  else asked = performance.now();
});
document.addEventListener("visibilitychange", () => {
  const live = document.getElementById("run-live");
  if (!document.hidden && live?.hasAttribute("data-live")) htmx.trigger(live, "run:look");
});

// A page that is filtered names its rows, for one of them may match no longer, and would not be told of.
document.addEventListener("htmx:configRequest", (event) => {
  if (event.target.id !== "run-live" || !event.target.hasAttribute("data-filtered")) return;
  const rows = document.querySelectorAll("li[data-row]");
  event.detail.parameters.have = [...rows].map((row) => key(row).id).join(".");
});

// A device that the filter lets through since a moment ago: into its branch, at its place in the plan.
function key(row) {
  const [wave, id, ...site] = row.dataset.row.split(":");
  return { wave, id: Number(id), site: site.join(":") };
}

function holds(list, { wave, id, site }) {
  const [of, after, last, ...rest] = list.dataset.rowsOf.split(":");
  const inside = id > Number(after) && (last === "0" || id <= Number(last));
  return of === wave && inside && (rest.length === 0 || rest.join(":") === site);
}

document.addEventListener("parts:new", ({ detail: row }) => {
  if (!row.matches("li[data-row]") || row.hasAttribute("data-other")) return;
  const list = [...document.querySelectorAll("[data-rows-of]")].find((each) => holds(each, key(row)));
  if (!list) return;
  if (list.children.length >= ROWS_OF_A_BRANCH) {
    list.parentElement.querySelector(".branch__more")?.removeAttribute("hidden");
    return;
  }
  const next = [...list.children].find((each) => key(each).id > key(row).id);
  list.insertBefore(row, next ?? null);
  htmx.process(row);
});

// A device that is in view is unfolded where it stands; any other has a page.
function unfold(row) {
  const more = row?.querySelector("details");
  if (!more) return false;
  more.open = true;
  row.scrollIntoView({ block: "center" });
  more.querySelector("summary").focus({ preventScroll: true });
  return true;
}
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-row]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  if (unfold(document.getElementById(link.dataset.row))) event.preventDefault();
});
if (location.hash.startsWith("#device-run-")) unfold(document.getElementById(location.hash.slice(1)));
