// What every page shares: elements, money, requests, problems, and what the browser keeps.

export const byId = (id) => document.getElementById(id);

/** An element. Children that are strings become text, so nothing from outside is read as HTML. */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== false && value !== undefined) {
      element.setAttribute(name, value === true ? "" : value);
    }
  }
  element.append(...children.filter((child) => child !== undefined && child !== null));
  return element;
}

/** Shows, of the parts of a box, the one for a state. */
export function showState(box, state) {
  for (const part of box.children) part.hidden = !part.dataset.state.split(" ").includes(state);
}

/** Sets a text only if it differs: live regions speak at every change. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function param(name) {
  return new URLSearchParams(location.search).get(name) ?? "";
}

/** An address of a page with parameters. */
export function page(path, params) {
  return `${path}?${new URLSearchParams(params)}`;
}

/** The path of an API resource; every part is escaped. */
export function path(...parts) {
  return `/v1/${parts.map(encodeURIComponent).join("/")}`;
}

/** An amount for people; how many digits are minor is the currency's matter. */
export function money({ minor, currency }) {
  const format = new Intl.NumberFormat(undefined, { style: "currency", currency });
  return format.format(minor / 10 ** format.resolvedOptions().maximumFractionDigits);
}

/** What somebody wrote as an amount, in minor units. */
export function minorOf(text, currency) {
  const format = new Intl.NumberFormat(undefined, { style: "currency", currency });
  return Math.round(Number(text) * 10 ** format.resolvedOptions().maximumFractionDigits);
}

const plural = (count, noun) => `${count.toLocaleString()} ${noun}${count === 1 ? "" : "s"}`;

/** A time to wait, as people would say it: as a range, because nobody knows it better. */
export function rangeInWords(lowMs, highMs) {
  const low = Math.floor(lowMs / 60_000);
  const high = Math.max(low + 1, Math.ceil(highMs / 60_000));
  if (high === 1) return "less than a minute";
  if (high >= 120) {
    const [from, to] = [Math.floor(low / 60), Math.ceil(high / 60)];
    return from === 0 ? `up to ${plural(to, "hour")}` : `${from} to ${plural(to, "hour")}`;
  }
  return low === 0 ? `up to ${plural(high, "minute")}` : `${low} to ${plural(high, "minute")}`;
}

/** A time that is left, to the second: `1 d 02:03:04`, `02:03:04` or `03:04`. */
export function countdown(ms) {
  const secs = Math.max(0, Math.ceil(ms / 1_000));
  const [days, hours] = [Math.floor(secs / 86_400), Math.floor(secs / 3_600) % 24];
  const two = (count) => String(count).padStart(2, "0");
  const rest = `${two(Math.floor(secs / 60) % 60)}:${two(secs % 60)}`;
  if (days > 0) return `${days} d ${two(hours)}:${rest}`;
  return hours > 0 ? `${two(hours)}:${rest}` : rest;
}

export function people(count) {
  if (count === 0) return "Nobody";
  return count === 1 ? "1 person" : `${count.toLocaleString()} people`;
}

/** A moment for people: the day only if it is another one. */
export function moment(ms) {
  const at = new Date(ms);
  const today = at.toDateString() === new Date().toDateString();
  const day = today ? {} : { weekday: "short", day: "numeric", month: "short" };
  return at.toLocaleString(undefined, { ...day, hour: "2-digit", minute: "2-digit" });
}

export const clockTime = (ms) => new Date(ms).toLocaleTimeString(undefined, { timeStyle: "short" });

const PHASES = {
  draft: "Not open yet",
  scheduled: "Announced",
  prequeue: "Opens soon",
  open: "Open",
  paused: "Paused",
  closed: "Closed",
};
const BANDS = {
  in_stock: ["In stock", "good"],
  few_left: ["Few left", "warn"],
  all_reserved: ["All reserved for now", "warn"],
  sold_out: ["Sold out", ""],
};

export const phaseName = (phase) => PHASES[phase] ?? phase;

export const phaseBand = (phase) =>
  el("span", { class: phase === "open" ? "band good" : "band" }, phaseName(phase));

export function stockBand(stock) {
  const [text, tone] = BANDS[stock] ?? ["Stock not known yet", ""];
  return el("span", { class: `band ${tone}` }, text);
}

export function picture(image, attributes = {}) {
  if (!image) return undefined;
  return el("img", { src: image.src, alt: image.alt, width: 400, height: 400, ...attributes });
}

/** A "no" of the service, or no answer at all. */
export class Problem extends Error {
  constructor(body, status, retryAfterMs) {
    super(body.title);
    Object.assign(this, { ...body, status, retryAfterMs });
    this.kind = String(body.type ?? "").replace("/problems#", "");
    // Neither a failure nor a limit decides anything: the same act may have happened or may yet.
    this.decided = status >= 400 && status < 500 && status !== 429;
  }
}

const NO_ANSWER = {
  title: "There was no answer",
  detail: "Check your connection and try again. Nothing happens twice.",
  retryable: true,
};

/** Sends a request; gives the body, or throws a Problem. */
export async function call(method, address, { json, body, headers = {}, cache } = {}) {
  const init = { method, headers: { ...headers }, body, cache };
  if (json !== undefined) {
    init.headers["Content-Type"] = "application/json";
    init.body = JSON.stringify(json);
  }
  let reply;
  let answer;
  try {
    reply = await fetch(address, init);
    answer = await reply.json();
  } catch {
    throw new Problem(NO_ANSWER, reply?.status ?? 0, 2_000);
  }
  if (reply.ok) return answer;
  throw new Problem(answer, reply.status, 1_000 * Number(reply.headers.get("retry-after")) || 0);
}

/** Says what went wrong in a box made for it, with a way to try again where that may help. */
export function showProblem(box, problem, retry) {
  // What is not a Problem is a mistake in these pages; the console is where it can be found.
  if (!(problem instanceof Problem)) console.error(problem);
  const title = problem instanceof Problem ? problem.title : "This page made a mistake";
  const detail = problem.detail ?? "Reload it and try again. Nothing happens twice.";
  const errors = problem.errors?.map((e) =>
    el("li", {}, el("code", {}, e.pointer), ` ${e.detail}`),
  );
  // What is said already is not said again by every poll.
  if (!box.hidden && box.dataset.said === title + detail) return;
  box.dataset.said = title + detail;
  box.replaceChildren(el("p", {}, el("strong", {}, title)), el("p", {}, detail));
  if (errors?.length) box.append(el("ul", {}, ...errors));
  if (problem.kind) {
    const link = el("a", { href: `/problems#${problem.kind}` }, "What this means");
    box.append(el("p", { class: "small" }, link));
  }
  if (retry && problem.retryable) box.append(retryButton(retry, problem.retryAfterMs));
  box.hidden = false;
}

function retryButton(retry, afterMs) {
  const button = el("button", { type: "button" }, "Try again");
  const until = Date.now() + afterMs;
  const tick = () => {
    const left = Math.ceil((until - Date.now()) / 1_000);
    button.disabled = left > 0;
    button.textContent = left > 0 ? `Try again in ${left} s` : "Try again";
    if (left > 0 && button.isConnected) setTimeout(tick, 250);
  };
  button.addEventListener("click", retry);
  queueMicrotask(tick);
  return button;
}

export const problemBox = () => el("div", { class: "problem wide", role: "alert", hidden: true });

/** Lets a form act: once at a time, with its problem shown under it. */
export function onSubmit(form, act) {
  const box = problemBox();
  form.append(box);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (form.getAttribute("aria-busy") === "true") return;
    const { submitter } = event;
    form.setAttribute("aria-busy", "true");
    box.hidden = true;
    try {
      await act(new FormData(form), submitter);
    } catch (problem) {
      showProblem(box, problem, () => form.requestSubmit(submitter));
    } finally {
      form.removeAttribute("aria-busy");
    }
  });
}

/** What a browser keeps; where it keeps nothing, as long as the page lives. */
function shelf(storage) {
  const memory = new Map();
  const attempt = (work) => {
    try {
      return work();
    } catch {
      return undefined; // Full or forbidden: the memory of this page has to do.
    }
  };
  return {
    get: (name) =>
      attempt(() => JSON.parse(storage().getItem(`doorbuster:${name}`))) ?? memory.get(name),
    set(name, value) {
      memory.set(name, value);
      attempt(() => storage().setItem(`doorbuster:${name}`, JSON.stringify(value)));
    },
    remove(name) {
      memory.delete(name);
      attempt(() => storage().removeItem(`doorbuster:${name}`));
    },
  };
}

export const kept = shelf(() => localStorage);
export const keptHere = shelf(() => sessionStorage);

/** A key nobody else has. `randomUUID` is missing on plain HTTP in a local network. */
function newKey() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** What was sent under this name and not answered yet. */
export const unanswered = (name) => kept.get(name)?.body;

/**
 * Does an act once: its key is kept until there is an answer, so a retry, a second click or a
 * reloaded page asks for the same act again and not for another.
 */
export async function once(name, body, send) {
  const known = kept.get(name);
  const same = known && JSON.stringify(known.body) === JSON.stringify(body);
  const act = same ? known : { key: newKey(), body };
  kept.set(name, act);
  try {
    const answer = await send(act.key);
    kept.remove(name);
    return answer;
  } catch (problem) {
    if (problem.decided) kept.remove(name);
    throw problem;
  }
}

/** Calls `work` again and again; it says after how many milliseconds, or no number to end. */
export function repeat(work) {
  let timer;
  let due = Infinity;
  const run = async () => {
    clearTimeout(timer);
    due = Infinity;
    const next = await work();
    if (typeof next !== "number") return;
    due = Date.now() + next;
    timer = setTimeout(run, next);
  };
  // Browsers slow the timers of a hidden tab down; who comes back wants to know at once.
  const lookUp = () => {
    if (!document.hidden && Date.now() >= due) run();
  };
  document.addEventListener("visibilitychange", lookUp);
  // So does who comes back to a page that the browser had put aside whole.
  addEventListener("pageshow", lookUp);
  return run();
}
