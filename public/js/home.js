// The shop's first page: sales and products.

import {
  Problem,
  byId,
  call,
  el,
  moment,
  money,
  page,
  path,
  phaseBand,
  picture,
  repeat,
  showProblem,
  stockBand,
} from "./kit.js";

/** Sales looked at: the newest. */
const SALES_MAX = 12;
const LOOK_EVERY_MS = 10_000;

async function saleCard({ sale, title }) {
  const link = el("a", { href: page("/sale", { sale }) }, title);
  const card = el("li", { class: "card" }, el("h3", {}, link));
  try {
    const { phase, skus, opens_at_ms: opensAt } = await call("GET", path("sales", sale));
    const early = ["scheduled", "prequeue"].includes(phase) && opensAt;
    const when = early ? el("span", { class: "soft" }, ` ${moment(opensAt)}`) : undefined;
    const rows = skus.map((sku) => {
      const price = el("span", { class: "price" }, money(sku.unit_price));
      return el("li", {}, el("span", {}, sku.title), price, stockBand(sku.stock));
    });
    card.append(el("p", {}, phaseBand(phase), when), el("ul", { class: "plain rows" }, ...rows));
    card.dataset.phase = phase;
  } catch (problem) {
    card.append(el("p", { class: "soft" }, problem.title ?? "Not known at the moment"));
  }
  return card;
}

async function showSales() {
  const list = byId("sales");
  try {
    const { sales } = await call("GET", path("sales"));
    const cards = await Promise.all(sales.slice(0, SALES_MAX).map(saleCard));
    const running = cards.filter((card) => card.dataset.phase !== "closed");
    byId("no-sales").hidden = running.length > 0;
    // Whoever is at a link in the list keeps it under the finger.
    if (!list.contains(document.activeElement)) list.replaceChildren(...running);
    byId("sales-problem").hidden = true;
  } catch (problem) {
    showProblem(byId("sales-problem"), problem);
  }
  byId("sales-wait").hidden = true;
  return LOOK_EVERY_MS;
}

function tile(product) {
  const link = el("a", { href: page("/product", { handle: product.handle }) }, product.title);
  const prefix = product.skus.length > 1 ? "from " : "";
  return el(
    "li",
    { class: "card tile" },
    picture(product.image, { class: "picture", loading: "lazy" }),
    el(
      "div",
      {},
      el("h3", {}, link),
      el("p", { class: "price" }, prefix + money(product.price_from)),
    ),
  );
}

async function showProducts() {
  try {
    const { products } = await call("GET", path("catalog"));
    byId("products").replaceChildren(...products.map(tile));
  } catch (problem) {
    const none = problem instanceof Problem && problem.kind === "product-not-found";
    byId("no-products").hidden = !none;
    if (!none) showProblem(byId("products-problem"), problem, () => location.reload());
  }
  byId("products-wait").hidden = true;
}

showProducts();
repeat(showSales);
