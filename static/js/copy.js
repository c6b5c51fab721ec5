// Copy buttons: <button data-copy="text"> or data-copy-from="#id".
import { toast } from "./toast.js";

const SHOWN_MS = 1600;

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy], [data-copy-from]");
  if (!button) return;
  const source = button.dataset.copyFrom && document.querySelector(button.dataset.copyFrom);
  const text = source ? source.textContent : button.dataset.copy;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    toast("This browser does not let pages copy here. Select the text and copy it yourself.");
    return;
  }
  button.dataset.copied = "";
  toast("Copied.");
  setTimeout(() => delete button.dataset.copied, SHOWN_MS);
});
