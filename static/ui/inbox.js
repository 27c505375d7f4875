// The inbox: the list, which conversation is open, what people do with it, and who is told of what the socket brings.
import { Connection, batched, draft, forgetEverything, forgetRoom, isSignIn, part, post, setBalance, setTabs, setUnread, signIn } from "./live.js";
import { back, paint, piece, say, tick, toast, watch, word } from "./shell.js";
import * as thread from "./thread.js";

const inbox = document.getElementById("inbox"), list = document.getElementById("convs");
const { cursor, rowsUrl, bubblesUrl, listUrl, me } = inbox.dataset;
const phone = matchMedia("(max-width: 640px)"), still = matchMedia("(prefers-reduced-motion: reduce)");
const day = new Date().toDateString();

// ---------------------------------------------------------------- rows: changed where they are, then moved to their place
const late = new Set();      // rows that will move once nobody points at the list
const covered = new WeakMap();   // a preview -> what a draft hides in it
let current = null;          // the conversation that is marked as open

const rows = () => [...list.querySelectorAll(":scope > .conv")];
const rowOf = (id) => document.getElementById(`conv-${id}`);
const lastPlace = () => list.querySelector(":scope > .more") ?? document.getElementById("no-conversations");

// A row as the server draws it now: changed in place, or added if it belongs on what is loaded.
function putRow(fresh) {
  const old = document.getElementById(fresh.id);
  if (old) {
    for (const name of ["class", "href", "data-at"]) old.setAttribute(name, fresh.getAttribute(name));
    if (fresh.dataset.since) old.dataset.since = fresh.dataset.since;
    else delete old.dataset.since;
    old.replaceChildren(...fresh.childNodes);
    dress(old);
    settle(old);
    return;
  }
  const after = rows().find((each) => before(fresh, each));
  const more = list.querySelector(":scope > .more");
  if (!after && more) return;               // further down than is loaded
  dress(fresh);
  list.insertBefore(fresh, after ?? lastPlace());
  htmx.process(fresh);
  glow(fresh);
}

function removeRow(id) { rowOf(id)?.remove(); }

// My own message: the row says so at once, without waiting for the server.
function touchRow(id, text) {
  const own = rowOf(id);
  if (!own) return;
  const you = document.createElement("span");
  you.className = "faint";
  you.textContent = word("you");
  own.querySelector("[data-preview]").replaceChildren(you, ` ${text.slice(0, 120)}`);
  own.dataset.at = new Date().toISOString().replace("Z", "000+00:00");
  settle(own);
}

function mark(id) {
  current = id;
  for (const each of rows()) dress(each);
}

// What the server does not know about a row: whether it is open here, and what is half written.
function dress(each) {
  const id = each.id.slice(5);
  if (id === current) each.setAttribute("aria-current", "true");
  else each.removeAttribute("aria-current");
  const preview = each.querySelector("[data-preview]");
  const text = id === current ? "" : draft(id);
  if (!text) {
    if (covered.has(preview)) preview.replaceChildren(...covered.get(preview));
    covered.delete(preview);
    return;
  }
  if (!covered.has(preview)) covered.set(preview, [...preview.childNodes]);
  const label = document.createElement("span");
  label.className = "draft";
  label.textContent = word("draft");
  preview.replaceChildren(label, ` ${text.slice(0, 120)}`);
}

function step(by) {
  const shown = rows();
  if (!shown.length) return;
  const from = shown.indexOf(document.activeElement.closest(".conv") ?? (current && rowOf(current)) ?? null);
  const to = shown[Math.max(0, Math.min(shown.length - 1, from + by))];
  to.focus();
  to.scrollIntoView({ block: "nearest" });
}

const focusRow = () => (current && rowOf(current) || rows()[0])?.focus();

// Newest first, as the server sorts.
const before = (a, b) => (a.dataset.at === b.dataset.at ? a.id > b.id : a.dataset.at > b.dataset.at);
const held = () => list.matches(":hover") || list.contains(document.activeElement);

function settle(moved) {
  const at = rows(), here = at.indexOf(moved);
  const target = at.find((each) => each !== moved && before(moved, each)) ?? null;
  if ((target ? at.indexOf(target) : at.length) === here + 1) return;    // in its place already
  if (held()) { late.add(moved); return; }
  play(() => list.insertBefore(moved, target ?? lastPlace()));
  glow(moved);
}

// First, last, invert, play: rows glide from where they were to where they are.
function play(change) {
  if (still.matches || document.hidden) return change();
  const was = new Map(rows().map((each) => [each, each.getBoundingClientRect().top]));
  change();
  for (const [each, top] of was) {
    const by = top - each.getBoundingClientRect().top;
    if (by) each.animate([{ translate: `0 ${by}px` }, { translate: "0 0" }], { duration: 220, easing: "cubic-bezier(.2,0,0,1)" });
  }
}

function glow(each) {
  each.classList.add("enter");
  each.addEventListener("animationend", () => each.classList.remove("enter"), { once: true });
}

function release() {
  if (held()) return;
  const waiting = [...late].filter((each) => each.isConnected);
  late.clear();
  waiting.sort((a, b) => (before(a, b) ? 1 : -1)).forEach(settle);
}
list.addEventListener("pointerleave", () => setTimeout(release, 250));
list.addEventListener("focusout", () => setTimeout(release, 250));

// How long customers have been waiting, by this clock. Who begins to wait gets the sign from the server.
setInterval(() => {
  for (const row of list.querySelectorAll("[data-since]")) {
    const minutes = Math.floor((Date.now() - Date.parse(row.dataset.since)) / 60_000), place = row.querySelector(".wait");
    if (!place && minutes >= 5) changedRow(row.id.slice(5));      // messaging/templatetags/thread.py knows the five too
    if (!place) continue;
    const [key, n] = minutes < 60 ? ["wait.min", minutes] : minutes < 2880 ? ["wait.h", Math.floor(minutes / 60)] : ["wait.d", Math.floor(minutes / 1440)];
    place.querySelector("[data-words]").textContent = word(key, { n });
  }
}, 30_000);

// ---------------------------------------------------------------- which rows: tabs, filters, search
const search = document.querySelector("#search input");
let loading = null, searching = null;

const query = () => document.getElementById("list-tools").dataset.query;

// Another list takes the place of this one. The conversation that is open stays open.
async function load(address, { push = true } = {}) {
  const url = new URL(address, location.href);
  if (push) history.pushState({ ...history.state }, "", location.pathname + url.search);
  loading?.abort();
  loading = new AbortController();
  const wait = setTimeout(() => { list.replaceChildren(piece("list-skeleton")); list.setAttribute("aria-busy", "true"); }, 150);
  try {
    const { content } = await part(listUrl + url.search, { signal: loading.signal });
    const tools = content.getElementById("list-tools"), name = content.getElementById("list-name");
    const focused = document.activeElement?.id;
    tools.removeAttribute("hx-swap-oob");
    document.getElementById("list-tools").replaceWith(tools);
    if (name) document.getElementById("list-name").replaceWith(name);
    list.replaceChildren(...content.childNodes);
    htmx.process(list);
    list.scrollTop = 0;
    late.clear();
    mark(thread.open());
    if (document.activeElement !== search) search.value = url.searchParams.get("search") ?? "";
    if (focused?.startsWith("tab-")) document.getElementById(focused)?.focus();
    paintRoom(url.searchParams.get("chatroom"));
  } catch (error) {
    if (error.name === "AbortError") return;
    const failed = piece("list-error");
    failed.querySelector("button").addEventListener("click", () => load(address, { push: false }));
    list.replaceChildren(failed);
  } finally {
    clearTimeout(wait);
    list.removeAttribute("aria-busy");
  }
}

const reload = () => load(listUrl + query(), { push: false });

function paintRoom(room) {
  for (const link of document.querySelectorAll(".side-link, .tabbar .tab, .tabbar .menu-item")) {
    const own = link.dataset.roomLink ?? (link.pathname === listUrl ? "" : null);
    if (own === null) continue;
    if (own === (room ?? "")) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-filter], [data-room-link]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const menu = link.closest("details[data-drop]");
  if (menu) menu.open = false;
  if (link.matches(".seg > a")) {
    link.parentElement.querySelector("[aria-current]")?.removeAttribute("aria-current");
    link.setAttribute("aria-current", "page");
  }
  if (phone.matches && thread.open()) { thread.leave(); history.pushState({}, "", listUrl); close(); }
  load(link.href);
});

document.getElementById("search").addEventListener("submit", (event) => { event.preventDefault(); find(); });
search.addEventListener("input", () => { clearTimeout(searching); searching = setTimeout(find, 250); });
search.addEventListener("keydown", (event) => {
  if (event.key === "ArrowDown") { event.preventDefault(); rows()[0]?.focus(); }
  if (event.key === "Escape" && search.value) { search.value = ""; find(); }
});

function find() {
  clearTimeout(searching);
  const params = new URLSearchParams(query()), words = search.value.trim();
  if ((params.get("search") ?? "") === words) return;
  if (words) params.set("search", words);
  else params.delete("search");
  load(`${listUrl}${params.size ? `?${params}` : ""}`);
}

// ---------------------------------------------------------------- which conversation: the address, and on phones which pane
const idIn = (address) => new URL(address, location.href).pathname.match(/^\/inbox\/([0-9a-f-]{36})\/$/)?.[1] ?? null;
const show = (pane) => { document.body.dataset.pane = pane; };
const fetchOpen = (address) => htmx.ajax("GET", address, { target: "#thread", swap: "outerHTML", source: "#inbox" });
const isOpening = (event) => event.detail.target?.id === "thread";
let waiting = null;

function go(id) {
  const row = rowOf(id);
  if (row) return row.click();
  history.pushState({}, "", `/inbox/${id}/${query()}`);
  fetchOpen(location.href);
}

// No conversation: what was open is gone or left.
function close() {
  document.getElementById("thread").replaceWith(piece("no-thread"));
  document.getElementById("contact").hidden = true;
  show("list");
  arrived();
}

function leaveFor(address) {
  thread.leave();
  history.pushState({}, "", address);
  close();
}

function arrived() {
  mark(thread.open());
  people.clear();
  thread.opened();
  tick();
  tellPresence("viewing");
  paintPeople();
}

inbox.addEventListener("htmx:beforeRequest", (event) => {
  if (!isOpening(event)) return;
  mark(idIn(event.detail.pathInfo.requestPath));
  clearTimeout(waiting);
  waiting = setTimeout(() => document.getElementById("thread").append(piece("thread-skeleton")), 150);
});

inbox.addEventListener("htmx:afterRequest", (event) => {
  if (!isOpening(event)) return;
  clearTimeout(waiting);
  document.querySelector("#thread > .thread-skeleton")?.remove();
});

inbox.addEventListener("htmx:beforeSwap", (event) => {
  if (isSignIn(event.detail.xhr.responseURL)) { event.detail.shouldSwap = false; return signIn(); }
  if (isOpening(event) && event.detail.shouldSwap) thread.leave();
});

inbox.addEventListener("htmx:afterSwap", (event) => {
  if (event.target.id !== "thread") return;        // told once for every part that was swapped
  const { requestConfig, pathInfo } = event.detail;
  if (requestConfig.elt.matches(".conv") && idIn(location.href) !== thread.open()) {
    history.pushState({ fromList: !idIn(location.href) }, "", pathInfo.requestPath);
  }
  show("thread");
  arrived();
  const byPointer = requestConfig.triggeringEvent?.detail > 0;
  if (byPointer && matchMedia("(pointer: fine)").matches) thread.write();
});

for (const failed of ["htmx:responseError", "htmx:sendError"]) {
  inbox.addEventListener(failed, (event) => {
    if (!isOpening(event)) return;
    mark(thread.open());
    if (event.detail.xhr?.status === 404) removeRow(idIn(event.detail.pathInfo.requestPath));
    say("trouble-banner", word("not-loaded"));
  });
}

addEventListener("popstate", () => {
  const id = idIn(location.href);
  if (new URLSearchParams(location.search).toString() !== new URLSearchParams(query()).toString()) load(location.href, { push: false });
  if (id && id === thread.open()) show("thread");
  else if (id) fetchOpen(location.href);
  else if (thread.open()) { thread.leave(); close(); }
});

inbox.addEventListener("click", (event) => {
  const other = event.target.closest("[data-open]");
  if (other && !event.ctrlKey && !event.metaKey) { event.preventDefault(); return go(other.dataset.open); }
  const picture = event.target.closest("[data-view]");
  if (picture && !event.ctrlKey && !event.metaKey) { event.preventDefault(); return view(picture); }
  const quote = event.target.closest(".quote[href]");
  if (quote) {
    event.preventDefault();
    const said = document.querySelector(quote.hash);
    said?.scrollIntoView({ block: "center", behavior: still.matches ? "auto" : "smooth" });
    said?.classList.add("found");
    setTimeout(() => said?.classList.remove("found"), 1500);
    return;
  }
  const button = event.target.closest("[data-show-pane]");
  if (!button || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  const pane = button.dataset.showPane;
  if (pane === "contact" && !phone.matches) return toggleAside();
  if (pane !== "list") return show(pane);
  if (history.state?.fromList) return history.back();
  leaveFor(button.href);
});

function toggleAside() {
  const closed = inbox.dataset.aside === "closed" || (innerWidth <= 1180 && inbox.dataset.aside !== "open");
  inbox.dataset.aside = closed ? "open" : "closed";
}

// ---------------------------------------------------------------- what people do with a conversation
document.addEventListener("submit", (event) => {
  const form = event.target.closest("form[data-act]");
  if (!form) return;
  event.preventDefault();
  const fields = Object.fromEntries([...new FormData(form, event.submitter)].filter(([name, value]) => value !== "" || name === "content"));
  for (const drop of form.parentElement.closest("details[data-drop]") ? [form.closest("details[data-drop]")] : form.querySelectorAll("details[open]")) drop.open = false;
  if (form.dataset.act === "message") changeMessage(form.action, fields);
  else change(thread.open(), form.action, fields);
});

async function changeMessage(address, fields) {
  try {
    const { content, told } = await post(address, fields);
    [...content.children].forEach((entry) => thread.put(entry));
    toast(told.done.words);
  } catch (error) {
    trouble(error);
  }
}

const trouble = (error) => { if (error.status !== 401) say("trouble-banner", error.message || word(error.status ? "failed" : "no-network")); };

// Done on the page at once where the conversation leaves it; put back if the server would not.
async function change(id, address, fields) {
  const leaves = fields.status === "CLOSED" || Boolean(fields.snoozed_until);
  const row = rowOf(id), following = row && (row.nextElementSibling?.matches(".conv") ? row.nextElementSibling : row.previousElementSibling);
  if (fields.unread) { thread.leaveUnread(); leaveFor(listUrl + query()); row?.focus(); }
  if (leaves) {
    if (!/status=(any|closed|snoozed)/.test(query())) row?.remove();
    if (following?.matches(".conv") && !phone.matches) { following.focus(); following.click(); }
    else leaveFor(listUrl + query());
  }
  try {
    const { content, told } = await post(address, fields);
    const undo = told.done.undo;
    toast(told.done.words, undo && { words: word("undo"), run: () => takeBack(id, address, undo, leaves) });
    if (thread.open() === id) putSide(content);
  } catch (error) {
    if (leaves && row && !row.isConnected) putRow(row);
    trouble(error);
  }
  changedRow(id);
}

async function takeBack(id, address, fields, left) {
  try {
    const { content } = await post(address, fields);
    toast(word("undone"));
    if (thread.open() === id) putSide(content);
  } catch (error) {
    trouble(error);
  }
  changedRow(id);
  if (left) { if (rowOf(id)) go(id); else { history.pushState({}, "", `/inbox/${id}/${query()}`); fetchOpen(location.href); } }
}

// What stands around the thread as it is now, and what colleagues wrote and did meanwhile.
function putSide(content) {
  for (const entry of [...content.getElementById("fresh-entries")?.children ?? []]) thread.put(entry);
  thread.replaceBox(content.getElementById("composer-wrap"));
  for (const name of ["thread-head", "contact"]) {
    const old = document.getElementById(name), fresh = content.getElementById(name);
    if (!old || !fresh || old.querySelector("details[data-drop][open]")) continue;
    const focused = old.contains(document.activeElement) ? document.activeElement.closest("[id]")?.id : null;
    const folded = [...old.querySelectorAll("details.sect:not([open]) h3")].map((each) => each.textContent);
    for (const sect of fresh.querySelectorAll("details.sect")) if (folded.includes(sect.querySelector("h3").textContent)) sect.open = false;
    old.replaceWith(fresh);
    htmx.process(fresh);
    if (focused) (document.getElementById(focused)?.querySelector("summary") ?? document.getElementById(focused))?.focus();
  }
  paintPeople();
}

let looking = null;

function lookAround() {
  clearTimeout(looking);
  looking = setTimeout(async () => {
    const id = thread.open();
    if (!id) return;
    try {
      const url = new URL(thread.about().sideUrl, location.href);
      url.searchParams.set("since", thread.newest());
      const { content } = await part(url);
      if (thread.open() === id) putSide(content);
    } catch (error) {
      if (error.status === 404) close();
    }
  }, 40);
}

// ---------------------------------------------------------------- who else is here
const people = new Map();    // person -> {name, state, until}
const SAY_EVERY = 20_000, GONE_AFTER = 45_000, TYPING_FOR = 6_000;
let toldState = "", toldAt = 0, stopped = null;

function tellPresence(state, again = false) {
  const conversation = thread.open();
  if (document.hidden && state !== "gone") return;
  const now = `${conversation}:${state}`;
  if (!again && now === toldState && Date.now() - toldAt < SAY_EVERY / 2) return;
  [toldState, toldAt] = [now, Date.now()];
  connection?.say({ type: "presence", conversation_id: conversation, state: conversation ? state : "gone" });
}

setInterval(() => {
  if (thread.open()) tellPresence(toldState.endsWith("replying") ? "replying" : "viewing", true);
  paintPeople();
}, SAY_EVERY);
document.addEventListener("visibilitychange", () => tellPresence(document.hidden ? "gone" : "viewing", true));

function typing() {
  tellPresence("replying");
  clearTimeout(stopped);
  stopped = setTimeout(() => tellPresence("viewing"), TYPING_FOR);
}

function heard({ conversation_id: conversation, user, state }) {
  if (conversation !== thread.open() || user.id === me) return;
  const fresh = !people.has(user.id);
  if (state === "gone") people.delete(user.id);
  else people.set(user.id, { name: user.name, state, until: Date.now() + GONE_AFTER });
  if (fresh && state !== "gone") setTimeout(() => tellPresence("viewing", true), Math.random() * 500);
  paintPeople();
}

function paintPeople() {
  for (const [id, each] of people) if (each.until < Date.now()) people.delete(id);
  const here = [...people.values()], writing = here.filter((each) => each.state === "replying");
  const viewing = document.getElementById("viewing"), line = document.getElementById("typing");
  if (!viewing || !line) return;
  viewing.hidden = !here.length;
  const said = document.createElement("span");
  said.textContent = here.length > 1 ? word("viewing.other", { n: here.length }) : here.length ? word("viewing.one", { name: first(here[0]) }) : "";
  viewing.replaceChildren(...here.slice(0, 3).map(face).filter(Boolean), said);
  viewing.title = here.map((each) => each.name).join(", ");
  line.hidden = !writing.length;
  line.textContent = writing.length ? word("replying", { name: writing.map(first).join(", ") }) : "";
}

// A colleague's avatar, as the server draws it in the list of those who can be mentioned.
const face = ({ name }) => document.getElementById("colleagues")?.content.querySelector(`[data-name="${CSS.escape(name)}"] .av`)?.cloneNode(true);
const first = ({ name }) => name.split(" ")[0];

// ---------------------------------------------------------------- what the socket brings
const address = (path) => () => path + query();

const changedRow = batched(address(rowsUrl), (content, ids) => {
  const found = new Map([...content.querySelectorAll(".conv")].map((row) => [row.id.slice(5), row]));
  for (const id of ids) {
    if (found.has(id)) putRow(found.get(id));
    else removeRow(id);
  }
  setUnread([...content.querySelectorAll("[data-room-unread]")].map((room) => [room.dataset.roomUnread, Number(room.value)]));
  setTabs(content);
});

const changedBubble = batched(() => bubblesUrl, (content) => { [...content.children].forEach((entry) => thread.put(entry)); });

const frames = {
  "message.created": ({ message }) => changed(message),
  "message.updated": ({ message }) => changed(message),
  "conversation.updated": ({ conversation }) => { changedRow(conversation.id); if (conversation.id === thread.open()) lookAround(); },
  "conversation.read": (frame) => changedRow(frame.conversation_id),
  "balance.updated": ({ balance }) => setBalance(balance),
  "presence": heard,
  "access.granted": newRoom,
  "access.revoked": ({ chatroom_id: room }) => {
    for (const each of rows()) if (each.dataset.room === room) each.remove();
    forgetRoom(room);
    reload();
    if (thread.room() !== room) return;
    close();
    history.replaceState({}, "", listUrl + query());
    say("trouble-banner", word("gone"));
  },
};

function changed(message) {
  thread.settled(message.client_id);
  if (message.conversation_id === thread.open()) changedBubble(message.id);
  changedRow(message.conversation_id);
}

// Somebody may work in one more chatroom: its link, its unread count and its conversations appear.
async function newRoom() {
  try {
    const response = await fetch(listUrl + query());
    const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
    for (const place of [".side-scroll", ".tabbar"]) document.querySelector(place)?.replaceWith(fresh.querySelector(place));
    setUnread([...fresh.querySelectorAll(".rooms [data-unread]")].map((each) => [each.dataset.unread, Number(each.querySelector("[data-count]").textContent)]));
  } catch { /* the next page has it */ }
  reload();
}

const connection = new Connection(cursor, {
  frame: (frame) => frames[frame.type]?.(frame),
  changed: () => {
    paint();
    if (connection.state !== "live") return;
    thread.flush();
    tellPresence("viewing", true);
  },
  back: (missed, away) => { back(missed, away); lookAround(); },
  reload: () => { thread.leave(); location.reload(); },
  signedOut: () => { thread.leave(); signIn(); },
});
watch(connection);

thread.start({
  online: () => connection.state === "live" || connection.state === "delayed",
  queued: (entry) => touchRow(entry.conversation, entry.content),
  accepted: (entry, { message, remaining_tokens: left }) => {
    setBalance(left);
    changedRow(message.conversation_id);
    tellPresence("viewing");
    if (message.conversation_id === entry.conversation) { if (entry.conversation === thread.open()) changedBubble(message.id); }
    else if (entry.conversation === thread.open()) go(message.conversation_id);   // it had been closed: a new one was opened
  },
  refused: (entry) => changedRow(entry.conversation),
  broke: () => say("tokens-banner", undefined, 20_000),
});
thread.whenWriting(changedRow, typing);
thread.whenRead(changedRow);

// ---------------------------------------------------------------- pictures, large
function view(link) {
  const dialog = document.getElementById("viewer"), shown = [...document.querySelectorAll("#log [data-view]")];
  let at = shown.indexOf(link);
  const turn = (by) => {
    at = (at + by + shown.length) % shown.length;
    const image = shown[at].querySelector("img"), large = dialog.querySelector("img");
    large.src = shown[at].href;
    large.alt = image.alt;
    large.width = image.getAttribute("width");
    large.height = image.getAttribute("height");
    dialog.querySelector("[download]").href = shown[at].href;
    dialog.querySelector("[data-words]").textContent = shown.length > 1 ? `${at + 1}/${shown.length}` : "";
    for (const button of dialog.querySelectorAll("[data-turn]")) button.hidden = shown.length < 2;
  };
  dialog.onclick = (event) => {
    const button = event.target.closest("[data-turn]");
    if (button) turn(Number(button.dataset.turn));
    else if (event.target === dialog || event.target.closest("[data-close]")) dialog.close();
  };
  dialog.onkeydown = ({ key }) => { if (key === "ArrowLeft") turn(-1); if (key === "ArrowRight") turn(1); };
  dialog.onclose = () => { dialog.querySelector("img").removeAttribute("src"); link.focus(); };
  turn(0);
  dialog.showModal();
}

// ---------------------------------------------------------------- the keyboard, and the menu of everything
const cookie = (name) => document.cookie.split("; ").find((each) => each.startsWith(`${name}=`))?.split("=")[1];
const keep = (name, value) => { document.cookie = `${name}=${value}; path=/; max-age=${value ? 31536000 : 0}; samesite=lax`; };
const press = (selector) => document.querySelector(selector)?.click();
const typingIn = (target) => target.closest?.("input, textarea, select, [contenteditable]");

function openMenu(id) {
  const menu = document.getElementById(id);
  if (!menu || !menu.offsetParent && !menu.querySelector("summary")?.offsetParent) return;
  menu.open = true;
  menu.querySelector("[data-narrow], button, input:not([type=hidden])")?.focus();
}

const acts = {
  reply: () => thread.write(),
  note: () => thread.write(true),
  templates: () => { thread.write(); thread.openTemplates(); },
  resolve: () => press("#resolve"),
  reopen: () => press("#thread-head [name=status][value=OPEN]"),
  pending: () => press("#more [value=PENDING]"),
  assign: () => openMenu("assign"),
  mine: () => press(`#assign [value="${me}"]`),
  label: () => {
    if (phone.matches) show("contact");
    else if (!document.getElementById("contact").offsetParent) inbox.dataset.aside = "open";
    openMenu("label-menu");
  },
  snooze: () => openMenu("snooze"),
  unread: () => press("#more [name=unread]"),
  search: () => search.focus(),
  aside: toggleAside,
  side: () => { document.body.toggleAttribute("data-no-side"); },
  next: () => step(1),
  previous: () => step(-1),
  inbox: () => press('.side a[href="/inbox/"]'),
  contacts: () => press('.side a[href="/contacts/"]'),
  dashboard: () => press('.side a[href="/"]:not(.brand)'),
  help,
  commands,
  "tab-mine": () => press("#tab-mine"),
  "tab-unassigned": () => press("#tab-unassigned"),
  "tab-all": () => press("#tab-all"),
};
const KEYS = { j: "next", k: "previous", r: "reply", n: "note", e: "resolve", a: "assign", l: "label", z: "snooze", u: "unread", "/": "search", "[": "side", "]": "aside", "?": "help" };
const GOES = { i: "inbox", c: "contacts", d: "dashboard" };
let going = 0;

addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing) return;
  if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "k") {
    event.preventDefault();
    return commands();
  }
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.key === "Escape" && (thread.isFocused() || event.target === search)) return focusRow();
  if (typingIn(event.target) || cookie("keys") === "off") return;
  const act = Date.now() - going < 1000 ? GOES[event.key] : KEYS[event.key];
  going = event.key === "g" ? Date.now() : 0;
  if (!act) return;
  event.preventDefault();
  acts[act]();
});

// The two dialogs come when they are first asked for.
async function fetched(id) {
  if (!document.getElementById(id)) {
    try { document.body.append((await part(inbox.dataset.commandsUrl)).content); } catch (error) { trouble(error); }
  }
  return document.getElementById(id);
}

async function commands() {
  const dialog = await fetched("commands");
  if (!dialog) return;
  if (dialog.open) return dialog.close();
  const field = dialog.querySelector("input"), options = dialog.querySelector("[role=listbox]");
  let at = 0;
  const shown = () => [...options.querySelectorAll("[role=option]:not([hidden])")];
  const choose = (to) => {
    at = Math.max(0, Math.min(shown().length - 1, to));
    options.querySelectorAll("[role=option]").forEach((each) => each.setAttribute("aria-selected", String(each === shown()[at])));
    shown()[at]?.scrollIntoView({ block: "nearest" });
    if (shown()[at]) field.setAttribute("aria-activedescendant", shown()[at].id);
    dialog.querySelector("[data-none]").hidden = shown().length > 0;
  };
  const run = (option) => { dialog.close(); if (option) acts[option.dataset.do](); };
  for (const each of options.querySelectorAll("[data-open-only]")) each.toggleAttribute("data-off", !thread.open());
  const filter = () => {
    thread.narrow(options, field.value);
    for (const each of options.querySelectorAll("[data-off]")) each.hidden = true;
    choose(0);
  };
  field.value = "";
  field.oninput = filter;
  field.onkeydown = (event) => {
    const { key } = event;
    if (!["ArrowDown", "ArrowUp", "Enter"].includes(key)) return;
    event.preventDefault();
    if (key === "Enter") run(shown()[at]);
    else choose(at + (key === "ArrowDown" ? 1 : -1));
  };
  dialog.onclick = ({ target }) => { if (target === dialog) dialog.close(); else run(target.closest("[role=option]")); };
  filter();
  dialog.showModal();
  field.focus();
}

async function help() {
  const dialog = await fetched("help");
  if (!dialog || dialog.open) return;
  const [keys, enter] = dialog.querySelectorAll("input");
  keys.checked = cookie("keys") !== "off";
  enter.checked = cookie("enter") === "newline";
  keys.onchange = () => keep("keys", keys.checked ? "" : "off");
  enter.onchange = () => keep("enter", enter.checked ? "newline" : "");
  dialog.onclick = (event) => { if (event.target === dialog || event.target.closest("[data-close]")) dialog.close(); };
  dialog.showModal();
}

// Menus with many entries have a field that narrows them.
document.addEventListener("input", (event) => {
  if (event.target.matches("[data-narrow]")) thread.narrow(event.target.closest(".menu"), event.target.value);
});
document.addEventListener("keydown", (event) => {
  const menu = event.target.closest?.("details[data-drop][open] > .menu, details[data-drop][open] > form");
  if (!menu || !["ArrowDown", "ArrowUp"].includes(event.key) || event.target.matches("textarea, [type=datetime-local]")) return;
  const each = [...menu.querySelectorAll("button:not([hidden]), a[href], [data-narrow]")].filter((one) => one.offsetParent);
  if (!each.length) return;
  event.preventDefault();
  each[(each.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1) + each.length) % each.length].focus();
});

// ---------------------------------------------------------------- beginning and end
inbox.addEventListener("htmx:afterSettle", (event) => {
  if (event.target.closest("#log-items")) thread.grew();
});
list.addEventListener("htmx:afterSettle", () => mark(thread.open()));      // rows further down have drafts too

for (const form of document.querySelectorAll("form[action='/logout/']")) form.addEventListener("submit", forgetEverything);

addEventListener("pagehide", () => { thread.leave(); tellPresence("gone", true); });
document.addEventListener("visibilitychange", () => {
  if (document.hidden) thread.leave();
  else if (day !== new Date().toDateString()) location.reload();      // "Today" is yesterday now
});

history.replaceState({ list: !thread.open() }, "");
arrived();
