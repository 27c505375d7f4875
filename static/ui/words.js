// Words and small pieces of markup. The server writes both on the page, so that neither lives in scripts.
const table = new Map();
for (const holder of document.querySelectorAll("template.words")) {
  for (const line of holder.content.children) table.set(line.dataset.word, line.textContent);
}
const plurals = new Intl.PluralRules(document.documentElement.lang);
const numbers = new Intl.NumberFormat(document.documentElement.lang);

export const word = (key, values = {}) => table.get(key).replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);

// "1 message", "2 messages", and where the words have one, a sentence for none.
export function counted(key, n) {
  const form = n === 0 && table.has(`${key}.zero`) ? "zero" : plurals.select(n);
  return word(table.has(`${key}.${form}`) ? `${key}.${form}` : `${key}.other`, { n: numbers.format(n) });
}

export const number = (n) => numbers.format(n);

export function piece(id, words) {
  const node = document.getElementById(id).content.firstElementChild.cloneNode(true);
  const place = node.querySelector("[data-words]");
  if (place && words !== undefined) place.textContent = words;
  return node;
}
