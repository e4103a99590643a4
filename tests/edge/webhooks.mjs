// What the library that shops verify webhooks with makes of some. In: a JSON array of `secret`,
// `headers` and `body`. Out: an array with the type of each event, or why it was not believed.

import { text } from "node:stream/consumers";
import { Webhook } from "standardwebhooks";

const verdicts = JSON.parse(await text(process.stdin)).map(({ secret, headers, body }) => {
  try {
    return new Webhook(secret).verify(body, headers).type;
  } catch (error) {
    return `${error.name}: ${error.message}`;
  }
});
console.log(JSON.stringify(verdicts));
