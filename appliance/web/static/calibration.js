// Says that a measurement is under way, and keeps a second touch from beginning another.
"use strict";
document.addEventListener("submit", () => {
  document.querySelectorAll("button, a.button").forEach((each) => { each.hidden = true; });
  document.getElementById("working").hidden = false;
});
