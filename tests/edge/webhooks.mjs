// What the library that shops verify webhooks with makes of some, and what code for Shopify's does.
// In: a JSON array of `secret`, `headers` and `body`. Out: an array with the type of each event, or
// why it was not believed; after it, if it is signed for Shopify, whether that signature holds.

import { createHmac } from "node:crypto";
import { text } from "node:stream/consumers";
import { Webhook } from "standardwebhooks";

const verdicts = JSON.parse(await text(process.stdin)).map(({ secret, headers, body }) => {
  const shopify = headers["x-shopify-hmac-sha256"];
  const holds = createHmac("sha256", secret).update(body, "utf8").digest("base64") === shopify;
  const also = shopify ? `, for Shopify ${holds}` : "";
  try {
    return new Webhook(secret).verify(body, headers).type + also;
  } catch (error) {
    return `${error.name}: ${error.message}${also}`;
  }
});
console.log(JSON.stringify(verdicts));
