// Has axe judge the contrast of the texts in view, each kind of text once: `known` are the kinds that it passed before.
// A kind is what contrast comes from: colour, size and weight of the text, and all that is painted behind it. Only what
// axe passed is known from then on; where it could not tell, or where the text is not in view, it is asked again.
async ({ known, options }) => {
  const familiar = new Set(known);
  const kinds = new Map(); // of elements that are not known to pass
  const unknown = new Map(); // the elements of each such kind
  const grounds = new Map();

  const ground = (element) => {
    if (!element) return "";
    if (!grounds.has(element)) {
      const { backgroundColor, backgroundImage, opacity, filter, mixBlendMode } = getComputedStyle(element);
      const own = [backgroundColor, backgroundImage, opacity, filter, mixBlendMode].join(" ");
      const paints = own !== "rgba(0, 0, 0, 0) none 1 none normal";
      grounds.set(element, ground(element.parentElement) + (paints ? `${own};` : ""));
    }
    return grounds.get(element);
  };
  const kind = (element) => {
    const { color, fontSize, fontWeight, textShadow } = getComputedStyle(element);
    const place = `${element.tagName}.${element.className} in ${element.parentElement.className}`;
    const text = [place, color, fontSize, fontWeight, textShadow, ground(element)].join("|");
    let [low, high] = [7, 31];
    for (let at = 0; at < text.length; at += 1) {
      low = Math.imul(low ^ text.charCodeAt(at), 2654435761);
      high = Math.imul(high ^ text.charCodeAt(at), 1597334677);
    }
    return `${low >>> 0} ${high >>> 0}`;
  };
  const speaks = (element) =>
    /^(INPUT|SELECT|TEXTAREA)$/.test(element.tagName) ||
    [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());

  for (const element of document.body.querySelectorAll("*")) {
    if (!speaks(element) || !element.checkVisibility({ visibilityProperty: true })) continue;
    const its = kind(element);
    if (familiar.has(its)) continue;
    kinds.set(element, its);
    unknown.set(its, [...(unknown.get(its) ?? []), element]);
  }

  const violations = [];
  const passed = [];
  const judge = async (include) => {
    if (include.length === 0) return;
    const asked = { runOnly: ["color-contrast"], resultTypes: ["violations", "passes"], elementRef: true };
    const found = await axe.run({ include }, { ...options, ...asked });
    violations.push(...found.violations);
    for (const { element } of found.passes.flatMap((rule) => rule.nodes)) {
      if (unknown.delete(kinds.get(element))) passed.push(kinds.get(element));
    }
  };
  await judge([...unknown.values()].map((alike) => alike[0]));
  if (violations.length === 0) await judge([...unknown.values()].flat());
  return { violations, passed };
};
