// The form of a change: line numbers beside the content, a word before typed text is lost, and the first problem in sight.
const form = document.querySelector("form[data-unsaved]");

function numbered(area) {
  const editor = document.createElement("div");
  const numbers = document.createElement("div");
  editor.className = "editor";
  numbers.className = "editor__numbers";
  numbers.setAttribute("aria-hidden", "true");
  area.replaceWith(editor);
  editor.append(numbers, area);
  let drawn = 0;
  const draw = () => {
    const count = area.value.split("\n").length;
    if (count !== drawn) numbers.textContent = Array.from({ length: count }, (_, at) => at + 1).join("\n");
    drawn = count;
    numbers.scrollTop = area.scrollTop;
  };
  area.addEventListener("input", draw);
  area.addEventListener("scroll", draw);
  draw();
}

if (form) {
  for (const area of form.querySelectorAll("textarea[data-code]")) numbered(area);

  let unsaved = form.dataset.unsaved === "typed";
  form.addEventListener("input", () => {
    unsaved = true;
  });
  form.addEventListener("submit", () => {
    unsaved = false;
  });
  addEventListener("beforeunload", (event) => {
    if (unsaved) event.preventDefault();
  });

  // A choice that was made while an answer was under way is asked about next; the answer would put the old list over it.
  const targets = form.querySelector("#targets .targets");
  let chosenSince = false;
  targets?.addEventListener("change", () => (chosenSince = true), { capture: true });
  targets?.addEventListener("htmx:beforeSend", () => (chosenSince = false));
  targets?.addEventListener("htmx:beforeSwap", (event) => {
    if (chosenSince) event.detail.shouldSwap = false;
  });

  document.querySelector("[data-focus-first]")?.focus();
}
