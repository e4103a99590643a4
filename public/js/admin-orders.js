// The merchant's list of orders, and cancelling one.

import { linesBeside } from "./charges.js";
import { byId, el, moment, money, once, onSubmit, path, say } from "./kit.js";
import { linesOf as contactLines } from "./contact.js";

const STATES = { settled: "Settled", cancelled: "Cancelled, refund due", refunded: "Refunded" };

let tools;
let chosen;
/** The number that is looked up, if one is. */
let looked = "";

/** `ask(method, address, options)` asks as the merchant; `look()` shows the sale anew. */
export function setUpOrders(given) {
  tools = given;
  byId("contact-close").addEventListener("click", () => byId("contact").close());
  // It is nowhere on the page any more when it is closed, by whatever key.
  byId("contact").addEventListener("close", () => byId("contact-lines").replaceChildren());
  byId("cancel-keep").addEventListener("click", () => byId("cancel").close());
}

/** Which orders are asked for: those of a sale, or those of the number that is looked up. */
export function ordersWanted(sale) {
  return looked ? `number=${encodeURIComponent(looked)}` : `sale=${encodeURIComponent(sale)}`;
}

/** Shows a page of orders. A row is made anew only if it says something else. */
export function showOrders(orders, next) {
  say(byId("orders-count"), looked ? `${orders.length} of this number` : `${orders.length}${next ? " or more" : ""} settled`);
  const box = byId("orders");
  const known = new Map([...box.children].map((row) => [row.dataset.order, row]));
  const rows = orders.map((order) => {
    const said = JSON.stringify(order);
    const row = known.get(order.order);
    return row?.dataset.said === said ? row : rowOf(order, said);
  });
  const isSame = rows.length === box.childElementCount && rows.every((row, at) => row === box.children[at]);
  if (!isSame) box.replaceChildren(...rows);
}

const linesOf = (order) => order.lines.map((line) => `${line.quantity} × ${line.title}`).join(", ");

const besideOf = (order) =>
  linesBeside(order).flatMap(([name, amount]) => [
    el("br"),
    el("span", { class: "soft small" }, `${name}: ${amount}`),
  ]);

function rowOf(order, said) {
  const state = STATES[order.status] ?? order.status;
  const why = order.cancel_reason ? `${state}: ${order.cancel_reason}` : state;
  return el(
    "tr",
    { "data-order": order.order, "data-said": said },
    el(
      "td",
      { tabindex: "-1" },
      order.number,
      el("br"),
      el("span", { class: "id soft" }, order.order),
    ),
    el("td", {}, linesOf(order)),
    el("td", { class: "number" }, money(order.amount), ...besideOf(order)),
    el("td", {}, moment(order.placed_at_ms)),
    el("td", {}, why),
    el("td", {}, contactButton(order)),
    el("td", {}, cancelButton(order)),
  );
}

const contactOf = ({ order }) => path("admin", "orders", order, "contact");

function contactButton(order) {
  const label = `Show who order ${order.number} is for`;
  const button = el("button", { type: "button", class: "quiet", "aria-label": label }, "Show");
  button.addEventListener("click", async () => {
    const { contact } = await tools.ask("GET", contactOf(order)).catch((problem) => {
      say(byId("orders-done"), `${problem.title}. ${problem.detail ?? ""}`);
      return {};
    });
    if (contact === undefined) return;
    chosen = order;
    byId("contact-order").textContent = order.number;
    byId("contact-lines").replaceChildren(...(contact ? contactLines(contact) : ["Nothing was left, or it was erased."]));
    byId("contact-erase").hidden = !contact;
    byId("contact").showModal();
  });
  return button;
}

function cancelButton(order) {
  if (order.status !== "settled") return undefined;
  const label = `Cancel order ${order.number}`;
  const button = el("button", { type: "button", class: "quiet", "aria-label": label }, "Cancel");
  button.addEventListener("click", () => {
    chosen = order;
    byId("cancel-form").reset();
    byId("cancel-order").textContent = order.number;
    byId("cancel-lines").textContent = linesOf(order);
    byId("cancel-amount").textContent = money(order.amount);
    byId("cancel").showModal();
  });
  return button;
}

onSubmit(byId("contact-form"), async () => {
  await tools.ask("DELETE", contactOf(chosen));
  byId("contact").close();
  say(byId("orders-done"), `Who order ${chosen.number} is for is erased.`);
});

onSubmit(byId("cancel-form"), async (fields) => {
  const { order, number } = chosen;
  const json = { reason: fields.get("reason"), restock: fields.get("restock") !== null };
  await once("cancel", { order, ...json }, (key) =>
    tools.ask("POST", path("admin", "orders", order, "cancel"), {
      json,
      headers: { "Idempotency-Key": key },
    }),
  );
  byId("cancel").close();
  say(byId("orders-done"), `Order ${number} is cancelled. Its money is being given back.`);
  await tools.look();
  byId("orders").querySelector(`[data-order="${CSS.escape(order)}"] td`)?.focus();
});

onSubmit(byId("find-order"), async (fields) => {
  const number = fields.get("number").trim();
  // Asked for by itself first: what is no number is told under the field.
  if (number) await tools.ask("GET", `${path("admin", "orders")}?number=${encodeURIComponent(number)}`);
  looked = number;
  await tools.look();
});
