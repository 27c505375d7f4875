// Menus and dialogs.

// ---------------------------------------------------------------- menus
// <details data-drop> opens by itself; this closes it: by Escape, by a click elsewhere, by leaving it.
const openMenus = () => document.querySelectorAll("details[data-drop][open]");

addEventListener("click", (event) => {
  for (const drop of openMenus()) if (!drop.contains(event.target)) drop.open = false;
});
addEventListener("focusin", (event) => {
  for (const drop of openMenus()) if (!drop.contains(event.target)) drop.open = false;
});
// The account's menu stands in the sidebar and behind the phone's tab bar: there is one of it, where it was opened last.
addEventListener("click", ({ target }) => {
  const drop = target.closest?.("details[data-borrows] > summary")?.parentElement;
  if (drop) drop.append(document.getElementById(drop.dataset.borrows));
}, true);
addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const drop of openMenus()) {
    drop.open = false;
    drop.querySelector("summary").focus();
    event.stopImmediatePropagation();
  }
}, true);

// ---------------------------------------------------------------- dialogs
// A part that was fetched into #dialog is shown as one; the server closes it by the event dialog:close, anybody by a
// button with data-close.
const dialog = document.getElementById("dialog");

if (dialog) {
  dialog.addEventListener("htmx:afterSwap", ({ target }) => {
    if (target === dialog && !dialog.open && dialog.childElementCount) dialog.showModal();
  });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog || event.target.closest("[data-close]")) dialog.close();
  });
  dialog.addEventListener("close", () => dialog.replaceChildren());
  addEventListener("dialog:close", () => dialog.close());
}
