// Words and small pieces of markup, written by the server (messaging/_inbox_words.html).
const table = new Map();
for (const line of document.getElementById("words").content.children) table.set(line.dataset.word, line.textContent);
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
