// Keeps contacts in D1: seals what goes in and opens what comes out, by WebCrypto. Which statement, with
// which keys, and what is answered is decided in Rust. Nothing here is logged: what is sealed is
// personal, and the keys are secret.

const bytesOf = (base64) => Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
const base64Of = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes)));
const encode = (text) => new TextEncoder().encode(text);

/** The keys as pairs of id and secret; the first one seals. */
const pairsOf = (keys) => keys.split(",").map((key) => key.split(":"));

const importKey = (secret, use) =>
  crypto.subtle.importKey("raw", bytesOf(secret), "AES-GCM", false, [use]);

/**
 * AES-256-GCM with a random nonce of 96 bits, bound to order and key id: in the row of another order, or
 * under the id of another key, it does not open.
 */
const aesGcm = (iv, order, id) => ({
  name: "AES-GCM",
  iv,
  additionalData: encode(`doorbuster/contact/v1 ${order} ${id}`),
});

/** Key id, nonce, and the sealed text with its tag at the end. */
async function seal(keys, order, text) {
  const [[id, secret]] = pairsOf(keys);
  const nonce = crypto.getRandomValues(new Uint8Array(12));
  const key = await importKey(secret, "encrypt");
  const sealed = await crypto.subtle.encrypt(aesGcm(nonce, order, id), key, encode(text));
  return [id, base64Of(nonce), base64Of(sealed)];
}

/** The text; nothing if there is no such key any more, or another one. */
async function open(keys, order, [id, nonce, sealed]) {
  try {
    const [, secret] = pairsOf(keys).find(([known]) => known === id);
    const how = aesGcm(bytesOf(nonce), order, id);
    const key = await importKey(secret, "decrypt");
    return new TextDecoder().decode(await crypto.subtle.decrypt(how, key, bytesOf(sealed)));
  } catch {
    return undefined;
  }
}

/**
 * Runs a statement about the contact of an order, with the text sealed if there is one. Of the row that
 * comes back, if one does: the text; its key id if it does not open; null if there is nothing in it.
 */
globalThis.doorbusterContact = async (env, keys, order, sql, text, ...moments) => {
  const values = text ? [...(await seal(keys, order, text)), ...moments] : [];
  const [row] = await env.DB.prepare(sql).bind(order, ...values).raw();
  return row?.[0] ? ((await open(keys, order, row)) ?? row[0]) : row && null;
};

/**
 * Keeps and forgets as of a moment; then seals anew what is sealed with a former key, as far as it opens.
 * What was replaced meanwhile has another nonce, and is left as it is.
 */
globalThis.doorbusterContacts = async ({ DB }, keys, at, keep, forget, old, reseal) => {
  await DB.batch([keep, forget].map((sql) => DB.prepare(sql).bind(at)));
  const former = pairsOf(keys).slice(1);
  if (!former.length) return;
  const ids = JSON.stringify(former.map(([id]) => id));
  const anew = [];
  for (const [order, ...row] of await DB.prepare(old).bind(ids).raw()) {
    const text = await open(keys, order, row);
    if (text !== undefined) anew.push([order, row[1], ...(await seal(keys, order, text))]);
  }
  await DB.prepare(reseal).bind(JSON.stringify(anew)).run();
};

/** So deep a body is looked into, which is deeper than a contact is. */
const DEPTH_MAX = 4;

/**
 * Lines, each with its end: a JSON text written anew, then of each value in it a JSON pointer and the
 * text, which is empty if it is none. What is null is not there. Nothing if it is no JSON. A line feed in
 * a text is carried as NUL.
 */
globalThis.doorbusterParts = (json) => {
  const parts = [];
  const add = (value, pointer, depth) => {
    if (value === null) return;
    const inner = typeof value === "object" && depth < DEPTH_MAX ? Object.entries(value) : [];
    for (const [name, part] of inner) {
      add(part, `${pointer}/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`, depth + 1);
    }
    if (inner.length) return;
    const text = typeof value === "string" && value.isWellFormed() ? value : "";
    parts.push(pointer, text);
  };
  try {
    const value = JSON.parse(json);
    add(value, "", 0);
    const lines = [JSON.stringify(value), ...parts];
    return lines.map((line) => `${line.replaceAll("\n", "\0")}\n`).join("");
  } catch {
    return undefined;
  }
};
