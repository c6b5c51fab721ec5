// hx-swap="parts": the answer is a list of elements with ids, and each takes the place of its namesake in the page without
// being replaced: only what differs is written. Focus, selections, open branches and the reader's place stay as they are.
// What an element marked data-own holds came by a request of its own and is left alone.

function keepAttributes(old, fresh) {
  let wired = false;
  const write = (name, value) => {
    if (name === "open" && old.nodeName === "DETAILS") return;
    if (name === "class" && old.classList.contains("htmx-request")) return;
    if (value === null) old.removeAttribute(name);
    else old.setAttribute(name, value);
    wired ||= name.startsWith("hx-");
  };
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) write(name, value);
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) write(name, null);
  return wired;
}

function alike(old, fresh) {
  return old.nodeType === fresh.nodeType && old.nodeName === fresh.nodeName && (old.id || "") === (fresh.id || "");
}

function add(parent, node, before) {
  parent.insertBefore(node, before);
  if (node.nodeType === Node.ELEMENT_NODE) htmx.process(node);
}

function mergeChildren(old, fresh) {
  const named = new Map([...old.children].filter((child) => child.id).map((child) => [child.id, child]));
  let at = old.firstChild;
  for (const next of [...fresh.childNodes]) {
    const twin = next.id ? named.get(next.id) : at && !at.id && alike(at, next) ? at : null;
    if (!twin) add(old, next, at);
    else {
      if (twin === at) at = at.nextSibling;
      else old.insertBefore(twin, at);
      merge(twin, next);
    }
  }
  while (at) {
    const after = at.nextSibling;
    at.remove();
    at = after;
  }
}

export function merge(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  if (!alike(old, fresh)) {
    add(old.parentNode, fresh, old);
    old.remove();
  } else if (old.nodeType !== Node.ELEMENT_NODE) old.data = fresh.data;
  else {
    const wired = keepAttributes(old, fresh);
    if (!old.hasAttribute("data-own")) mergeChildren(old, fresh);
    if (wired) htmx.process(old);
  }
}

htmx.defineExtension("parts", {
  isInlineSwap: (style) => style === "parts",
  handleSwap(style, _target, fragment) {
    if (style !== "parts") return false;
    for (const part of [...fragment.children]) {
      const old = part.id && document.getElementById(part.id);
      if (old) merge(old, part);
      else document.dispatchEvent(new CustomEvent("parts:new", { detail: part }));
    }
    return [];
  },
});
