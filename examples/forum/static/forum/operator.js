/** A burst's progress bar: asked for while it lasts; then the page is read anew, with the whole story. */

const LOOK_MILLISECONDS = 250;

const place = document.querySelector("[data-burst]");
const bar = place.querySelector("progress");
const told = place.querySelector("[data-told]");

async function look() {
  const answer = await fetch(place.dataset.burst, { headers: { Accept: "application/json" } });
  if (!answer.ok) return void setTimeout(look, LOOK_MILLISECONDS * 4);
  const { state, recipients, stored, batches, batches_done: done } = await answer.json();
  if (recipients) bar.max = recipients;
  bar.value = stored;
  told.textContent = `${stored} of ${recipients ?? "?"} stored, ${done} of ${batches} batches published.`;
  if (state === "done" || state === "failed") location.reload();
  else setTimeout(look, LOOK_MILLISECONDS);
}

if (!["done", "failed"].includes(place.dataset.state)) void look();
