// The keyboard: j and k move through the list, Enter opens, r replies, Esc goes back to the row.
import * as composer from "./composer.js";
import * as list from "./list.js";

const typing = (target) => target.closest("input, textarea, select, [contenteditable]");

addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape" && composer.isFocused()) return list.focusOpen();
  if (typing(event.target)) return;
  if (event.key === "j") list.step(1);
  else if (event.key === "k") list.step(-1);
  else if (event.key === "r") { event.preventDefault(); composer.focus(); }
});
