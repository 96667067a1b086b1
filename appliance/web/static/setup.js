// The first start: the live view while the lens is turned, what a phone typed, and the printer.
"use strict";
(function () {
  const FRAME_EVERY_MS = 150;
  const ASK_EVERY_MS = 1500;
  const byId = (id) => document.getElementById(id);
  const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

  // The bar is full at the sharpest frame so far: turn past it, and back.
  async function watch(view) {
    let best = 0;
    for (;;) {
      try {
        const frame = await fetch("/kiosk/setup/preview.jpg", { cache: "no-store" });
        if (frame.ok) {
          const url = URL.createObjectURL(await frame.blob());
          view.onload = () => URL.revokeObjectURL(url);
          view.src = url;
          const now = Number(frame.headers.get("X-Sharpness"));
          best = Math.max(best, now);
          byId("sharp").value = best ? now / best : 0;
        }
        byId("offline").hidden = true;
      } catch (lost) {
        byId("offline").hidden = false;
      }
      await sleep(FRAME_EVERY_MS);
    }
  }

  async function listen(field) {
    for (;;) {
      await sleep(ASK_EVERY_MS);
      try {
        const told = await (await fetch("/kiosk/setup/state", { cache: "no-store" })).json();
        byId("offline").hidden = true;
        if (told.clinic !== field.dataset.known) {
          field.dataset.known = told.clinic;
          field.value = told.clinic;
        }
      } catch (lost) {
        byId("offline").hidden = false;
      }
    }
  }

  if (byId("focus-view")) watch(byId("focus-view"));
  if (byId("clinic") && document.body.dataset.step) listen(byId("clinic"));
  if (byId("print")) byId("print").addEventListener("click", () => window.print());
  document.addEventListener("submit", () => {
    if (!byId("working")) return;
    byId("working").hidden = false;
    setTimeout(() => document.querySelectorAll(".actions button").forEach((each) => { each.disabled = true; }), 0);
  });
})();
