/* Messenger and Instagram of the sandbox: one person's chats, and what Meta knows of them. */

import { SECOND, byId, call, changed, clock, element, fill, sendOnEnter } from "./parts.js";
import { bubble } from "./bubbles.js";
import { drawFaults, wireFailures } from "./failures.js";

const PLATFORM = document.body.dataset.platform;
const PROMPTS = {
  story: "Replying to the account's story",
  quick: "Sent as a quick reply",
  postback: "Title of the button that is pressed",
  referral: "The link's ref: the person comes, and writes nothing",
};

const state = { account: "", person: "", accounts: [], messages: [], about: null, open: null };

const account = () => state.accounts.find((each) => each.account_id === state.account);
const person = () => account()?.people.find((each) => each.id === state.person);
const thread = () => `/meta/threads/${encodeURIComponent(state.account)}/${encodeURIComponent(state.person)}`;

/* ---- pages and people ---- */

function choose(accountId, personId) {
  state.account = accountId;
  state.person = personId;
  state.messages = [];
  state.open = null;
  talkAbout(null);
  history.replaceState(null, "", `#${accountId}/${personId}`);
  draw();
  refresh();
}

function drawAccounts() {
  const select = byId("account");
  if (!changed("accounts", state.accounts.map(({ account_id: id, name, username }) => [id, name, username]))) return;
  const options = state.accounts.map((each) =>
    element("option", { value: each.account_id, text: PLATFORM === "instagram" ? `@${each.username}` : each.name }));
  select.replaceChildren(...(options.length ? options : [element("option", { value: "", text: "None yet" })]));
}

function drawPeople() {
  byId("account").value = state.account;
  const people = account()?.people ?? [];
  byId("nobody").hidden = people.length > 0;
  if (!changed("people", [state.account, state.person, people])) return;
  const focused = document.activeElement?.dataset?.person;
  byId("people").replaceChildren(...people.map((each) => {
    const words = element("span", { className: "sb-who" },
      element("span", { className: "medium truncate", text: each.name || `@${each.username}` }),
      element("span", { className: "xs muted truncate", text: each.last_text || "No messages yet" }));
    const button = element("button", { className: "sb-person", type: "button", "data-person": each.id }, face(each), words);
    if (each.id === state.person) button.setAttribute("aria-current", "true");
    button.addEventListener("click", () => choose(state.account, each.id));
    return element("li", {}, button);
  }));
  if (focused) document.querySelector(`[data-person="${CSS.escape(focused)}"]`)?.focus();
}

function face(each) {
  return element("span", { className: "sb-face" }, element("img", { src: each.picture, alt: "" }));
}

function drawHead() {
  const [page, one] = [account(), person()];
  byId("sees").disabled = byId("seen").disabled = !one;
  if (!changed("head", [page && { ...page, people: null }, one])) return;
  byId("chat-title").textContent = one ? one.name || `@${one.username}` : "Nobody yet";
  byId("chat-with").textContent = page ? `Writes to ${PLATFORM === "instagram" ? `@${page.username}` : page.name}` : "";
  byId("face").replaceChildren(...(one ? [element("img", { src: one.picture, alt: "" })] : []));
  byId("sees").checked = Boolean(one?.sees);
  byId("reachable").value = one?.reachable ?? "yes";
  byId("profile").value = one?.profile ?? "full";
  for (const box of document.querySelectorAll("[data-switch]")) {
    const values = { subscribed: page?.subscribed_fields !== null, token_valid: page?.token_valid, human_agent: page?.human_agent };
    box.checked = Boolean(page && values[box.dataset.switch]);
    box.disabled = !page;
  }
}

/* ---- the chat ---- */

const does = {
  react: (message, emoji) => act(emoji ? { act: "react", mid: message.mid, emoji } : { act: "unreact", mid: message.mid }),
  reply: (message) => talkAbout({ kind: "reply", mid: message.mid, prompt: `Replying to “${message.text || "an attachment"}”` }),
  edit: (message) => talkAbout({ kind: "edit", mid: message.mid, prompt: `Editing “${message.text}”` }, message.text),
  unsend: PLATFORM === "instagram" ? (message) => act({ act: "unsend", mid: message.mid }) : null,
  open: (mid, own) => { if (mid || state.open === own) state.open = mid; },
};

function drawThread() {
  if (!changed("thread", [state.account, state.person, state.messages])) return;
  const focused = document.activeElement?.dataset?.mid;
  const children = state.messages.map((message) => bubble(message, state.messages, does, state.open));
  fill(byId("thread"), children.length ? children
    : [element("p", { className: "sb-nothing muted small", text: "No messages yet. Write the first one below." })]);
  if (focused) document.querySelector(`[data-mid="${CSS.escape(focused)}"]`)?.focus();
}

function closeActs() {
  state.open = null;
  for (const box of document.querySelectorAll(".sb-acts[open]")) box.open = false;
}

function talkAbout(about, text = "") {
  state.about = about;
  closeActs();
  byId("about").hidden = !about;
  byId("about-text").textContent = about?.prompt ?? "";
  if (about) byId("body").focus();
  if (text) byId("body").value = text;
}

function report(answer) {
  byId("sent").textContent = answer.webhook_status ? `Our webhook answered ${answer.webhook_status}.` : answer.error ?? "";
}

/* Posts, says how our webhook answered, and looks at what has changed. */
async function tell(path, payload) {
  if (!state.person) {
    byId("sent").textContent = "Choose a person first.";
    return false;
  }
  try {
    report(await call(thread() + path, { method: "POST", payload }));
  } catch (error) {
    byId("sent").textContent = error.message;
    return false;
  }
  await refresh();
  return true;
}

function act(payload) {
  closeActs();
  return tell("/acts", payload);
}

function write(text) {
  const about = state.about;
  talkAbout(null);
  switch (about?.kind) {
    case "reply": return tell("/messages", { text, reply_to: about.mid });
    case "edit": return act({ act: "edit", mid: about.mid, text });
    case "story": return tell("/messages", { text, story_reply: true });
    case "quick": return tell("/messages", { text, quick_reply: text.toUpperCase() });
    case "postback": return act({ act: "postback", title: text, payload: text.toUpperCase() });
    case "referral": return act({ act: "referral", ref: text });
    default: return tell("/messages", { text });
  }
}

/* ---- messages sent by MessageHub ---- */

function drawAccepted(messages) {
  const own = new Map(state.accounts.flatMap((each) => each.people.map((one) => [`${each.account_id} ${one.id}`, one])));
  const mine = messages.filter((message) => own.has(`${message.account_id} ${message.person_id}`));
  if (!changed("accepted", mine)) return;
  byId("none-accepted").hidden = mine.length > 0;
  byId("accepted").replaceChildren(...mine.map((message) => {
    const webhooks = message.webhooks.map((webhook) => `${webhook.kind}: ${webhook.answer}`).join(" · ");
    const done = message.status === "delivered" || message.status === "read";
    return element("tr", {},
      element("td", { className: "num", text: clock(message.created_at) }),
      element("td", { text: own.get(`${message.account_id} ${message.person_id}`).name }),
      element("td", { text: message.tag }),
      element("td", { className: "sb-text", text: message.text || message.attachments.map((each) => each.type).join(", ") }),
      element("td", {}, element("span", { className: `tag sb-tag${done ? " tag-ok" : ""}`, text: message.status })),
      element("td", { className: "sb-reports muted", text: webhooks || "none" }));
  }));
}

/* ---- asking and drawing ---- */

function draw() {
  drawAccounts();
  drawPeople();
  drawHead();
  drawThread();
}

let asked = 0;

async function refresh() {
  const mine = ++asked;
  const where = state.person && thread();
  try {
    const [pages, chat, faults, accepted] = await Promise.all([
      call("/meta/pages"), where ? call(where) : { messages: [] }, call("/faults"), call("/meta/messages"),
    ]);
    if (mine !== asked || where !== (state.person && thread())) return;
    state.accounts = pages.pages.filter((page) => page.platform === PLATFORM);
    state.messages = chat.messages;
    byId("lost").hidden = true;
    if (!account() && state.accounts.length) {
      choose(state.accounts[0].account_id, state.accounts[0].people[0]?.id ?? "");
      return;
    }
    draw();
    drawFaults(faults.faults, "meta");
    drawAccepted(accepted.messages);
  } catch {
    byId("lost").hidden = false;
  }
}

/* Posts a change that no webhook tells of; returns the answer, or nothing where it was refused. */
async function change(path, payload) {
  let answer;
  try {
    answer = await call(path, { method: "POST", payload });
  } catch (error) {
    byId("sent").textContent = error.message;
  }
  await refresh();
  return answer;
}

/* ---- wiring ---- */

byId("account").addEventListener("change", (event) => {
  const chosen = state.accounts.find((each) => each.account_id === event.target.value);
  choose(event.target.value, chosen?.people[0]?.id ?? "");
});

byId("add").addEventListener("submit", async (event) => {
  event.preventDefault();
  const name = byId("name").value.trim();
  if (!name || !state.account) return;
  const path = `/meta/pages/${encodeURIComponent(state.account)}/people`;
  const added = await change(path, { name });
  if (!added) return;
  byId("name").value = "";
  choose(state.account, added.id);
  byId("body").focus();
});

byId("write").addEventListener("submit", async (event) => {
  event.preventDefault();
  const box = byId("body");
  const text = box.value.trim();
  if (!text) return;
  box.value = "";
  if (!(await write(text)) && !box.value) box.value = text;
});

byId("inbox").addEventListener("submit", async (event) => {
  event.preventDefault();
  const text = byId("reply").value.trim();
  if (text && (await tell("/inbox", { text }))) byId("reply").value = "";
});

for (const button of document.querySelectorAll("[data-attachment]")) {
  button.addEventListener("click", () => {
    byId("more").hidePopover();
    tell("/messages", { attachment: button.dataset.attachment });
  });
}
for (const button of document.querySelectorAll("[data-about]")) {
  button.addEventListener("click", () => {
    byId("more").hidePopover();
    talkAbout({ kind: button.dataset.about, prompt: PROMPTS[button.dataset.about] });
  });
}
for (const box of document.querySelectorAll("[data-switch]")) {
  box.addEventListener("change", () => change(`/meta/pages/${account().page_id}`, { [box.dataset.switch]: box.checked }));
}
for (const name of ["reachable", "profile"]) {
  byId(name).addEventListener("change", (event) => { if (state.person) change(thread(), { [name]: event.target.value }); });
}

byId("about-end").addEventListener("click", () => talkAbout(null));
byId("sees").addEventListener("change", (event) => change(thread(), { sees: event.target.checked }));
byId("seen").addEventListener("click", () => act({ act: "seen" }));
byId("verify").addEventListener("click", async () => {
  const app = account()?.app_id;
  if (!app) return;
  const answer = await change(`/meta/apps/${app}/handshake`, {});
  if (answer) byId("verified").textContent = answer.verified ? "The webhook said the challenge back." : `Not verified: ${answer.answer}`;
});

sendOnEnter(byId("body"), byId("write"));
wireFailures("meta");

const [accountId, personId] = decodeURIComponent(location.hash.slice(1)).split("/");
if (accountId && personId) {
  state.account = accountId;
  state.person = personId;
}
refresh();
setInterval(() => { if (!document.hidden) refresh(); }, SECOND);
