// Carries webhooks out. What is sent, to whom, and what an answer means is decided in Rust.

import { waitUntil } from "cloudflare:workers";

/** So much of an answer is read, in bytes: enough to see in the log what is wrong. */
const SAID_LEN_MAX = 256;

/**
 * Sends webhooks to one address, at once: the address, how long an answer may take, the timestamp,
 * then id, signatures, signature as Shopify's or nothing, and body of each. What came of each: a status, if there was an answer, and
 * words.
 */
export async function carry([address, within, timestamp, ...parts]) {
  const sent = [];
  for (let at = 0; at < parts.length; at += 4) {
    const [id, signature, shopify, body] = parts.slice(at, at + 4);
    sent.push(send(address, Number(within), { timestamp, id, signature, shopify }, body));
  }
  return (await Promise.all(sent)).flat();
}

async function send(address, within, { timestamp, id, signature, shopify }, body) {
  const headers = {
    "content-type": "application/json",
    "user-agent": "Doorbuster",
    "webhook-id": id,
    "webhook-timestamp": timestamp,
    "webhook-signature": signature,
  };
  if (shopify) headers["x-shopify-hmac-sha256"] = shopify;
  try {
    const signal = AbortSignal.timeout(within);
    // A redirect is an answer like any other: what is signed for one address goes to no other.
    const init = { method: "POST", headers, body, signal, redirect: "manual" };
    const response = await fetch(address, init);
    return [response.status, await beginning(response)];
  } catch (error) {
    const late = error?.name === "TimeoutError";
    // The platform's words may name addresses of its own, so they stay in the log.
    console.error("webhook", id, error);
    return [undefined, late ? `no answer within ${within / 1000} s` : "could not be reached"];
  }
}

/** How an answer begins; the rest is not read. One that breaks off was an answer all the same. */
async function beginning(response) {
  let said = `answered ${response.status}`;
  try {
    const reader = response.body?.getReader();
    if (!reader) return said;
    const { value } = await reader.read();
    const text = new TextDecoder().decode(value?.slice(0, SAID_LEN_MAX) ?? new Uint8Array());
    if (text.trim()) said += `: ${text.trim()}`;
    await reader.cancel();
  } catch (error) {
    console.error("webhook", error);
  }
  return said;
}

/** Wakes who sends to each endpoint named, once each; whether each is done with. */
export function wakeAll(endpoints, deliver) {
  const woken = new Map();
  for (const endpoint of endpoints) {
    if (!woken.has(endpoint)) woken.set(endpoint, deliver(endpoint));
  }
  return Promise.all(endpoints.map((endpoint) => woken.get(endpoint)));
}

/**
 * Sends a wake-up for an endpoint into the queue. Nobody waits for it, and one that cannot be sent is
 * no loss: the sweep finds what is due.
 */
globalThis.doorbusterWake = (env, endpoint, delaySeconds) => {
  const options = { contentType: "text", delaySeconds };
  const lost = (error) => console.error("queue", error);
  // Where nothing consumes events, such as at a far edge, there is no queue for them.
  waitUntil(Promise.resolve(env.EVENTS?.send(endpoint, options)).catch(lost));
};
