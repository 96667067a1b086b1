// The browser's own menu prints as well; this only saves looking for it.
"use strict";
(function () {
  const button = document.getElementById("print");
  button.hidden = false;
  button.addEventListener("click", () => window.print());
})();
