// Where the focus may stand, and where it rests in a part of the page that is drawn anew (focus.js keeps it there).
export const STANDS = "a[href], button, summary, input, select, textarea, [tabindex]";
export const usable = (one) => Boolean(one?.matches?.(STANDS)) && !one.disabled && one.checkVisibility();

// The id of a part -> the function that finds where the focus rests in it, given what was lost.
export const rests = {};
