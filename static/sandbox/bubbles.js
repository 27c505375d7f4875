/* One message of a chat as the customer sees it, with what they can do to it. */

import { clock, element } from "./parts.js";

const EMOJIS = ["❤", "😆", "😮", "😢", "😠", "👍"];
const WORDS = { sent: "sent", delivered: "delivered", read: "seen" };
const THUMBS_UP = 369239263222822; // the id of Meta's sticker
const BARE = new Set(["sticker", "like_heart", "image", "video", "story_mention", "ig_post", "share"]); // need no bubble

function ours(url) {
  const address = new URL(url, location.href);
  const same = address.pathname.startsWith("/sandbox/graph/files/") || address.origin === location.origin;
  return same ? `${location.origin}${address.pathname}${address.search}` : "";
}

function picture(url, alt, className = "") {
  const address = ours(url);
  if (address) return element("img", { src: address, alt, className });
  return element("a", { href: url, text: alt, rel: "noreferrer", target: "_blank" });
}

function file(tag, url, name) {
  const address = ours(url);
  return address ? element(tag, { src: address, controls: "", preload: "metadata", "aria-label": name })
    : element("a", { href: url, text: name, rel: "noreferrer", target: "_blank" });
}

function story(url, words) {
  return element("span", { className: "sb-quote" }, picture(url, "Story"), element("span", { text: words }));
}

function big(emoji, name) {
  return element("span", { className: "sb-big", text: emoji, role: "img", "aria-label": name });
}

function attachment({ type, payload = {} }) {
  if (payload.sticker_id === THUMBS_UP) return big("👍", "Thumbs up");
  if (payload.sticker_id) return picture(payload.url, "Sticker", "sb-sticker");
  switch (type) {
    case "image": return picture(payload.url, "Picture");
    case "audio": return file("audio", payload.url, "Voice message");
    case "video": return file("video", payload.url, "Video");
    case "like_heart": return big("❤️", "Heart");
    case "story_mention": return story(payload.url, "Mentioned the account in a story");
    case "ig_post": return story(payload.url, payload.title ?? "Post");
    case "share": return story(payload.url, "Shared post");
    case "location": return element("span", { text: `Location ${payload.coordinates.lat}, ${payload.coordinates.long}` });
    default: return element("a", { href: ours(payload.url) || payload.url, text: decodeURIComponent(payload.url.split("/").at(-1)), target: "_blank", rel: "noreferrer" });
  }
}

function isBare({ text, attachments }) {
  return !text && attachments.length > 0 && attachments.every((each) => BARE.has(each.type));
}

function quote(reply, messages) {
  if (reply.story) return story(reply.story.url, "Replied to a story");
  const original = messages.find((message) => message.mid === reply.mid);
  return element("span", { className: "sb-quote", text: original?.text || "An earlier message" });
}

function meta(message) {
  const words = [clock(message.created_at * 1000)];
  if (message.direction === "received" && WORDS[message.status]) words.push(WORDS[message.status]);
  if (message.source === "inbox") words.push("from Meta's inbox");
  if (message.tag) words.push(message.tag);
  if (message.edits) words.push("edited");
  return element("span", { className: "xs muted", text: words.join(" · ") });
}

function acts(message, does, open) {
  const menu = element("div", { role: "group", "aria-label": "Actions" });
  const emojis = element("div", { className: "sb-emojis" });
  for (const emoji of EMOJIS) {
    const pressed = message.reaction === emoji;
    const button = element("button", { type: "button", text: emoji, "aria-label": `React ${emoji}`, "aria-pressed": pressed });
    button.addEventListener("click", () => does.react(message, pressed ? "" : emoji));
    emojis.append(button);
  }
  const entries = [["Reply", does.reply]];
  if (message.direction === "sent" && message.text) entries.push(["Edit", does.edit]);
  if (message.direction === "sent" && does.unsend) entries.push(["Unsend", does.unsend]);
  menu.append(emojis, ...entries.map(([text, act]) => {
    const button = element("button", { className: "menu-item", type: "button", text });
    button.addEventListener("click", () => act(message));
    return button;
  }));
  const box = element("details", { className: "sb-acts", name: "acts" }, element("summary", { text: "⋯", "aria-label": "Actions for this message", "data-mid": message.mid }), menu);
  box.open = open;
  box.addEventListener("toggle", () => does.open(box.open ? message.mid : null, message.mid));
  return box;
}

export function bubble(message, messages, does, openOne) {
  const line = element("div", { className: `sb-msg sb-${message.direction}${message.unsent ? " sb-gone" : ""}` });
  if (message.unsent) {
    line.append(element("div", { className: "sb-held" }, element("div", { className: "sb-bubble", text: "Unsent" })), meta(message));
    return line;
  }
  const content = element("div", { className: `sb-bubble${isBare(message) ? " sb-bare" : ""}` });
  for (const each of message.attachments) content.append(attachment(each));
  if (message.text) content.append(element("span", { text: message.text }));
  if (message.reply_to) line.append(quote(message.reply_to, messages));
  line.append(element("div", { className: "sb-held" }, content, acts(message, does, openOne === message.mid)));
  if (message.reaction) line.append(element("span", { className: "sb-reaction", text: message.reaction, role: "img", "aria-label": `Reaction ${message.reaction}` }));
  line.append(meta(message));
  return line;
}
