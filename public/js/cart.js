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
  const also = others.map((line) => `&also=${encodeURIComponent(`${line.sku}:${line.reservation}`)}`);
  return page(to, { sale, sku, reservation }) + also.join("");
}

/** The path of a line's reservation. */
export function linePath({ sale, sku, reservation }) {
  return path("sales", sale, "skus", sku, "reservations", reservation);
}
