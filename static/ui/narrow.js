// Menus with many entries have a field that narrows them: only what holds each of its words stays.
export function narrow(list, text) {
  const words = text.toLowerCase().split(/\s+/);
  for (const each of list.querySelectorAll("[role=option], button")) {
    each.hidden = !words.every((one) => each.textContent.toLowerCase().includes(one));
  }
}
