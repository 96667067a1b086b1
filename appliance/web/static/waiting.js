// Waits for the answer, as long as it takes: over dropped connections and a box that restarts.
"use strict";
(function () {
  const LONGEST_PAUSE_S = 30;
  const GIVE_UP_MS = 15000;
  const waiting = document.getElementById("waiting");
  const place = document.getElementById("place");
  const offline = document.getElementById("offline");
  let wake = () => {};

  function pause(seconds) {
    return new Promise((done) => {
      wake = done;
      setTimeout(done, seconds * 1000);
    });
  }

  async function ask() {
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), GIVE_UP_MS);
    try {
      const response = await fetch(waiting.dataset.api, { cache: "no-store", signal: abort.signal });
      return { status: response.status, retryAfter: Number(response.headers.get("Retry-After")) || 5, body: await response.json() };
    } finally {
      clearTimeout(timer);
    }
  }

  async function wait() {
    let failures = 0;
    for (;;) {
      let seconds = Math.min(LONGEST_PAUSE_S, 2 ** failures);
      try {
        const answer = await ask();
        offline.hidden = true;
        failures = 0;
        if (answer.status === 200 || answer.status === 404) {
          location.reload(); // the page itself says it better
          return;
        }
        seconds = answer.retryAfter;
        if (answer.status === 202) place.textContent = place.dataset.text.replace("#", answer.body.position);
      } catch (lost) {
        failures += 1;
        offline.hidden = false;
      }
      await pause(seconds);
    }
  }

  document.getElementById("reload").hidden = true; // it is for those whose page does not ask by itself
  window.addEventListener("online", () => wake());
  window.addEventListener("pageshow", () => wake());
  document.addEventListener("visibilitychange", () => wake());
  wait();
})();
