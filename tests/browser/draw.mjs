// Walks through the line of a sale that opens by itself: a place before it opens, the draw, a
// position, the draw computed again, one's turn, and the place given back to somebody else.

import assert from "node:assert/strict";
import { commitmentOf, positionOf, seedOf } from "../../public/js/draw.js";

const TITLE = `One mug, drawn ${Date.now().toString(36)}`;
const SALE = `drawn-${Date.now().toString(36)}`;
const SKU = "MUG-SEA";
const OPENS_IN_MS = 9_000;
/** From the opening to the draw, and until everybody has asked. */
const DRAWN_WITHIN_MS = 30_000;
/** Somebody without scripts may be ahead, who is asked for the pass only by the page's reload. */
const ADMITTED_WITHIN_MS = 60_000;
const PEOPLE = 3;
/** What the merchant opens. */
const BOXES = [
  "Ready to open?",
  "The line in numbers",
  "When it opens",
  "How many are let in",
  "Tell everybody who waits",
  "Let staff past the line",
];

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

/**
 * The merchant creates a sale that opens by itself, of two units: one for who has no scripts, and
 * cannot leave, if the draw puts them first.
 */
async function schedules(page, { reads, looksRight }) {
  await page.reload();
  await page.locator(`#create [value="${SKU}"]`).waitFor();
  const create = page.locator("#create");
  await create.getByLabel("Title").fill(TITLE);
  await create.getByLabel("Id, as in its address").fill(SALE);
  await create.locator(`[value="${SKU}"]`).check();
  await create.getByText("More rules").click();
  await create.getByRole("button", { name: "Create the sale" }).click();
  await page.locator(`#stocks [name="${SKU}"]`).fill("2");
  await page.getByRole("button", { name: "Set the stock" }).click();
  await page.locator(`[data-sku="${SKU}"] [data-name="on_hand"]`).getByText("2").waitFor();
  for (const name of BOXES) await page.locator("summary").filter({ hasText: name }).click();
  await reads(page, "It is a draft. Set when it opens, or open it.");
  await page.getByLabel("What they read").fill("One mug only.\nGood luck!");
  await page.getByRole("button", { name: "Tell them" }).click();
  await reads(page, "Everybody is told.");
  await page.locator("#bypass").getByLabel("Name").fill("press");
  await page.getByRole("button", { name: "Make a way past the line" }).click();
  const bypass = await page.locator("#bypass-link").filter({ visible: true }).textContent();
  await looksRight(page, "admin-draft");
  const opensAt = new Date(Date.now() + OPENS_IN_MS);
  const local = new Date(opensAt - opensAt.getTimezoneOffset() * 60_000);
  await page.getByLabel("The sale opens").fill(local.toISOString().slice(0, 19));
  await page.getByRole("button", { name: "Set the times" }).click();
  await page.locator("#phase").getByText("Opens soon").waitFor();
  return bypass;
}

/** Joins before the sale opens, and keeps what was committed to. */
async function joinsEarly(page, { reads }) {
  await page.goto(`/sale?sale=${SALE}`);
  await reads(page, "You need not hurry");
  await page.getByRole("button", { name: "Join the line" }).click();
  await reads(page, "You are in the draw");
  await reads(page, "One mug only.");
  await reads(page, /^00:0\d$/);
  await page.getByText("How the order is drawn").click();
  await page.getByText("Commitment", { exact: true }).waitFor();
  await page.reload();
  await reads(page, "You are in the draw");
}

/** The first look at what was drawn finds a copy from before: who is let in polls no more. */
async function findsAnOldCopy(page) {
  let before;
  await page.route("**/draw", async (route) => {
    let draw = await (await route.fetch()).json();
    if (draw.seed === null) before = draw;
    else if (before) [draw, before] = [before, undefined];
    await route.fulfill({ json: draw });
  });
}

/** Until the draw has told a position, and the browser has computed the same. */
async function isDrawn(page) {
  await page
    .locator('[data-state="waiting"], [data-state="admitted"]')
    .filter({ visible: true })
    .waitFor({ timeout: DRAWN_WITHIN_MS });
  await page.getByText("✓ Checked in this browser").waitFor();
  const mine = await page.getByText(/comes to position \d+/).textContent();
  const position = /position (\d+)/.exec(mine)[1];
  const shown = page.locator("#position").filter({ visible: true });
  if (await shown.count()) assert.equal(await shown.textContent(), position);
  return Number(position);
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

/** Waits without JavaScript, from the list of sales on. */
async function joinsWithoutScripts(page, { reads, looksRight }) {
  await page.goto(`/sale?sale=${SALE}`);
  await page.getByRole("link", { name: "the list of sales" }).click();
  await page.getByRole("link", { name: TITLE }).click();
  await page.getByRole("button", { name: "Join the line" }).click();
  await reads(page, "You are in the draw");
  await looksRight(page, "no-script-prequeue");
}

async function isToldWithoutScripts(page, { looksRight }) {
  const drawn = page.getByRole("heading", { name: /You are in line|It is your turn/ });
  await drawn.waitFor({ timeout: DRAWN_WITHIN_MS });
  await looksRight(page, "no-script-drawn");
}

/** Staff need not wait. */
async function goesPast(page, bypass, { reads, looksRight }) {
  await page.goto(bypass);
  await reads(page, "It is your turn");
  await looksRight(page, "line-bypass");
  await page.reload();
  await reads(page, "It is your turn");
}

/**
 * The same place in another tab, and after going away and back. Even the last may be let in: behind
 * a number that was leased and not handed out nobody comes, and then others do.
 */
async function staysInPlace(page, position) {
  const other = await page.context().newPage();
  await other.goto(`/sale?sale=${SALE}`);
  assert.equal(await isDrawn(other), position, "in another tab");
  await other.close();
  await page.goto("/");
  await page.goBack();
  assert.equal(await isDrawn(page), position, "after going back");
}

export async function walksTheDraw(browser, merchant, tools) {
  await computesAsTheServiceDoes();
  const { person, reads, looksRight } = tools;
  const people = [];
  for (let number = 1; number <= PEOPLE; number += 1)
    people.push(await person(browser, `drawn ${number}`));
  const plain = await person(browser, "without scripts", { javaScriptEnabled: false });
  const bypass = await schedules(merchant, tools);
  for (const page of people) {
    await findsAnOldCopy(page);
    await joinsEarly(page, tools);
  }
  await joinsWithoutScripts(plain, tools);
  await looksRight(people[0], "line-prequeue");
  const drawn = [];
  for (const page of people) {
    drawn.push({ page, position: await isDrawn(page) });
    await page.getByText("How the order is drawn").click();
  }
  drawn.sort((one, other) => one.position - other.position);
  const positions = drawn.map(({ position }) => position);
  assert.equal(new Set(positions).size, PEOPLE, `everybody has another position: ${positions}`);
  const [first, , last] = drawn.map(({ page }) => page);
  await staysInPlace(last, positions[2]);
  await looksRight(last, "line-drawn");
  await isToldWithoutScripts(plain, tools);
  await catchesACheat(last, tools);
  await goesPast(await person(browser, "staff"), bypass, tools);
  await reads(merchant, "Those who were let in may want all that is available.");
  await looksRight(merchant, "admin-line");
  await first
    .getByText("It is your turn")
    .filter({ visible: true })
    .waitFor({ timeout: ADMITTED_WITHIN_MS });
  await looksRight(first, "line-admitted");
  await first.getByText("Leave the line").click();
  await first.getByRole("button", { name: "Give my place up" }).click();
  await reads(first, "You are not in the line");
  await looksRight(first, "line-left");
}
