// How many SMS a text is: seven-bit GSM characters if all of it fits that alphabet, UCS-2 otherwise.
// The same rule as integrations/segments.py, which counts for real.
const BASIC = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ ÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
const COST = new Map([...[...BASIC].map((c) => [c, 1]), ...[..."\f^{}\\[~]|€"].map((c) => [c, 2])]);

// Typed by phones and word processors without asking; each has a plain form that means the same.
const PLAIN = { "\u2018": "'", "\u2019": "'", "\u201c": "\"", "\u201d": "\"", "\u2013": "-", "\u2014": "-", "\u2026": "...", "\u00a0": " ", "\u2022": "-", "\u2032": "'", "\u2033": "\"" };

// `foreign` are characters that the GSM alphabet does not have, `plainSegments` what it would be if each of them had a plain form.
export function countSegments(text) {
  const characters = [...text];
  const foreign = [...new Set(characters.filter((c) => !COST.has(c)))];
  const plainSegments = divide(characters.map((c) => COST.get(c) ?? 1), 160, 153);
  return { segments: foreign.length ? divide(characters.map((c) => c.length), 70, 67) : plainSegments, plainSegments, foreign };
}

function divide(costs, single, several) {
  const units = costs.reduce((sum, cost) => sum + cost, 0);
  if (units <= single) return units ? 1 : 0;
  let segments = 1, used = 0;
  for (const cost of costs) {          // an escape or a surrogate pair is never cut in two
    if (used + cost > several) { segments += 1; used = 0; }
    used += cost;
  }
  return segments;
}

export const canBePlain = (characters) => characters.length > 0 && characters.every((c) => c in PLAIN);
export const plain = (text) => [...text].map((c) => PLAIN[c] ?? c).join("");
