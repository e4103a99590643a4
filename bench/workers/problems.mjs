// The problems (RFC 9457) that the peers answer with: of the same types as the product's.

const PROBLEMS = {
  "body-malformed": [400, "The body cannot be read"],
  "idempotency-key-missing": [400, "The Idempotency-Key header is missing"],
  "idempotency-key-invalid": [400, "The Idempotency-Key header cannot be read"],
  "shopper-secret-invalid": [400, "The shopper's secret cannot be used"],
  "shopper-unknown": [401, "The request does not say which shopper it is from"],
  "pass-required": [401, "A pass is needed"],
  "pass-invalid": [403, "The pass does not hold"],
  "pass-expired": [403, "The pass has expired"],
  "not-found": [404, "There is nothing at this address"],
  "sku-not-found": [404, "This SKU is not part of the sale"],
  "reservation-not-found": [404, "There is no such reservation"],
  "sold-out": [409, "Sold out"],
  "all-reserved": [409, "All remaining units are reserved"],
  "per-shopper-max": [409, "The limit per shopper is reached"],
  "withdraw-exceeds-available": [409, "Those units are taken"],
  "reservation-expired": [410, "The reservation has expired"],
  "body-invalid": [422, "The body says something that cannot be"],
  "idempotency-key-reused": [422, "The key was used for something else"],
};
const RETRYABLE = new Set(["all-reserved"]);

/** Status and JSON of a problem, by its slug. */
export function problemOf(slug) {
  const [status, title] = PROBLEMS[slug];
  const retryable = RETRYABLE.has(slug);
  const type = `/problems#${slug}`;
  return { status, body: JSON.stringify({ type, title, status, detail: `${title}.`, retryable }) };
}
