// A phone knows what time it is: offer its time. It is read when the button is pressed, not when the page was opened.
"use strict";

const form = document.getElementById("phone-time");
if (form) {
  const show = () => { document.getElementById("phone-now").textContent = new Date().toLocaleString(document.documentElement.lang); };
  show();
  setInterval(show, 1000);
  form.addEventListener("submit", () => { document.getElementById("phone-ms").value = Date.now(); });
  form.hidden = false;
}
