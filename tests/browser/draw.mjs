// Walks through the line of a sale that opens by itself: a place before it opens, the draw, a
// position, the draw computed again, one's turn, and the place given back to somebody else.

import assert from "node:assert/strict";
import { commitmentOf, positionOf, seedOf } from "../../public/js/draw.js";

const SALE = `drawn-${Date.now().toString(36)}`;
const SKU = "MUG-SEA";
const OPENS_IN_MS = 8_000;
/** From the opening to the draw, and until everybody has asked. */
const DRAWN_WITHIN_MS = 30_000;
const PEOPLE = 3;

/** What `domain/src/line/draw.rs` has as computed once and for ever. */
async function computesAsTheServiceDoes() {
  const draw = {
    sale: "drop",
    algorithm: "doorbuster-draw-1",
    secret: "01".repeat(32),
    entries: 1_000,
    beacon: null,
  };
  const beacon = { chain: "52".repeat(32), round: 7 };
  assert.deepEqual(
    [await commitmentOf(draw), await commitmentOf({ ...draw, beacon })],
    [
      "3da7104f7223f372838c461e02a56ac092508a4cb38c092004d446fcb5c0482a",
      "9dbfad3f01d34a0fb16b6d9fd6897a2fce2c6c1a15e7bc4e9e368e0752ff6191",
    ],
  );
  const seed = await seedOf(draw);
  assert.equal(seed, "1162c9bf5282ff95ddd6fa10323ccc4c3b5d4592936361bc39bc6a20c26849b2");
  const positions = [1, 2, 999, 1_000, 1_001].map((number) => positionOf(seed, 1_000, number));
  assert.deepEqual(await Promise.all(positions), [297, 507, 943, 313, 1_001]);
}

/** The merchant's side, by the API. */
function merchant({ BASE_URL, ADMIN_TOKEN }) {
  return async (method, path, body) => {
    const reply = await fetch(`${BASE_URL}/v1/admin/sales/${SALE}${path}`, {
      method,
      headers: { Authorization: `Bearer ${ADMIN_TOKEN}`, "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    assert.equal(reply.status, 200, await reply.text());
  };
}

async function schedules(ask) {
  await ask("PUT", "", { title: "One mug, drawn", skus: [SKU], pass_ttl_ms: 60_000 });
  await ask("PUT", `/skus/${SKU}/stock`, { on_hand: 1 });
  await ask("PUT", "/schedule", { opens_at_ms: Date.now() + OPENS_IN_MS });
  await ask("PUT", "/message", { message: "One mug only.\nGood luck!" });
}

/** Joins before the sale opens, and keeps what was committed to. */
async function joinsEarly(page, { reads, looksRight }, isFirst) {
  await page.goto(`/sale?sale=${SALE}`);
  await reads(page, "You need not hurry");
  await page.getByRole("button", { name: "Join the line" }).click();
  await reads(page, "You are in the draw");
  await reads(page, "One mug only.");
  await reads(page, /^00:0\d$/);
  await page.getByText("How the order is drawn").click();
  await page.getByText("Commitment", { exact: true }).waitFor();
  if (isFirst) await looksRight(page, "line-prequeue");
  await page.reload();
  await reads(page, "You are in the draw");
}

/** Until the draw has told a position: what it is, and what the state says. */
async function isDrawn(page) {
  await page
    .locator('[data-state="waiting"], [data-state="admitted"]')
    .filter({ visible: true })
    .waitFor({ timeout: DRAWN_WITHIN_MS });
  await page.getByText("✓ Checked in this browser").waitFor();
  await page.getByText("How the order is drawn").click();
  const mine = await page.getByText(/comes to position \d+/).textContent();
  return Number(/position (\d+)/.exec(mine)[1]);
}

async function catchesACheat(page, { looksRight }) {
  await page.route("**/draw", async (route) => {
    const reply = await route.fetch();
    const draw = await reply.json();
    const secret = draw.secret.replace(/^./, (digit) => (digit === "0" ? "1" : "0"));
    await route.fulfill({ json: { ...draw, secret } });
  });
  await page.reload();
  await page.getByText("The draw does not hold.").waitFor();
  await looksRight(page, "line-cheat");
  await page.unroute("**/draw");
}

export async function walksTheDraw(browser, tools) {
  await computesAsTheServiceDoes();
  const { person, reads, looksRight } = tools;
  await schedules(merchant(tools));
  const pages = [];
  for (let number = 1; number <= PEOPLE; number += 1) {
    const page = await person(browser, `drawn ${number}`);
    await joinsEarly(page, tools, number === 1);
    pages.push(page);
  }
  const drawn = [];
  for (const page of pages) drawn.push({ page, position: await isDrawn(page) });
  drawn.sort((one, other) => one.position - other.position);
  const positions = drawn.map(({ position }) => position);
  assert.equal(new Set(positions).size, PEOPLE, `everybody has another position: ${positions}`);
  const [first, second, last] = drawn.map(({ page }) => page);
  await reads(first, "It is your turn");
  await looksRight(first, "line-admitted");
  await reads(last, "You are in line");
  assert.equal(await last.locator("#position").textContent(), String(positions[2]));
  await looksRight(last, "line-waiting");
  const other = await last.context().newPage();
  await other.goto(`/sale?sale=${SALE}`);
  await reads(other, "You are in line");
  assert.equal(await other.locator("#position").textContent(), String(positions[2]));
  await other.close();
  await catchesACheat(last, tools);
  await first.getByText("Leave the line").click();
  await first.getByRole("button", { name: "Give my place up" }).click();
  await reads(first, "You are not in the line");
  await looksRight(first, "line-left");
  await second
    .getByText("It is your turn")
    .filter({ visible: true })
    .waitFor({ timeout: DRAWN_WITHIN_MS });
}
