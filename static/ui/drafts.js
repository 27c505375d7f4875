// What this person has typed and not sent, kept in this browser until it is sent or they sign out.
const { me } = document.body.dataset;
const mine = (name) => `messagehub:${me}:${name}`;
let closed = false;

function read(name) {
  try { return JSON.parse(localStorage.getItem(mine(name))); } catch { return null; }
}

function write(name, value) {
  if (closed) return;
  try {
    if (value === null || value === "") localStorage.removeItem(mine(name));
    else localStorage.setItem(mine(name), JSON.stringify(value));
  } catch { /* storage is full or switched off: then only this page remembers */ }
}

export const draft = (conversation) => read(`draft:${conversation}`) ?? "";
export const keepDraft = (conversation, text) => write(`draft:${conversation}`, text.trim() ? text : null);
export const noting = (conversation) => read(`noting:${conversation}`) ?? false;
export const keepNoting = (conversation, on) => write(`noting:${conversation}`, on || null);
export const outbox = () => read("outbox") ?? [];
export const keepOutbox = (entries) => write("outbox", entries.length ? entries : null);

export function forgetEverything() {
  closed = true;
  try {
    for (const key of Object.keys(localStorage)) if (key.startsWith(mine(""))) localStorage.removeItem(key);
  } catch { /* nothing was kept */ }
}

for (const form of document.querySelectorAll("form[action='/logout/']")) form.addEventListener("submit", forgetEverything);
