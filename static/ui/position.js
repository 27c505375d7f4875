// Where a page stands in the live feed: the newest event of each chatroom that it applied, and the cursor to go on from.
export class Position {
  #seen = new Map();     // chatroom -> number of its last event applied
  #young = null;         // a cursor that counts if no event comes before the next one

  constructor(cursor) { this.cursor = cursor; }

  // Whether the frame is to be applied. A replay and a live frame may bring the same event.
  take({ chatroom_id: room, seq, cursor }) {
    if (seq !== undefined) {
      if (seq <= (this.#seen.get(room) ?? 0)) return false;
      this.#seen.set(room, seq);
    }
    if (cursor) this.moveTo(cursor);
    return true;
  }

  moveTo(cursor) {
    this.cursor = cursor;
    this.#young = null;
  }

  // A cursor ages, and a pong brings a young one. It may overtake a frame by a hair, so it counts only once the next
  // pong finds that no frame came between.
  renew(cursor) {
    if (this.#young) this.cursor = this.#young;
    this.#young = cursor;
  }

  // The line was cut: frames may have been lost after the last pong.
  cut() { this.#young = null; }
}
