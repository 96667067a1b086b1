// A page that the back button brings out of the browser's memory may show what has been deleted or withdrawn since.
"use strict";
window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
