// Pictures, large. Fetched when the first is asked for.
export function view(link) {
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
  const [back, on] = document.dir === "rtl" ? ["ArrowRight", "ArrowLeft"] : ["ArrowLeft", "ArrowRight"];
  dialog.onkeydown = ({ key }) => { if (key === back) turn(-1); if (key === on) turn(1); };
  dialog.onclose = () => dialog.querySelector("img").removeAttribute("src");
  turn(0);
  dialog.showModal();
}
