// What became of a reservation: the order, or why there is none and what to do.

import {
  Problem,
  byId,
  call,
  clockTime,
  el,
  money,
  onSubmit,
  page,
  path,
  repeat,
  say,
  showProblem,
  showState,
} from "./kit.js";
import { linePath, linesHere, linesPage } from "./cart.js";
import { linesBeside, taxOf } from "./charges.js";
import { linesOf } from "./contact.js";

const [ids, ...others] = linesHere();
const sku = path("sales", ids.sale, "skus", ids.sku);
const here = `${sku}/reservations/${encodeURIComponent(ids.reservation)}`;
const LOOK_EVERY_MS = 1_500;
const WAIT_MORE_MS = 5_000;
const STATUS = {
  placed: "Placed: the shop is being told.",
  settled: "Settled: it is in the shop's books.",
  cancelled: "Cancelled by the shop. The money is on its way back.",
  refunded: "Cancelled by the shop. The money was given back.",
};
const OTHERS = {
  allocated: "yours",
  paying: "the payment is under way",
  held: "not paid, and reserved for you",
  cancelled: "cancelled by the shop",
};
let looks = 0;

async function showOrder(id) {
  const order = await call("GET", `${sku}/orders/${encodeURIComponent(id)}`);
  byId("order").hidden = false;
  byId("order-number").textContent = order.number;
  byId("order-id").textContent = order.order;
  byId("placed").textContent = new Date(order.placed_at_ms).toLocaleString();
  byId("total").textContent = money(order.amount);
  const rows = order.lines.map((line) =>
    el(
      "tr",
      {},
      el("td", {}, line.title, el("br"), el("span", { class: "id soft" }, line.sku)),
      el("td", { class: "number" }, String(line.quantity)),
      el("td", { class: "number" }, money(line.unit_price)),
    ),
  );
  const tax = order.tax && taxOf(await call("GET", path("sales", ids.sale)), order.tax);
  const beside = linesBeside({ ...order, tax }).map(([name, amount]) =>
    el("tr", {}, el("td", { colspan: 2 }, name), el("td", { class: "number" }, amount)),
  );
  byId("lines").replaceChildren(...rows, ...beside);
  say(byId("status"), STATUS[order.status] ?? order.status);
  if (order.status === "placed") return LOOK_EVERY_MS;
  return order.status === "cancelled" ? WAIT_MORE_MS : undefined;
}

function showRefund(refund, state) {
  const why = state === "cancelled" ? "The order was cancelled." : "Your payment came too late.";
  byId("refund").hidden = !refund;
  say(
    byId("refund"),
    `${why} ${refund === "done" ? "The money was given back." : "The money is being given back."}`,
  );
}

async function look() {
  looks += 1;
  try {
    const { state, expires_at_ms, order, refund } = await call("GET", here);
    byId("problem").hidden = true;
    byId("wait").hidden = true;
    showState(byId("states"), state);
    if (refund) showRefund(refund, state);
    await showOthers();
    if (order) return await showOrder(order);
    if (expires_at_ms) byId("deadline").textContent = clockTime(expires_at_ms);
    byId("pay").hidden = state !== "paying";
    if (state === "paying") return looks < 20 ? LOOK_EVERY_MS : WAIT_MORE_MS;
    return state === "held" || refund === "due" ? WAIT_MORE_MS : undefined;
  } catch (problem) {
    byId("wait").hidden = true;
    showProblem(byId("problem"), problem, look);
    return problem instanceof Problem && !problem.decided ? WAIT_MORE_MS : undefined;
  }
}

/** What was paid together with it: an order each, and a receipt. */
async function showOthers() {
  const items = await Promise.all(
    others.map(async (line) => {
      const { state, quantity } = await call("GET", linePath(line));
      const rest = [ids, ...others].filter((one) => one !== line);
      const link = el("a", { href: linesPage("/receipt", [line, ...rest]) }, line.sku);
      return el("li", {}, `${quantity} × `, link, `: ${OTHERS[state] ?? "not an order"}`);
    }),
  );
  byId("others").hidden = items.length === 0;
  byId("others-list").replaceChildren(...items);
}

async function showContact() {
  const { contact } = await call("GET", `${here}/contact`);
  byId("contact").hidden = !contact;
  if (contact) byId("contact-lines").replaceChildren(...linesOf(contact));
}

onSubmit(byId("erase"), async () => {
  await call("DELETE", `${here}/contact`);
  byId("contact").hidden = true;
  byId("contact-lines").replaceChildren();
  say(byId("erased"), "It is erased.");
  byId("erased").focus();
});

onSubmit(byId("pay"), async () => {
  // Of what is paid together, each leads back to the payment of all.
  const { redirect_to } = await call("POST", `${here}/payment`);
  location.assign(redirect_to);
});

for (const link of document.querySelectorAll(".to-checkout")) link.href = linesPage("/checkout", [ids, ...others]);
for (const link of document.querySelectorAll(".to-sale"))
  link.href = page("/sale", { sale: ids.sale, sku: ids.sku });
// A shop that keeps none says so, and there is nothing to show.
showContact().catch(() => {});
repeat(look);
