// Changes theme and navigation width in place; without a script the same buttons send their form.
import { remember } from "./preferences.js";

const apply = {
  theme(value, button) {
    document.documentElement.dataset.theme = value;
    for (const other of button.parentElement.querySelectorAll("[name=theme]")) {
      other.setAttribute("aria-pressed", String(other === button));
    }
  },
  nav(value, button) {
    document.querySelector(".app").dataset.nav = value;
    const next = value === "rail" ? "full" : "rail";
    const text = next === "rail" ? "Narrow" : "Widen";
    button.value = next;
    button.title = `${text} the navigation`;
    button.querySelector(".sidenav__text").textContent = text;
  },
};

document.addEventListener("submit", (event) => {
  const button = event.submitter;
  if (!event.target.matches("[data-preference-form]") || !button || !(button.name in apply)) return;
  event.preventDefault();
  remember(button.name, button.value);
  apply[button.name](button.value, button);
});
