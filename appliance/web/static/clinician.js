// Comfort only: without it the form asks for the page again, and the map has its fixed strength.
"use strict";
(function () {
  const picture = document.getElementById("map-picture");
  if (!picture) return;
  const chosen = document.getElementById("map-class");
  const opacity = document.getElementById("map-opacity");
  const told = document.getElementById("map-opacity-value");

  function show() {
    picture.style.opacity = opacity.value / 100;
    told.textContent = `${opacity.value} %`;
  }

  document.getElementById("map-show").hidden = true;
  document.getElementById("map-opacity-field").hidden = false;
  opacity.addEventListener("input", show);
  chosen.addEventListener("change", () => {
    picture.src = picture.dataset.pattern.replace("CLASS", chosen.value);
  });
  show();
})();
