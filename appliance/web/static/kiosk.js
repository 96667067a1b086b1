// The kiosk's page: moves on when the visit does, shows the live view, and says when nobody seems to be there.
"use strict";
(function () {
  const STATE_EVERY_MS = 500;
  const FRAME_EVERY_MS = 60; // and the time a frame takes
  const TROUBLE_EVERY_MS = 2000;
  const GIVE_UP_MS = 10000;
  const WARN_S = 30;
  const HERE_EVERY_MS = 2000;
  const CODE_CHARACTERS = 6;

  const { phase, step } = document.body.dataset;
  const byId = (id) => document.getElementById(id);
  const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

  // A server that hangs is as bad as one that is gone: no request waits for ever.
  async function ask(path) {
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), GIVE_UP_MS);
    try {
      const response = await fetch(path, { headers: { Accept: "application/json" }, cache: "no-store", signal: abort.signal });
      const picture = response.ok && path.endsWith(".jpg");
      return { ok: response.ok, status: response.status, hint: response.headers.get("X-Hint"), body: await (picture ? response.blob() : response.json()) };
    } finally {
      clearTimeout(timer);
    }
  }

  // What is drawn is on the screen after the second frame; a page in the background has none, and must not wait for ever.
  const drawn = () => Promise.race([sleep(200), new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))]);

  async function follow() {
    await drawn(); // the box takes a photograph once the dark page asks
    for (;;) {
      try {
        const state = await ask(`/kiosk/state?step=${step}`);
        byId("offline").hidden = true;
        if (!state.ok || state.body.phase !== phase || String(state.body.step) !== step) {
          location.replace("/");
          return;
        }
        showPause(state.body.left_s);
        const place = byId("place");
        if (place) place.textContent = place.dataset.text.replace("#", state.body.position);
      } catch (lost) {
        byId("offline").hidden = false;
      }
      await sleep(STATE_EVERY_MS);
    }
  }

  function showFrame(view, blob) {
    const url = URL.createObjectURL(blob);
    view.onload = () => URL.revokeObjectURL(url);
    view.src = url;
    view.hidden = false;
    byId("starting").hidden = true;
    byId("trouble").hidden = true;
  }

  function showHint(hint) {
    document.querySelectorAll("[data-hint]").forEach((each) => { each.hidden = each.dataset.hint !== hint; });
    if (!byId("points")) return;
    byId("points").hidden = Boolean(hint);
    document.querySelector(".viewfinder").dataset.ready = String(hint === "ready");
  }

  function showTrouble(problem) {
    showHint(null);
    byId("trouble-text").textContent = problem.detail;
    byId("trouble-remedy").textContent = problem.remedy;
    byId("trouble").hidden = false;
  }

  async function watch(view) {
    let wake = () => {};
    byId("retry").addEventListener("click", () => wake());
    for (;;) {
      let pause = FRAME_EVERY_MS;
      try {
        const frame = await ask("/kiosk/preview.jpg");
        if (frame.status === 200) {
          showFrame(view, frame.body);
          showHint(frame.hint);
        } else if (!frame.ok) {
          showTrouble(frame.body);
          pause = TROUBLE_EVERY_MS;
        }
      } catch (lost) {
        pause = TROUBLE_EVERY_MS; // follow() says it
      }
      await Promise.race([sleep(pause), new Promise((done) => { wake = done; })]);
    }
  }

  // Sent from here and not by the browser, which would leave the screen on its own error page while the box restarts.
  let sending = false;
  async function send(form, button) {
    if (sending) return; // a double tap
    sending = true;
    const fields = new URLSearchParams(new FormData(form));
    if (button && button.name) fields.append(button.name, button.value);
    try {
      await fetch(form.action, { method: "POST", body: fields, redirect: "manual" });
      location.replace("/"); // whatever the answer: the page there shows where the visit stands
    } catch (lost) {
      sending = false; // follow() says it
    }
  }

  // The box counts the time (a result has none); the page only says what is left, and that somebody is there.
  function showPause(leftS) {
    const said = byId(phase === "done" ? "countdown" : "pause");
    if (!said || leftS === null) return;
    said.textContent = said.dataset.text.replace("#", Math.max(leftS, 0));
    if (phase !== "done") byId("here").hidden = leftS > WARN_S;
  }

  let toldMs = 0;
  function here() {
    if (phase === "done" || Date.now() - toldMs < HERE_EVERY_MS) return;
    toldMs = Date.now();
    const form = byId("here");
    fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)), redirect: "manual" }).catch(() => {});
  }

  // The keypad, without a new page for each key.
  let typed = byId("typed") ? byId("typed").dataset.typed : "";
  function press(form, key) {
    typed = key.length === 1 && key !== "-" ? typed + key : typed.slice(0, -1);
    byId("typed").querySelectorAll("span").forEach((place, at) => { place.textContent = typed[at] || ""; });
    if (typed.length === CODE_CHARACTERS) send(form, { name: "code", value: typed });
  }

  // A touch on the drawn body is a touch on the label that names the spot; where there is none, on that of the other side.
  function pointAt(event) {
    const spot = event.target.closest("[data-site]");
    if (!spot) return;
    const named = `button[value="${spot.dataset.site}"]`;
    (spot.closest(".side").querySelector(named) || document.querySelector(named)).click();
  }

  const agree = document.querySelector("#agree input[name=consent]");
  if (agree) {
    byId("continue").disabled = !agree.checked;
    agree.addEventListener("change", () => { byId("continue").disabled = !agree.checked; });
  }
  document.addEventListener("submit", (event) => {
    event.preventDefault();
    if (event.target.id === "here") return here();
    if (event.target.id === "keypad") return press(event.target, event.submitter.value);
    return send(event.target, event.submitter);
  });
  for (const kind of ["pointerdown", "keydown"]) document.addEventListener(kind, here);
  document.querySelectorAll(".figure").forEach((figure) => figure.addEventListener("click", pointAt));
  // A page that the browser kept for its back button would show the last patient.
  window.addEventListener("pageshow", (event) => { if (event.persisted) location.replace("/"); });
  window.addEventListener("pagehide", () => { document.body.hidden = true; });
  document.documentElement.className = "scripted"; // until here nothing failed
  follow();
  if (byId("view")) watch(byId("view"));
})();
