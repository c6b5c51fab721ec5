// What a person hears when a request of htmx does not come back as wished. Refusals (403, 409, 422) are swapped in as the server wrote them.
import { toast } from "./toast.js";

let offline = false;

document.addEventListener("htmx:sendError", () => {
  if (!offline) toast("The server does not answer. This page tries again by itself.");
  offline = true;
});
document.addEventListener("htmx:afterOnLoad", () => {
  offline = false;
});
document.addEventListener("htmx:responseError", (event) => {
  const status = event.detail.xhr.status;
  if ([403, 409, 422].includes(status)) return;
  if (status === 401) location.reload();
  else toast(`The server answered with an error (${status}). Reload the page to see where things stand.`);
});
