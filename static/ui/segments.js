// How many SMS a text is: seven-bit GSM characters if all of it fits that alphabet, UCS-2 otherwise.
// The same rule as integrations/segments.py, which counts for real.
const BASIC = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ ÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
const COST = new Map([...[...BASIC].map((c) => [c, 1]), ...[..."\f^{}\\[~]|€"].map((c) => [c, 2])]);

// Typed by phones and word processors without asking; each has a plain form that means the same.
const PLAIN = { "\u2018": "'", "\u2019": "'", "\u201c": "\"", "\u201d": "\"", "\u2013": "-", "\u2014": "-", "\u2026": "...", "\u00a0": " ", "\u2022": "-", "\u2032": "'", "\u2033": "\"" };

// `units` are characters as the network counts them, `foreign` those that the GSM alphabet does not have.
export function countSegments(text) {
  const characters = [...text];
  const foreign = [...new Set(characters.filter((c) => !COST.has(c)))];
  const gsm = !foreign.length;
  const costs = characters.map((c) => (gsm ? COST.get(c) : c.length));
  const units = costs.reduce((sum, cost) => sum + cost, 0);
  const [single, several] = gsm ? [160, 153] : [70, 67];
  let segments = units ? 1 : 0;
  if (units > single) {
    let used = 0;
    for (const cost of costs) {          // an escape or a surrogate pair is never cut in two
      if (used + cost > several) { segments += 1; used = 0; }
      used += cost;
    }
  }
  return { gsm, units, segments, limit: segments > 1 ? segments * several : single, foreign };
}

export const canBePlain = (characters) => characters.length > 0 && characters.every((c) => c in PLAIN);
export const plain = (text) => [...text].map((c) => PLAIN[c] ?? c).join("");
