/* The cards beside the phones and the chats: failures to come, and the pace of the provider. */

import { byId, call, changed, element } from "./parts.js";

export function drawFaults(faults, provider) {
  const mine = faults.filter((fault) => fault.provider === provider);
  if (!changed("faults", mine)) return;
  byId("no-faults").hidden = mine.length > 0;
  byId("clear").hidden = mine.length === 0;
  byId("faults").replaceChildren(...mine.map((fault) => {
    const option = document.querySelector(`#kind option[value="${CSS.escape(fault.kind)}"]`);
    const words = option ? `${option.parentElement.label} ${option.textContent}` : fault.kind;
    return element("li", {}, element("span", { className: "count-pill", text: fault.count }), element("span", { className: "small", text: words }));
  }));
}

function showOption() {
  const chosen = byId("kind").selectedOptions[0];
  byId("option-field").hidden = !chosen.dataset.option;
  byId("option-label").textContent = chosen.dataset.label ?? "";
  byId("option").value = chosen.dataset.usual ?? "";
}

async function arm(provider) {
  const chosen = byId("kind").selectedOptions[0];
  const payload = { provider, kind: chosen.value, count: Number(byId("count").value) };
  if (chosen.dataset.option) payload[chosen.dataset.option] = Number(byId("option").value);
  const said = byId("arm-error");
  said.hidden = true;
  try {
    drawFaults((await call("/faults", { method: "POST", payload })).faults, provider);
  } catch (error) {
    said.textContent = error.message;
    said.hidden = false;
  }
}

async function setPace(form) {
  const payload = Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, Number(value)]));
  try {
    await call("/settings", { method: "POST", payload });
    byId("pace-said").textContent = "Applied.";
  } catch (error) {
    byId("pace-said").textContent = error.message;
  }
}

export function wireFailures(provider) {
  showOption();
  byId("kind").addEventListener("change", showOption);
  byId("arm").addEventListener("submit", (event) => { event.preventDefault(); arm(provider); });
  byId("clear").addEventListener("click", async () => drawFaults((await call(`/faults?provider=${provider}`, { method: "DELETE" })).faults, provider));
  byId("pace").addEventListener("submit", (event) => { event.preventDefault(); setPace(event.currentTarget); });
}
