// <details data-drop> opens by itself; this closes it: by Escape, by a click elsewhere, by leaving it.
const open = () => document.querySelectorAll("details[data-drop][open]");

addEventListener("click", (event) => {
  for (const drop of open()) if (!drop.contains(event.target)) drop.open = false;
});
addEventListener("focusin", (event) => {
  for (const drop of open()) if (!drop.contains(event.target)) drop.open = false;
});
addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const drop of open()) {
    drop.open = false;
    drop.querySelector("summary").focus();
    event.stopImmediatePropagation();
  }
}, true);
