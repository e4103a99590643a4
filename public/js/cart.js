// The lines that an address of ours names: the first by `sku` and `reservation`, others as `also`.

import { page, param, path } from "./kit.js";

const sale = param("sale");

/** What this page is about: `{ sale, sku, reservation }` for each line. */
export function linesHere() {
  const also = new URLSearchParams(location.search).getAll("also");
  const others = also.map((text) => {
    const [sku, reservation = ""] = text.split(":");
    return { sale, sku, reservation };
  });
  return [{ sale, sku: param("sku"), reservation: param("reservation") }, ...others];
}

/** The address of a page about these lines. */
export function linesPage(to, lines) {
  const [{ sale, sku, reservation }, ...others] = lines;
  const also = others.map((line) => encodeURIComponent(`${line.sku}:${line.reservation}`));
  return page(to, { sale, sku, reservation }) + also.map((text) => `&also=${text}`).join("");
}

/** The path of a line's reservation. */
export function linePath({ sale, sku, reservation }) {
  return path("sales", sale, "skus", sku, "reservations", reservation);
}

/** Of several states, the first here that one of them has is that of all. */
const STATES = ["paying", "held", "waiting", "allocated", "cancelled", "released", "expired"];

/** Whether a reservation can still be paid, or given back. */
export const isOpen = ({ state }) => STATES.indexOf(state) < 3;

/** Several reservations as if they were one: what can still be paid, if there is something. */
export function together(reservations) {
  const open = reservations.filter(isOpen);
  const all = open.length ? open : reservations;
  const sum = (name) => {
    const amounts = all.map((one) => one[name]).filter(Boolean);
    const minor = amounts.reduce((total, amount) => total + amount.minor, 0);
    return amounts.length ? { minor, currency: amounts[0].currency } : undefined;
  };
  const ends = all.map(({ expires_at_ms }) => expires_at_ms).filter(Boolean);
  return {
    state: STATES.find((state) => reservations.some((one) => one.state === state)),
    quantity: all.reduce((units, one) => units + one.quantity, 0),
    amount: sum("amount"),
    shipping: sum("shipping"),
    tax: sum("tax"),
    expires_at_ms: ends.length ? Math.min(...ends) : undefined,
    waitlist: all[0].waitlist,
  };
}
