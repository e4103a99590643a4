// Calls of an object that arrive together, decided together.

/** A turn takes at most so many characters of calls, and the others wait for the next. */
const TURN_LEN_MAX = 1_000_000;

/**
 * Collects the calls that arrive in one turn of the event loop and hands them to Rust together:
 * one crossing, one decision, one row, one commit. An idle object answers at once; a busy one
 * takes more per turn by itself.
 */
export class Turns {
  #waiting = [];
  #run;
  #more;

  /** `run` takes lines of calls and gives lines of replies; `more` takes the one that there may be after them. */
  constructor(run, more) {
    this.#run = run;
    this.#more = more;
  }

  /** Several lines have several replies, a line each. */
  call(lines) {
    return new Promise((resolve, reject) => {
      const length = this.#waiting.push({ lines, resolve, reject });
      if (length === 1) setTimeout(() => this.#turn(), 0);
    });
  }

  #turn() {
    let length = 0;
    const fits = ({ lines }, index) => (length += lines.length) <= TURN_LEN_MAX || index === 0;
    const tooMany = this.#waiting.findIndex((call, index) => !fits(call, index));
    const calls = tooMany < 0 ? this.#waiting : this.#waiting.slice(0, tooMany);
    this.#waiting = this.#waiting.slice(calls.length);
    if (this.#waiting.length > 0) setTimeout(() => this.#turn(), 0);
    try {
      const lines = calls.map((call) => call.lines).join("\n");
      const replies = this.#run(lines).split("\n");
      let at = 0;
      for (const call of calls) {
        const end = at + call.lines.split("\n").length;
        call.resolve(replies.slice(at, end).join("\n"));
        at = end;
      }
      if (at < replies.length) this.#more(replies[at]);
    } catch (error) {
      for (const call of calls) call.reject(error);
    }
  }
}
