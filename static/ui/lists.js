// Lists of rows: what is selected, and a filter bar whose addresses leave out empty fields. Without this script the
// same boxes and buttons are forms.
import { counted, word } from "./words.js";

const boxesOf = (form) => [...form.querySelectorAll("[name=selected]")];
const barOf = (form) => form.querySelector("[data-bulk]");
let lastBox = null;                                                      // where a range begins

function drawSelection(form) {
  const bar = barOf(form), page = form.querySelector("[data-select-page]");
  if (!bar || !page) return;
  const boxes = boxesOf(form), n = boxes.filter((box) => box.checked).length, all = bar.querySelector("[name=all]");
  page.checked = n > 0 && n === boxes.length;
  page.indeterminate = n > 0 && n < boxes.length;
  if (!page.checked) all.checked = false;
  bar.toggleAttribute("data-open", n > 0);
  bar.querySelector("[data-bulk-all]").hidden = !page.checked || !("more" in form.dataset);
  bar.querySelector("[data-bulk-count]").textContent = all.checked ? word("selected-all") : counted("selected", n);
}

const drawAll = () => document.querySelectorAll("form[data-list-form]").forEach(drawSelection);

addEventListener("click", (event) => {
  const box = event.target;
  if (!box.matches?.("[data-list-form] [name=selected]")) return;
  const boxes = boxesOf(box.form), from = boxes.indexOf(lastBox), to = boxes.indexOf(box);
  if (event.shiftKey && from >= 0) {
    for (const each of boxes.slice(Math.min(from, to), Math.max(from, to) + 1)) each.checked = box.checked;
  }
  lastBox = box;
});
addEventListener("change", ({ target }) => {
  const form = target.closest("form[data-list-form]");
  if (!form) return;
  if (target.matches("[data-select-page]")) for (const box of boxesOf(form)) box.checked = target.checked;
  drawSelection(form);
});
addEventListener("reset", ({ target }) => {
  if (target.matches("form[data-list-form]")) setTimeout(() => drawSelection(target));   // the boxes are emptied after this
});
// A form that is sent again by the way back still has its boxes, which the browser fills in late.
addEventListener("pageshow", drawAll);
addEventListener("htmx:afterSettle", drawAll);

addEventListener("htmx:configRequest", ({ target, detail }) => {
  if (!target.matches?.("[data-list-filters]")) return;
  for (const [name, value] of [...detail.formData.entries()]) if (!value) detail.formData.delete(name);
});

drawAll();
