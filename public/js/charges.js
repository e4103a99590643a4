// What comes on top of prices, or is within them, in words.

import { money } from "./kit.js";

const percent = (ppm) =>
  (ppm / 1_000_000).toLocaleString(undefined, { style: "percent", maximumFractionDigits: 4 });

/** A tax by its name, as in `19% VAT, included`. */
const taxName = ({ title, rate_ppm, included }) =>
  `${percent(rate_ppm)} ${title}${included ? ", included" : ""}`;

/** The tax of a sale, as a line of an order has it. */
export const taxOf = ({ tax_title, tax_ppm, tax_included = false }, amount) => ({
  title: tax_title,
  rate_ppm: tax_ppm,
  included: tax_included,
  amount,
});

/** What a sale charges beside its prices, in sentences; empty if that is nothing. */
export function chargesOf(sale) {
  const { currency } = sale.skus[0].unit_price;
  const amount = (minor) => money({ minor, currency });
  const { shipping_minor: flat, shipping_free_from_minor: from, tax_ppm, tax_title } = sale;
  const free = from === undefined ? "" : `, for nothing from ${amount(from)}`;
  const said = [
    flat !== undefined && `Plus ${amount(flat)} shipping for each order${free}.`,
    tax_ppm && `${sale.tax_included ? "Prices include" : "Plus"} ${percent(tax_ppm)} ${tax_title}.`,
  ];
  return said.filter(Boolean).join(" ");
}

/** Of what an order costs, its shipping and its tax: pairs of a name and an amount. */
export function linesBeside({ shipping, tax }) {
  const lines = [];
  if (shipping) lines.push(["Shipping", money(shipping)]);
  if (tax) lines.push([taxName(tax), money(tax.amount)]);
  return lines;
}
