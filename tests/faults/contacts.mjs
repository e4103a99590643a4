// Opens rows of `contacts` with Node's own cipher, as docs/adr/0017 says how they are sealed. In: JSON
// of `keys`, as in CONTACT_KEYS, and `rows`. Out: an array of what each is, or why it does not open.

import { createDecipheriv } from "node:crypto";
import { text } from "node:stream/consumers";

const { keys, rows } = JSON.parse(await text(process.stdin));
const secrets = new Map(keys.split(",").map((key) => key.split(":")));
const bytes = (base64) => Buffer.from(base64, "base64");
const opened = rows.map(({ order_id, key_id, nonce, sealed }) => {
  const all = bytes(sealed);
  const cipher = createDecipheriv("aes-256-gcm", bytes(secrets.get(key_id)), bytes(nonce));
  cipher.setAAD(Buffer.from(`doorbuster/contact/v1 ${order_id} ${key_id}`));
  cipher.setAuthTag(all.subarray(-16));
  try {
    return JSON.parse(Buffer.concat([cipher.update(all.subarray(0, -16)), cipher.final()]));
  } catch (error) {
    return error.message;
  }
});
console.log(JSON.stringify(opened));
