// The first start: the live view while the lens is turned, what a phone typed, and the printer.
"use strict";
(function () {
  const FRAME_EVERY_MS = 150;
  const ASK_EVERY_MS = 1500;
  const byId = (id) => document.getElementById(id);
  const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

  // Sharpness has no scale of its own: it depends on what the camera looks at. So the bar runs from the least to the
  // most sharp that was seen while the lens was turned, and stays empty until those two differ by more than noise does.
  function Scale() {
    const MEDIAN_OF = 5, TURNED = 1.3, SHARPEST = 0.95;
    const last = [];
    let least = Infinity, most = 0;
    return (sharpness) => {
      last.push(sharpness);
      if (last.length > MEDIAN_OF) last.shift();
      const now = [...last].sort((a, b) => a - b)[last.length >> 1];
      if (last.length === MEDIAN_OF) [least, most] = [Math.min(least, now), Math.max(most, now)];
      if (most < least * TURNED) return { level: 0, says: "turn" };
      const level = (now - least) / (most - least);
      return { level, says: now >= SHARPEST * most ? "best" : "nearer" };
    };
  }

  function showSharp({ level, says }) {
    byId("sharp").value = level;
    document.querySelectorAll("[data-says]").forEach((each) => { each.hidden = each.dataset.says !== says; });
  }

  async function watch(view) {
    const scale = Scale();
    for (;;) {
      try {
        const frame = await fetch("/kiosk/setup/preview.jpg", { cache: "no-store" });
        if (frame.status === 200) { // else the camera is in use for a moment
          const url = URL.createObjectURL(await frame.blob());
          view.onload = () => URL.revokeObjectURL(url);
          view.src = url;
          showSharp(scale(Number(frame.headers.get("X-Sharpness"))));
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
  document.documentElement.className = "scripted"; // until here nothing failed
})();
