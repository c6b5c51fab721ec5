// The device list beside a review: which device the reader is at.
export function markInTree(id) {
  const links = [...document.querySelectorAll(".tree__link")];
  // A diff that the list does not name leaves the mark where it is.
  const here = links.find((link) => link.hash === `#${id}`);
  if (!here) return;
  for (const link of links) link.removeAttribute("aria-current");
  here.setAttribute("aria-current", "true");
}
