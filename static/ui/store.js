// What this person has typed and not sent, kept in this browser until it is sent or they sign out.
const me = document.getElementById("inbox").dataset.me;
const mine = (name) => `messagehub:${me}:${name}`;

function read(name) {
  try { return JSON.parse(localStorage.getItem(mine(name))); } catch { return null; }
}

let closed = false;

function write(name, value) {
  if (closed) return;
  try {
    if (value === null || value === "") localStorage.removeItem(mine(name));
    else localStorage.setItem(mine(name), JSON.stringify(value));
  } catch { /* storage is full or switched off: then only this page remembers */ }
}

export const draft = (conversation) => read(`draft:${conversation}`) ?? "";
export const keepDraft = (conversation, text) => write(`draft:${conversation}`, text.trim() ? text : null);
export const outbox = () => read("outbox") ?? [];
export const keepOutbox = (entries) => write("outbox", entries.length ? entries : null);

export function forgetEverything() {
  closed = true;
  try {
    for (const key of Object.keys(localStorage)) if (key.startsWith(mine(""))) localStorage.removeItem(key);
  } catch { /* nothing was kept */ }
}
