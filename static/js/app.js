// Everything here is an improvement: each page works without it.
import "./theme.js";
import "./copy.js";
import "./menus.js";
import "./keyboard.js";
import "./diff-view.js";
import "./requests.js";
import "./change-form.js";
import "./tabs.js";

document.documentElement.classList.add("has-js");
