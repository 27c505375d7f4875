// The sign-in page: a button in the password field shows what was typed.
import "./shell.js";

const field = document.querySelector("input[type=password]");
const button = document.getElementById("show-password").content.firstElementChild.cloneNode(true);
button.setAttribute("aria-controls", field.id);
field.after(button);
button.addEventListener("click", () => {
  const shown = field.type === "password";
  field.type = shown ? "text" : "password";
  button.setAttribute("aria-pressed", String(shown));
  field.focus();
});
