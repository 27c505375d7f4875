// A campaign's counts: the feed says that they changed, and the server draws them. The part asks by itself now and then,
// in case that was lost.
import { listen, whenBack, whenStale } from "./live.js";

const part = () => document.getElementById("progress");
const renew = () => part()?.dispatchEvent(new Event("renew"));

listen({
  "campaign.updated": ({ campaign_id: id }) => { if (part()?.dataset.campaign === id) renew(); },
});
whenBack(renew);
whenStale(renew);
