// Sends a photo so that neither a dropped connection nor a reload loses it, or sends it twice.
//
// Until the box has accepted it, the photo lies in this browser (IndexedDB), its Idempotency-Key and answers in
// localStorage. Every attempt carries the same key, so the box makes one case of all of them. A photo that was chosen
// and not sent stays for this tab alone (sessionStorage says so), and is removed by the next visit in another.
"use strict";
(function () {
  const PENDING = "dermkiosk.pending";
  const LAST = "dermkiosk.last";
  const CHOSEN = "dermkiosk.chosen";
  const LONGEST_PAUSE_S = 30;
  const GIVE_UP_MS = 120000;

  const byId = (id) => document.getElementById(id);
  const form = byId("form");
  const inputs = ["phone_camera", "phone_gallery"].map((name) => form.elements[name]);
  let chosen = null; // {file, source}
  let request = null; // the XMLHttpRequest under way
  let timer = null; // the next attempt
  let attempt = 0;
  let lastWord = 0; // how often a photo was kept or forgotten

  // --- what survives a reload -------------------------------------------------------------------

  function database() {
    return new Promise((done, fail) => {
      const opening = indexedDB.open("dermkiosk", 1);
      opening.onupgradeneeded = () => opening.result.createObjectStore("photo");
      opening.onsuccess = () => done(opening.result);
      opening.onerror = () => fail(opening.error);
    });
  }

  async function photoStore(mode, act) {
    const opened = await database();
    try {
      return await new Promise((done, fail) => {
        const transaction = opened.transaction("photo", mode);
        const asked = act(transaction.objectStore("photo"));
        transaction.oncomplete = () => done(asked.result);
        transaction.onerror = transaction.onabort = () => fail(transaction.error);
      });
    } finally {
      opened.close();
    }
  }

  // As bytes: Safari's private windows keep those, and refuse a File. Reading takes a while: what was chosen, sent or
  // called off meanwhile is the last word.
  async function keep(key, file) {
    const mine = lastWord += 1;
    const bytes = await new Response(file).arrayBuffer(); // Safari before 14 has no file.arrayBuffer
    if (mine !== lastWord) return;
    await photoStore("readwrite", (store) => { store.clear(); return store.put({ bytes: bytes, type: file.type }, key); });
  }

  // A box updated meanwhile: its earlier version kept the File itself.
  async function keptPhoto(key) {
    const photo = await photoStore("readonly", (store) => store.get(key));
    return photo instanceof Blob ? photo : photo && new Blob([photo.bytes], { type: photo.type });
  }

  // A browser may refuse any storage; then sending works, only a reload starts over.
  const tolerate = (promise) => promise.catch(() => undefined);
  const keptBy = (name) => (name === CHOSEN ? sessionStorage : localStorage);
  const remember = (name, value) => { try { keptBy(name).setItem(name, JSON.stringify(value)); } catch (refused) { /* see tolerate */ } };
  const recall = (name) => { try { return JSON.parse(keptBy(name).getItem(name)); } catch (refused) { return null; } };
  const forget = (name) => { try { keptBy(name).removeItem(name); } catch (refused) { /* see tolerate */ } };

  function forgetPhoto() {
    lastWord += 1;
    forget(PENDING);
    forget(CHOSEN);
    return tolerate(photoStore("readwrite", (store) => store.clear()));
  }

  function newKey() {
    const bytes = crypto.getRandomValues(new Uint8Array(16)); // randomUUID needs https
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  // --- what is on the page ----------------------------------------------------------------------

  function showOnly(id) {
    ["form", "sending", "failed"].forEach((each) => { byId(each).hidden = each !== id; });
    byId("last").hidden = id !== "form" || !recall(LAST);
    window.scrollTo(0, 0);
  }

  function status(id) {
    ["checking", "retrying", "busy", "paced"].forEach((each) => { byId("status-" + each).hidden = each !== id; });
    byId("percent").hidden = Boolean(id);
    byId("now").hidden = !["retrying", "busy", "paced"].includes(id);
  }

  function progress(share) {
    const percent = Math.floor(share * 100);
    byId("progress").value = percent;
    byId("percent").textContent = percent + "%";
  }

  function refuse(detail, remedy) {
    byId("failed-text").textContent = detail;
    byId("failed-remedy").textContent = remedy;
    showOnly("failed");
  }

  function choose(input) {
    const file = input.files[0];
    if (!file) return;
    inputs.forEach((other) => { if (other !== input) other.value = ""; });
    show({ file: file, source: input.name });
    noteChoice();
    tolerate(keep(CHOSEN, file));
  }

  const nameOf = (choice) => choice.name || choice.file.name;

  function noteChoice() {
    if (chosen) remember(CHOSEN, { source: chosen.source, name: nameOf(chosen), site: form.elements.site.value });
  }

  function show(choice) {
    chosen = choice;
    const image = byId("preview-image");
    if (image.src) URL.revokeObjectURL(image.src);
    image.hidden = false;
    byId("preview-unshown").hidden = true;
    image.src = URL.createObjectURL(choice.file);
    byId("preview-name").textContent = "✓ " + nameOf(choice);
    byId("preview").hidden = false;
    byId("missing").hidden = true;
  }

  function unchoose() {
    chosen = null;
    forgetPhoto();
    inputs.forEach((input) => { input.value = ""; });
    byId("preview").hidden = true;
  }

  // --- sending ----------------------------------------------------------------------------------

  function again(pending, reason, seconds) {
    status(reason);
    clearTimeout(timer);
    timer = setTimeout(() => send(pending), 1000 * (seconds || Math.min(LONGEST_PAUSE_S, 2 ** attempt)));
    attempt += 1;
  }

  function problemOf(xhr) {
    try { return JSON.parse(xhr.responseText); } catch (unreadable) { return {}; }
  }

  async function answered(pending, xhr) {
    if (xhr.status === 202) {
      const page = JSON.parse(xhr.responseText).page_url;
      remember(LAST, page);
      await forgetPhoto();
      location.replace(page);
    } else if (xhr.status === 429) { // too many in an hour: the photo is as good later
      again(pending, "paced", Number(xhr.getResponseHeader("Retry-After")));
    } else if (xhr.status >= 400 && xhr.status < 500 || xhr.status === 507) {
      const problem = problemOf(xhr);
      await forgetPhoto();
      refuse(problem.detail || form.dataset.tooLarge, problem.remedy || "");
    } else {
      again(pending, "busy", Number(xhr.getResponseHeader("Retry-After")));
    }
  }

  function send(pending) {
    clearTimeout(timer);
    const body = new FormData();
    body.append("site", pending.site);
    body.append("consent", pending.consent);
    if (pending.letter) body.append("letter", pending.letter);
    body.append("source", pending.source);
    body.append("after", pending.after || "");
    body.append("photo", pending.photo, pending.name);
    const xhr = request = new XMLHttpRequest();
    xhr.open("POST", form.dataset.api);
    xhr.setRequestHeader("Idempotency-Key", pending.key);
    xhr.timeout = GIVE_UP_MS;
    xhr.upload.onprogress = (event) => { if (event.lengthComputable) progress(event.loaded / event.total); };
    xhr.upload.onload = () => { progress(1); status("checking"); };
    xhr.onload = () => answered(pending, xhr);
    xhr.onerror = xhr.ontimeout = () => again(pending, "retrying");
    showOnly("sending");
    status(null);
    progress(0);
    xhr.send(body);
  }

  async function begin(event) {
    event.preventDefault();
    if (!chosen) {
      byId("missing").hidden = false;
      byId("missing").scrollIntoView({ block: "center" });
      return;
    }
    if (chosen.file.size > Number(form.dataset.maxBytes)) {
      refuse(form.dataset.tooLarge, form.dataset.tooLargeRemedy);
      return;
    }
    const answers = { key: newKey(), source: chosen.source, name: nameOf(chosen), site: form.elements.site.value, consent: "yes", letter: form.elements.letter.checked ? "yes" : "", after: form.elements.after.value };
    attempt = 0;
    const photo = chosen.file;
    await tolerate(keep(answers.key, photo));
    forget(CHOSEN);
    remember(PENDING, answers);
    start(answers, photo);
  }

  let current = null; // what is being sent
  function start(answers, photo) {
    current = Object.assign({ photo: photo }, answers);
    send(current);
  }

  async function resume() {
    const answers = recall(PENDING);
    const photo = answers && await tolerate(keptPhoto(answers.key));
    if (photo) start(answers, photo);
    else if (!chosen) await showAgain();
  }

  async function showAgain() {
    const choice = recall(CHOSEN);
    const file = choice && await tolerate(keptPhoto(CHOSEN));
    if (file && !chosen) {
      show({ file: file, source: choice.source, name: choice.name });
      form.elements.site.value = form.elements.site.value || choice.site;
    } else if (!chosen) {
      await forgetPhoto(); // another tab's, or the browser did not keep it: the form starts over
    }
  }

  // A result that ran out or was deleted is not offered.
  async function offerLast() {
    const page = recall(LAST);
    if (!page) return;
    byId("last-open").href = page;
    const answer = await tolerate(fetch(form.dataset.results + page.split("/").pop(), { cache: "no-store" }));
    if (answer && answer.status === 404) {
      forget(LAST);
      byId("last").hidden = true;
    }
  }

  function stop() {
    clearTimeout(timer);
    if (request) request.abort();
    current = null;
    forgetPhoto();
    showOnly("form");
  }

  function hurry() {
    if (current && !byId("now").hidden) send(current);
  }

  // A locked phone stops the clock of this page: look again as soon as somebody looks at it.
  function seen() {
    if (!document.hidden) hurry();
  }

  form.classList.add("enhanced");
  inputs.forEach((input) => {
    input.addEventListener("change", () => choose(input));
    if (input.files.length) choose(input); // kept by the browser over a reload
  });
  byId("preview-image").addEventListener("error", () => {
    byId("preview-image").hidden = true;
    byId("preview-unshown").hidden = false;
  });
  form.elements.site.addEventListener("change", noteChoice);
  form.addEventListener("submit", begin);
  byId("cancel").addEventListener("click", stop);
  byId("now").addEventListener("click", hurry);
  byId("other").addEventListener("click", () => {
    unchoose();
    showOnly("form");
  });
  byId("last-forget").addEventListener("click", () => { forget(LAST); byId("last").hidden = true; });
  window.addEventListener("online", hurry);
  window.addEventListener("pageshow", seen);
  document.addEventListener("visibilitychange", seen);
  showOnly("form");
  offerLast();
  resume();
})();
