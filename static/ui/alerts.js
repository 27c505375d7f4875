// What this browser tells its user beside the page: notifications and a sound for chosen chatrooms, and Web Push, which
// also comes while no page is open. Off until it is turned on in "For you"; kept in this browser for each user.
import { listen } from "./live.js";
import { csrf } from "./request.js";
import { word } from "./words.js";

const KEPT = "alerts", ADDRESS = "/notifications/browser/";
const { me } = document.body.dataset;

const readAll = () => JSON.parse(localStorage.getItem(KEPT) ?? "{}");
export const choices = () => readAll()[me];        // { rooms, sound, push }, or undefined while it is off

function keep(chosen) {
  const all = readAll();
  if (chosen) all[me] = chosen;
  else delete all[me];
  if (Object.keys(all).length) localStorage.setItem(KEPT, JSON.stringify(all));
  else localStorage.removeItem(KEPT);
}

// ---------------------------------------------------------------- on and off
// Throws with a sentence for people. Whether pushes come too is told by the answer.
export async function turnOn(rooms, sound, key) {
  if (await Notification.requestPermission() !== "granted") throw new Error(word("alerts.blocked"));
  let push = false;
  try {
    const worker = await register();
    const subscription = await worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
    await tellServer(subscription, rooms);
    push = true;
  } catch (error) {
    if (error.isForPeople) throw error;            // any other: this browser has no push service that it reaches
  }
  const before = choices();
  keep({ rooms, sound, push });
  if (!before) begin();
  return push;
}

export async function turnOff() {
  keep(null);
  const worker = await navigator.serviceWorker?.getRegistration();
  const subscription = await worker?.pushManager?.getSubscription();
  await subscription?.unsubscribe();
  await fetch(`${ADDRESS}off/`, { method: "POST", headers: csrf() });
}

export async function register() {
  await navigator.serviceWorker.register("/service-worker.js");
  return navigator.serviceWorker.ready;
}

async function tellServer(subscription, rooms) {
  const { endpoint, keys } = subscription.toJSON();
  const body = new URLSearchParams({ endpoint, p256dh: keys.p256dh, auth: keys.auth });
  for (const room of rooms) body.append("chatrooms", room);
  const response = await fetch(ADDRESS, { method: "POST", headers: csrf(), body });
  if (!response.ok) throw Object.assign(new Error(await response.text()), { isForPeople: true });
}

// A subscription ends with the sign-in that made it: the next one says it anew.
async function renew() {
  const chosen = choices();
  if (!chosen?.push || sessionStorage.getItem(KEPT)) return;
  const subscription = await (await register()).pushManager.getSubscription();
  if (subscription) await tellServer(subscription, chosen.rooms);
  sessionStorage.setItem(KEPT, "renewed");
}

// ---------------------------------------------------------------- while a page is open
let begun = false;

export function begin() {
  if (begun || !choices()) return;
  begun = true;
  listen({ "message.created": heard });
  renew().catch(() => {});                         // the next page tries again
}

function heard({ message, chatroom_id: room }) {
  const chosen = choices();
  if (!chosen?.rooms.includes(room) || message.direction !== "inbound" || document.hasFocus()) return;
  if (chosen.sound) chime();
  if (chosen.push || Notification.permission !== "granted") return;      // the push rings by itself
  const shown = new Notification(word("alerts.waiting"), { tag: message.conversation_id });
  shown.onclick = () => {
    window.focus();
    location.assign(`/inbox/${message.conversation_id}/`);
  };
}

// Two soft tones. A page that nobody has touched yet may not make a sound.
export function chime() {
  const audio = new AudioContext(), now = audio.currentTime, level = audio.createGain();
  level.gain.setValueAtTime(0.0001, now);
  level.gain.exponentialRampToValueAtTime(0.12, now + 0.02);
  level.gain.exponentialRampToValueAtTime(0.0001, now + 0.5);
  level.connect(audio.destination);
  for (const [frequency, at] of [[660, 0], [880, 0.14]]) {
    const tone = audio.createOscillator();
    tone.frequency.value = frequency;
    tone.connect(level);
    tone.start(now + at);
    tone.stop(now + 0.5);
  }
  setTimeout(() => audio.close(), 800);
}
