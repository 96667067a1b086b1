// The kiosk's page: moves on when the visit does, shows the live view, and forgets the patient when nobody is there.
"use strict";
(function () {
  const STATE_EVERY_MS = 500;
  const FRAME_EVERY_MS = 60; // and the time a frame takes
  const TROUBLE_EVERY_MS = 2000;
  const GIVE_UP_MS = 10000;
  const FORGET_AFTER_MS = 5 * 60 * 1000;

  const phase = document.body.dataset.phase;
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

  async function follow() {
    for (;;) {
      try {
        const state = await ask("/kiosk/state");
        byId("offline").hidden = true;
        if (!state.ok || state.body.phase !== phase) {
          location.replace("/");
          return;
        }
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

  function forgetWhenLeft() {
    const end = byId("end");
    let timer = setTimeout(() => send(end), FORGET_AFTER_MS);
    document.addEventListener("pointerdown", () => {
      clearTimeout(timer);
      timer = setTimeout(() => send(end), FORGET_AFTER_MS);
    });
  }

  const agree = document.querySelector("#agree input[type=checkbox]");
  if (agree) {
    byId("continue").disabled = !agree.checked;
    agree.addEventListener("change", () => { byId("continue").disabled = !agree.checked; });
  }
  document.addEventListener("submit", (event) => {
    event.preventDefault();
    send(event.target, event.submitter);
  });
  follow();
  if (phase === "live") watch(byId("view"));
  if (["consent", "site", "live", "failed", "result", "refer"].includes(phase)) forgetWhenLeft();
})();
