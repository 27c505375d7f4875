// Numbers that stand in several places of every page: unread messages and tokens.
import { listen, whenStale } from "./live.js";
import { collect } from "./queue.js";
import { ask } from "./request.js";
import { number } from "./words.js";

const ASK_EVERY = 1000;
const icon = document.getElementById("favicon");
const title = document.title.replace(/^\s*\(\d+\)\s*/, "");
const unread = new Map();    // chatroom -> unread messages in it

readUnread(document);

function readUnread(page) {
  for (const place of page.querySelectorAll(".rooms [data-unread]")) {
    unread.set(place.dataset.unread, Number(place.querySelector("[data-count]").textContent));
  }
  paintUnread();
}

export function setUnread(counts) {
  for (const [room, n] of counts) unread.set(room, n);
  paintUnread();
}

function forgetRoom(room) {
  unread.delete(room);
  document.querySelectorAll(`[data-room-link="${room}"]`).forEach((link) => link.remove());
  paintUnread();
}

function paintUnread() {
  const total = [...unread.values()].reduce((sum, n) => sum + n, 0);
  for (const place of document.querySelectorAll("[data-unread]")) {
    const n = place.dataset.unread === "total" ? total : unread.get(place.dataset.unread) ?? 0;
    place.hidden = !n;
    place.querySelector("[data-count]").textContent = n;
  }
  document.title = total ? `(${total}) ${title}` : title;
  if (icon) icon.href = total ? icon.dataset.iconUnread : icon.dataset.iconQuiet;
}

function setUnseen(n) {
  for (const place of document.querySelectorAll("[data-unseen]")) {
    place.hidden = !n;
    place.querySelector("[data-count]").textContent = n;
  }
}

export function setBalance(tokens) {
  if (tokens === null || tokens === undefined) return;
  for (const place of document.querySelectorAll("[data-balance]")) place.textContent = number(tokens);
  for (const box of document.querySelectorAll(".balance")) {
    if (tokens < 10) box.dataset.level = "low";
    else delete box.dataset.level;
  }
}

// The chatrooms in the navigation, as the server draws them now.
async function renewRooms() {
  try {
    let response = await fetch(location.href);
    if (!response.ok) response = await fetch("/inbox/");        // this page is the answer to a form
    const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
    const places = [".side-scroll", ".tabbar"].map((place) => [document.querySelector(place), fresh.querySelector(place)]);
    readUnread(fresh);
    document.querySelector(".account").append(document.getElementById("account-menu"));   // it may be in the tab bar
    for (const [old, drawn] of places) if (old && drawn) old.replaceWith(drawn);
    paintUnread();
  } catch { /* the next page has it */ }
}

// A page whose own answers bring the counts of unread messages says so; every other page asks for them.
let broughtByPage = false;
export function bringUnread() { broughtByPage = true; }

const renewUnread = collect(async () => {
  for (let query = "?page_size=200"; query;) {
    const page = await (await ask(`/api/chatrooms${query}`)).json();
    setUnread(page.results.map((room) => [room.id, room.unread_count]));
    query = page.next && new URL(page.next).search;
  }
}, { soon: ASK_EVERY });

const renew = () => { if (!broughtByPage) renewUnread("all"); };

listen({
  "message.created": renew,
  "conversation.updated": renew,
  "conversation.moved": renew,
  "conversation.read": renew,
  "notifications.updated": ({ unseen }) => setUnseen(unseen),
  "balance.updated": ({ balance }) => setBalance(balance),
  "access.granted": renewRooms,
  "access.revoked": ({ chatroom_id: room }) => forgetRoom(room),
});
whenStale(renew);
