/** Every page of a signed-in person: the bell, toasts, the connection indicator, and times that stay right. */

import { hangBell } from "./bell.js";
import { indicateConnection } from "./connection.js";
import { start } from "./live.js";
import { keepTelling } from "./times.js";
import { raiseToasts } from "./toasts.js";

keepTelling();
hangBell();
raiseToasts();
indicateConnection();
void start();

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
