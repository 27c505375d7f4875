// A campaign's counts: the feed says that they changed, and the server draws them. The part asks by itself now and then,
// in case that was lost. The recipients follow more slowly, since people read them.
import { listen, whenBack, whenStale } from "./live.js";

const part = () => document.getElementById("progress");
const renew = () => part()?.dispatchEvent(new Event("renew"));

const REST = 3000;
let due = 0;

function renewRecipients() {
  due ||= setTimeout(() => {
    due = 0;
    const list = document.getElementById("list");
    if (list?.contains(document.activeElement)) return renewRecipients();
    if (list) htmx.ajax("GET", location.href, { target: list, select: "#list", swap: "outerHTML" });
  }, REST);
}

addEventListener("htmx:afterSwap", ({ detail }) => { if (detail.target.id === "progress") renewRecipients(); });

listen({
  "campaign.updated": ({ campaign_id: id }) => { if (part()?.dataset.campaign === id) renew(); },
});
whenBack(renew);
whenStale(renew);
