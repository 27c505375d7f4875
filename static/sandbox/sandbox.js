/* The sandbox's phones: asks the sandbox every second, draws what has changed. */

import { SECOND, byId, call, changed, clock, element, fill, sendOnEnter } from "./parts.js";
import { drawFaults, wireFailures } from "./failures.js";

const state = { phone: "", phones: [], messages: [] };
function asNumber(text) {
  const digits = text.replace(/[\s\-.()]/g, "");
  const number = digits.startsWith("+") ? digits : `+${digits}`;
  return /^\+[1-9]\d{6,14}$/.test(number) ? number : "";
}

/* ---- customers ---- */

function choose(phone) {
  state.phone = phone;
  state.messages = [];
  history.replaceState(null, "", `#${phone}`);
  byId("device-title").textContent = phone;
  drawPhones();
  refresh({ follow: true });
}

function drawPhones() {
  const known = state.phones.some((phone) => phone.number === state.phone);
  const shown = known || !state.phone ? state.phones : [{ number: state.phone, last_body: "New phone", opted_out_of: [] }, ...state.phones];
  if (!changed("phones", [state.phone, shown])) return;
  const focused = document.activeElement?.dataset?.phone;
  byId("phones").replaceChildren(...shown.map((phone) => {
    const button = element("button", { className: "sb-phone", type: "button", "data-phone": phone.number },
      element("span", { className: "num medium", text: phone.number }),
      element("span", { className: "xs muted truncate", text: phone.last_body || "Picture" }));
    if (phone.number === state.phone) button.setAttribute("aria-current", "true");
    button.addEventListener("click", () => choose(phone.number));
    return element("li", {}, button);
  }));
  if (focused) document.querySelector(`[data-phone="${CSS.escape(focused)}"]`)?.focus();
}

/* ---- the phone ---- */

const NOT_ARRIVED = new Set(["undelivered", "failed", "canceled"]);
const UNDERWAY = new Set(["accepted", "scheduled", "queued", "sending"]);

function bubble(message) {
  const lost = NOT_ARRIVED.has(message.status);
  const line = element("div", { className: `sb-msg sb-${message.direction}${lost ? " sb-lost" : ""}` });
  const content = element("div", { className: "sb-bubble" });
  for (const url of message.media) content.append(picture(url));
  if (message.body) content.append(element("span", { text: message.body }));
  const words = [clock(message.date_created)];
  if (lost) words.push(message.error_code ? `not delivered (${message.error_code})` : "not delivered");
  if (UNDERWAY.has(message.status)) words.push("on its way");
  line.append(content, element("span", { className: "xs muted", text: words.join(" · ") }));
  return line;
}

function picture(url) {
  const address = new URL(url, location.href);
  if (address.origin === location.origin) return element("img", { src: address.href, alt: "Picture" });
  return element("a", { href: address.href, text: "Picture", rel: "noreferrer", target: "_blank" });
}

function drawThread() {
  const number = byId("number").value;
  const shown = state.messages.filter((message) => message.from === number || message.to === number);
  const blocked = state.phones.find((phone) => phone.number === state.phone)?.opted_out_of ?? [];
  byId("blocked").hidden = !blocked.includes(number);
  if (!changed("thread", [state.phone, number, shown])) return;
  fill(byId("thread"), shown.length ? shown.map(bubble)
    : [element("p", { className: "sb-nothing muted small", text: "No messages yet. Write the first one below." })]);
}

async function write(body) {
  const said = byId("sent");
  const to = byId("number").value;
  if (!state.phone) {
    byId("phone").focus();
    said.textContent = "Choose a phone number first.";
    return false;
  }
  try {
    const answer = await call(`/phones/${encodeURIComponent(state.phone)}/messages`, { method: "POST", payload: { to, body } });
    said.textContent = answer.webhook_status ? `Our webhook answered ${answer.webhook_status}.` : answer.error;
  } catch (error) {
    said.textContent = error.message;
    return false;
  }
  await refresh();
  return true;
}

/* ---- accepted messages ---- */

function statusTag(message) {
  const tone = message.status === "delivered" ? " tag-ok" : NOT_ARRIVED.has(message.status) ? " tag-danger" : "";
  return element("span", { className: `tag sb-tag${tone}`, text: message.error_code ? `${message.status} ${message.error_code}` : message.status });
}

function drawAccepted(messages) {
  if (!changed("accepted", messages)) return;
  byId("none-accepted").hidden = messages.length > 0;
  byId("accepted").replaceChildren(...messages.map((message) => {
    const reports = message.callbacks.map((callback) => `${callback.status}: ${callback.answer}`).join(" · ");
    return element("tr", {},
      element("td", { className: "num", text: clock(message.date_created) }),
      element("td", { className: "num", text: message.to }),
      element("td", { className: "num", text: message.from ?? "service" }),
      element("td", { className: "sb-text", text: message.body }),
      element("td", {}, statusTag(message)),
      element("td", { className: "sb-reports muted", text: reports || "none" }));
  }));
}

/* ---- the numbers may be seeded while this page is open ---- */

function drawNumbers(numbers) {
  if (!changed("numbers", numbers) || !numbers.length) return;
  const select = byId("number");
  const before = select.value;
  const accounts = Map.groupBy ? Map.groupBy(numbers, (number) => number.account_sid) : grouped(numbers);
  select.replaceChildren(...[...accounts].map(([account, rows]) =>
    element("optgroup", { label: `Account ${account.slice(0, 8)}…` },
      ...rows.map((row) => element("option", { value: row.phone, text: `${row.friendly_name} ${row.phone}` })))));
  if (numbers.some((number) => number.phone === before)) select.value = before;
}

function grouped(numbers) {
  const groups = new Map();
  for (const number of numbers) groups.set(number.account_sid, [...(groups.get(number.account_sid) ?? []), number]);
  return groups;
}

/* Turns to the number that this phone spoke with last. */
function follow() {
  const last = state.messages.at(-1);
  const number = last && (last.direction === "sent" ? last.to : last.from);
  if (number && [...byId("number").options].some((option) => option.value === number)) byId("number").value = number;
}

let asked = 0;

async function refresh({ follow: turn = false } = {}) {
  const mine = ++asked;
  const phone = state.phone;
  try {
    const [phones, numbers, thread, faults, accepted] = await Promise.all([
      call("/phones"), call("/numbers"), phone ? call(`/phones/${encodeURIComponent(phone)}/messages`) : { messages: [] },
      call("/faults"), call("/messages"),
    ]);
    if (mine !== asked && !turn) return;
    if (phone !== state.phone) return;
    state.phones = phones.phones;
    state.messages = thread.messages;
    drawNumbers(numbers.numbers);
    if (turn) follow();
    drawPhones();
    drawThread();
    drawFaults(faults.faults, "twilio");
    drawAccepted(accepted.messages);
    byId("lost").hidden = true;
  } catch {
    byId("lost").hidden = false;
  }
}

/* ---- wiring ---- */

byId("use-phone").addEventListener("submit", (event) => {
  event.preventDefault();
  const phone = asNumber(byId("phone").value);
  byId("phone-error").hidden = Boolean(phone);
  byId("phone").toggleAttribute("aria-invalid", !phone);
  if (!phone) return;
  byId("phone").value = "";
  choose(phone);
  byId("body").focus();
});

byId("write").addEventListener("submit", async (event) => {
  event.preventDefault();
  const box = byId("body");
  const body = box.value.trim();
  if (!body) return;
  box.value = "";
  if (!(await write(body)) && !box.value) box.value = body;
});

sendOnEnter(byId("body"), byId("write"));

for (const button of document.querySelectorAll("[data-word]")) {
  button.addEventListener("click", () => write(button.dataset.word));
}

byId("number").addEventListener("change", drawThread);
wireFailures("twilio");
window.addEventListener("hashchange", () => {
  const phone = asNumber(decodeURIComponent(location.hash.slice(1)));
  if (phone && phone !== state.phone) choose(phone);
});

async function start() {
  const wanted = asNumber(decodeURIComponent(location.hash.slice(1)));
  if (wanted) {
    choose(wanted);
  } else {
    await refresh();
    if (state.phones.length) choose(state.phones[0].number);
  }
  setInterval(() => { if (!document.hidden) refresh(); }, SECOND);
}

start();
