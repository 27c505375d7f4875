// The form that turns this browser's notifications on and off.
import "./shell.js";
import { word } from "./words.js";

const form = document.getElementById("ringing"), status = form.querySelector("[role=status]");
const off = form.querySelector("[data-off]"), on = form.querySelector("[data-on]");
const alerts = import("./alerts.js").then((module) => module);

const say = (words, isTrouble = false) => {
  status.textContent = words;
  status.classList.toggle("error", isTrouble);
};

async function paint() {
  const { choices } = await alerts, chosen = choices();
  off.hidden = !chosen;
  on.textContent = word(chosen ? "alerts.save" : "alerts.turn-on");
  if (!("Notification" in window)) {
    on.disabled = true;
    return say(word("alerts.none"));
  }
  if (!chosen) return say(word("alerts.off"));
  for (const box of form.chatrooms.length ? form.chatrooms : [form.chatrooms]) box.checked = chosen.rooms.includes(box.value);
  form.sound.checked = chosen.sound;
  say(word(chosen.push ? "alerts.on" : "alerts.on-while-open"));
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const { turnOn } = await alerts, data = new FormData(form);
  on.disabled = true;
  try {
    await turnOn(data.getAll("chatrooms"), data.has("sound"), form.dataset.key);
    await paint();
  } catch (error) { say(error.message, true); }
  on.disabled = false;
});
off.addEventListener("click", async () => {
  const { turnOff } = await alerts;
  await turnOff();
  await paint();
});
form.sound.addEventListener("change", async () => { if (form.sound.checked) (await alerts).chime(); });
paint();
