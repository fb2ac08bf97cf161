/** Every page of a signed-in person: how rows look, toasts, the connection indicator, and times that stay right. */

import { indicateConnection } from "./connection.js";
import { reloadForAnotherUser } from "./live.js";
import { renderRows } from "./rows.js";
import { keepTelling } from "./times.js";
import { raiseToasts } from "./toasts.js";

keepTelling();
renderRows();
raiseToasts();
indicateConnection();
reloadForAnotherUser();

// A form is sent once, however often its button is pressed.
for (const form of document.querySelectorAll("form[method=post]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
  });
}
window.addEventListener("pageshow", () => {
  for (const form of document.forms) delete form.dataset.sent;
});
