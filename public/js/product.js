// One product: pictures, words, and for each form it is sold in the sales it is part of.

import {
  byId,
  call,
  el,
  money,
  page,
  param,
  path,
  phaseName,
  picture,
  showProblem,
  stockBand,
} from "./kit.js";

const SALES_MAX = 12;

/** The newest sales, whole; one that cannot be shown is left out. */
async function salesNow() {
  try {
    const { sales } = await call("GET", path("sales"));
    const whole = sales.slice(0, SALES_MAX).map(({ sale }) => call("GET", path("sales", sale)));
    const settled = await Promise.allSettled(whole);
    return settled.filter((one) => one.status === "fulfilled").map((one) => one.value);
  } catch {
    return [];
  }
}

/** The way into a sale: a plain form, so the keyboard, a middle click and no script work too. */
function joinForm(sale, sku, title) {
  const button = el(
    "button",
    {},
    "Join the line",
    el("span", { class: "unseen" }, ` for ${title}`),
  );
  return el(
    "form",
    { action: "/sale", method: "get" },
    el("input", { type: "hidden", name: "sale", value: sale }),
    el("input", { type: "hidden", name: "sku", value: sku }),
    el("input", { type: "hidden", name: "join", value: "1" }),
    button,
  );
}

function saleRow(sale, variant, title) {
  const offer = sale.skus.find(({ sku }) => sku === variant.sku);
  const link = el("a", { href: page("/sale", { sale: sale.sale, sku: variant.sku }) }, sale.title);
  const about = el("span", {}, link, ` · ${money(offer.unit_price)} `, stockBand(offer.stock));
  const takesPlaces = ["prequeue", "open"].includes(sale.phase) && sale.order !== "reject";
  const open = takesPlaces && offer.stock !== "sold_out";
  const way = open ? joinForm(sale.sale, variant.sku, title) : undefined;
  const closed = sale.phase === "open" ? undefined : el("span", {}, phaseName(sale.phase));
  return el("li", {}, about, way, closed);
}

function variantItem(product, variant, sales) {
  const title = variant.title || product.title;
  const price = el("p", {}, el("span", { class: "price" }, money(variant.price)));
  if (variant.compare_at) {
    price.append(
      " ",
      el("s", {}, el("span", { class: "unseen" }, "instead of "), money(variant.compare_at)),
    );
  }
  const matching = sales.filter(
    (sale) => sale.phase !== "closed" && sale.skus.some(({ sku }) => sku === variant.sku),
  );
  const rows = matching.map((sale) => saleRow(sale, variant, title));
  const way = rows.length
    ? el("ul", { class: "plain rows" }, ...rows)
    : el("p", { class: "soft small" }, "Not in a sale at the moment.");
  return el("li", { class: "card" }, el("h3", {}, title), price, way);
}

async function show() {
  const [product, sales] = await Promise.all([
    call("GET", path("catalog", "products", param("handle"))),
    salesNow(),
  ]);
  document.title = `${product.title} · Doorbuster`;
  byId("title").textContent = product.title;
  byId("vendor").textContent = product.vendor;
  byId("description").textContent = product.description;
  const pictures = product.images.map((image) => picture(image, { class: "picture" }));
  byId("pictures").replaceChildren(...pictures);
  const items = product.variants.map((variant) => variantItem(product, variant, sales));
  byId("variants").replaceChildren(...items);
  byId("forms-title").textContent = product.options.length
    ? `Choose: ${product.options.join(", ")}`
    : "Price";
  byId("product").hidden = false;
}

try {
  await show();
} catch (problem) {
  byId("title").textContent = "This product cannot be shown";
  showProblem(byId("problem"), problem, () => location.reload());
}
byId("wait").hidden = true;
