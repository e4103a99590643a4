// The object of P1b: everything in memory, and a journal from which it is made again.

import { DurableObject } from "cloudflare:workers";

const PER_SHOPPER_MAX = 1;
const [HELD, ALLOCATED, EXPIRED] = [0, 1, 2];

export class Sku extends DurableObject {
  #sql = this.ctx.storage.sql;
  /** Undefined until there is a stock. */
  #onHand;
  #ttlMs = 0;
  #reserved = 0;
  /** Also how many orders are in the outbox: each is an entry of the journal that nobody has sent yet. */
  #allocated = 0;
  /** By their numbers; the number is in the id. */
  #reservations = [];
  /** The newest reservation of each shopper, which knows the one before it. */
  #newest = new Map();
  /** Held reservations in order of their deadlines; those before `#dueFrom` are done with. */
  #due = [];
  #dueFrom = 0;
  /** Time does not run backwards. */
  #now = 0;
  #alarmAt = Infinity;
  /** Calls that wait for the next turn. */
  #waiting = [];
  /** What has happened in this turn. */
  #events = "";

  constructor(ctx, env) {
    super(ctx, env);
    this.#sql.exec(
      "CREATE TABLE IF NOT EXISTS journal (seq INTEGER PRIMARY KEY, events TEXT NOT NULL) STRICT",
    );
    for (const [events] of this.#sql.exec("SELECT events FROM journal ORDER BY seq").raw()) {
      for (const event of events.trimEnd().split("\n")) this.#apply(event.split(" "));
    }
    this.#setAlarm();
  }

  /** Lines in, lines out. All calls that arrive in one turn of the event loop share one row. */
  turn(lines) {
    return new Promise((resolve, reject) => {
      if (this.#waiting.push({ lines, resolve, reject }) === 1) setTimeout(() => this.#turn(), 0);
    });
  }

  /** The platform holds the replies back until the row is committed. */
  #turn() {
    const calls = this.#waiting;
    this.#waiting = [];
    try {
      const replies = this.#decide(calls);
      for (let i = 0; i < calls.length; i += 1) calls[i].resolve(replies[i]);
    } catch (error) {
      for (const call of calls) call.reject(error);
      // What is in memory may not be in the journal.
      this.ctx.abort("a turn could not be written");
    }
  }

  #decide(calls) {
    this.#now = Math.max(this.#now, Date.now());
    this.#expire();
    const replies = calls.map(({ lines }) => {
      if (!lines.includes("\n")) return this.#answer(lines);
      return lines.split("\n").map((line) => this.#answer(line)).join("\n");
    });
    if (this.#events !== "") {
      this.#sql.exec("INSERT INTO journal (events) VALUES (?)", this.#events);
      this.#events = "";
      this.#setAlarm();
    }
    return replies;
  }

  /** The reply to a line: after a plus or equals sign what was asked for, or the slug of a problem. */
  #answer(line) {
    const words = line.split(" ");
    if (words[0] === "S") return this.#setStock(words);
    if (this.#onHand === undefined) return "sku-not-found";
    if (words[0] === "R") return this.#reserve(words[1], words[2], Number(words[3]));
    if (words[0] === "C") return this.#confirm(words[1], words[2]);
    return this.#stock();
  }

  #reserve(shopper, key, quantity) {
    const newest = this.#newest.get(shopper);
    for (let known = newest; known !== undefined; known = known.before) {
      if (known.key === key) return quantity === 1 ? `=${firstAnswer(known)}` : "idempotency-key-reused";
    }
    const units = newest === undefined || newest.state === EXPIRED ? 0 : 1;
    if (units + quantity > PER_SHOPPER_MAX) return "per-shopper-max";
    if (this.#allocated >= this.#onHand) return "sold-out";
    if (this.#onHand - this.#reserved - this.#allocated < quantity) return "all-reserved";
    const expiresAt = this.#now + this.#ttlMs;
    this.#happened(`R ${shopper} ${key} ${expiresAt}`);
    return `+${firstAnswer(this.#reserved1(shopper, key, expiresAt))}`;
  }

  #confirm(shopper, id) {
    const found = this.#reservations[id.startsWith("rsv_") ? Number(id.slice(4)) : -1];
    if (found?.shopper !== shopper) return "reservation-not-found";
    if (found.state === EXPIRED) return "reservation-expired";
    if (found.state === HELD) {
      this.#happened(`C ${found.number}`);
      this.#confirmed(found);
    }
    return `+{"order":"ord_${found.number}"}`;
  }

  #setStock([, onHand, ttlMs]) {
    if (Number(onHand) < this.#reserved + this.#allocated) return "withdraw-exceeds-available";
    this.#happened(`S ${onHand} ${ttlMs}`);
    this.#stockSet(onHand, ttlMs);
    return this.#stock();
  }

  #stock() {
    const [reserved, allocated] = [this.#reserved, this.#allocated];
    const counts = { on_hand: this.#onHand, reserved, allocated, outbox: allocated };
    return `+${JSON.stringify(counts)}`;
  }

  /** Gives back what is overdue. */
  #expire() {
    for (; this.#dueFrom < this.#due.length; this.#dueFrom += 1) {
      const first = this.#due[this.#dueFrom];
      if (first.state === HELD) {
        if (first.expiresAt > this.#now) break;
        this.#happened(`X ${first.number}`);
        this.#expired(first);
      }
    }
    if (this.#dueFrom > 4096 && this.#dueFrom * 2 > this.#due.length) {
      this.#due = this.#due.slice(this.#dueFrom);
      this.#dueFrom = 0;
    }
  }

  #happened(event) {
    this.#events += `${event}\n`;
  }

  /** What an event of the journal did. */
  #apply([kind, first, second, third]) {
    if (kind === "R") this.#reserved1(first, second, Number(third));
    else if (kind === "C") this.#confirmed(this.#reservations[Number(first)]);
    else if (kind === "X") this.#expired(this.#reservations[Number(first)]);
    else this.#stockSet(first, second);
  }

  #reserved1(shopper, key, expiresAt) {
    const number = this.#reservations.length;
    const before = this.#newest.get(shopper);
    const reservation = { number, shopper, key, expiresAt, state: HELD, before };
    this.#reservations.push(reservation);
    this.#newest.set(shopper, reservation);
    this.#reserved += 1;
    // Nearly always the last: only a shorter time to live is due before another.
    let at = this.#due.push(reservation) - 1;
    for (; at > this.#dueFrom && this.#due[at - 1].expiresAt > expiresAt; at -= 1) {
      this.#due[at] = this.#due[at - 1];
    }
    this.#due[at] = reservation;
    return reservation;
  }

  #confirmed(reservation) {
    reservation.state = ALLOCATED;
    this.#reserved -= 1;
    this.#allocated += 1;
  }

  #expired(reservation) {
    reservation.state = EXPIRED;
    this.#reserved -= 1;
  }

  #stockSet(onHand, ttlMs) {
    this.#onHand = Number(onHand);
    this.#ttlMs = Number(ttlMs);
  }

  /** Wakes at the first deadline, which time on its own would not. */
  #setAlarm() {
    const first = this.#due[this.#dueFrom];
    if (first === undefined || first.expiresAt >= this.#alarmAt) return;
    this.#alarmAt = first.expiresAt;
    this.ctx.storage.setAlarm(this.#alarmAt);
  }

  async alarm() {
    this.#alarmAt = Infinity;
    await this.turn("G");
    this.#setAlarm();
  }
}

/** What was said when the reservation was made, and is said again to a repeat. */
function firstAnswer({ number, expiresAt }) {
  return `{"reservation":"rsv_${number}","state":"held","quantity":1,"expires_at_ms":${expiresAt}}`;
}
