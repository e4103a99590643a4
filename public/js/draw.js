// The draw, computed again: what `doorbuster-draw-1` says, in a browser. Nothing here believes the
// service. (`doorbuster verify draw` does the same offline, and checks the beacon's signature too.)

const ROUNDS = 10;
const TEXT = new TextEncoder();

const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

function unhex(text) {
  if (!/^([0-9a-f]{2})*$/.test(text)) throw new TypeError("not hex digits");
  return Uint8Array.from(text.match(/../g) ?? [], (digits) => Number.parseInt(digits, 16));
}

/** A number as 8 bytes, the highest first. */
function eightBytes(number) {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, number);
  return bytes;
}

async function sha256(...parts) {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return new Uint8Array(await crypto.subtle.digest("SHA-256", whole));
}

/** What was published before the first place was taken. */
export async function commitmentOf({ sale, algorithm, beacon, secret }) {
  const round = beacon ? `${beacon.chain} ${beacon.round}` : "";
  const head = TEXT.encode(`${algorithm} commitment\n${sale}\n${round}\n`);
  return hex(await sha256(head, unhex(secret)));
}

/** What the order follows from. */
export async function seedOf({ algorithm, secret, entries, beacon, beacon_signature: signature }) {
  const randomness = beacon ? await sha256(unhex(signature)) : new Uint8Array();
  const head = TEXT.encode(`${algorithm} seed\n`);
  return hex(await sha256(head, unhex(secret), eightBytes(BigInt(entries)), randomness));
}

function squareRoot(number) {
  let root = BigInt(Math.floor(Math.sqrt(Number(number))));
  while (root * root > number) root -= 1n;
  while ((root + 1n) * (root + 1n) <= number) root += 1n;
  return root;
}

/** The position of a number: its own if it is not in the draw. */
export async function positionOf(seed, entries, number) {
  const all = BigInt(entries);
  if (number < 1 || number > entries) return number;
  const root = squareRoot(all);
  const highBase = root * root === all ? root : root + 1n;
  const lowBase = (all + highBase - 1n) / highBase;
  const seedBytes = unhex(seed);
  const moved = async (digit, base, round, other) => {
    const hash = await sha256(seedBytes, Uint8Array.of(round), eightBytes(other));
    return ((new DataView(hash.buffer).getBigUint64(0) % base) + digit) % base;
  };
  let index = BigInt(number) - 1n;
  do {
    let [high, low] = [index / lowBase, index % lowBase];
    for (let round = 0; round < ROUNDS; round += 1) {
      if (round % 2 === 0) high = await moved(high, highBase, round, low);
      else low = await moved(low, lowBase, round, high);
    }
    index = high * lowBase + low;
  } while (index >= all);
  return Number(index) + 1;
}

/**
 * Everything that can be checked of a draw that is done, each with whether it holds.
 * `kept` is the commitment as this browser saw it before, `told` the position it was told.
 */
export async function checks(draw, { kept, number, told }) {
  const found = [];
  const check = (holds, text) => found.push({ holds, text });
  check(
    (await commitmentOf(draw)) === draw.commitment,
    "The secret is the one that was committed to before anybody had a place.",
  );
  if (kept) {
    check(kept === draw.commitment, "The commitment is the one that this browser kept for you.");
  }
  const seed = await seedOf(draw);
  check(seed === draw.seed, "The seed follows from the secret and from how many were in the draw.");
  if (number) {
    const position = await positionOf(seed, draw.entries, number);
    const [from, to] = [number.toLocaleString(), position.toLocaleString()];
    const later = number > draw.entries;
    const text = later
      ? `Your number, ${from}, came after the draw: it is your position.`
      : `Your number, ${from}, comes to position ${to}.`;
    const differs = told && told !== position ? ` You were told ${told.toLocaleString()}.` : "";
    check(!differs, text + differs);
  }
  return found;
}
