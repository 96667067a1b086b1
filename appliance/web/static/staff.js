// Comfort for the staff's pages: the keypad of the PIN. Without it they work, with the browser's own keyboard.
"use strict";
(() => {
  const keypad = document.querySelector(".keypad");
  if (!keypad) return;
  const fields = [...document.querySelectorAll("input[type=password]")];
  let field = fields[0];
  fields.forEach((each) => each.addEventListener("focus", () => { field = each; }));
  keypad.hidden = false;
  keypad.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if ("clear" in button.dataset) field.value = "";
    else if ("back" in button.dataset) field.value = field.value.slice(0, -1);
    else if (field.value.length < field.maxLength) field.value += button.dataset.digit;
  });
})();
