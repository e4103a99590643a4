// Walks the whole path in a browser: a merchant sets a sale up, one shopper buys, another one is
// declined and gives the units back. Any failed look, console error or CSP violation fails it.
//
// BASE_URL, ADMIN_TOKEN: a running Doorbuster. CHROMIUM: the browser (/usr/bin/chromium).
// SCREENSHOTS: a folder for pictures; none are taken without it.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { chromium } from "playwright-core";
import { walksTheDraw } from "./draw.mjs";

const BASE_URL = process.env.BASE_URL ?? "http://127.0.0.1:8787";
const { ADMIN_TOKEN, SCREENSHOTS } = process.env;
const CATALOG = new URL("../../sample/catalog.csv", import.meta.url);
// A size of the shoe is in it, as it once was by chance: who looks for a size has to find that size.
const SALE = `walk-42-${Date.now().toString(36)}`;
const TITLE = `Walk ${SALE}`;
const SKUS = ["RUN1-40", "RUN1-42", "RUN1-44"];
const UNITS = 3;
const PATIENCE_MS = 15_000;
const WIDTH_MIN = 320;

const complaints = [];
const seen = [];

/** A person with a browser profile of their own. `allowed`: console errors that are the point. */
async function person(browser, name, { allowed = [], ...options } = {}) {
  const context = await browser.newContext({ baseURL: BASE_URL, locale: "en-GB", ...options });
  context.setDefaultTimeout(PATIENCE_MS);
  // A violation of the policy is reported even where the browser's console does not show it.
  await context.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) => {
      console.error(`CSP: ${event.violatedDirective} blocked ${event.blockedURI}`);
    });
  });
  const page = await context.newPage();
  const complain = (text) => {
    if (!allowed.some((pattern) => pattern.test(text))) complaints.push(`${name}: ${text}`);
  };
  page.on("console", (message) => {
    if (message.type() === "error") complain(`${message.text()} (${message.location().url})`);
  });
  page.on("pageerror", (error) => complain(`uncaught ${error}`));
  return page;
}

/** Waits until a text can be read. */
async function reads(page, text) {
  await page.getByText(text).filter({ visible: true }).first().waitFor();
  seen.push(text);
}

/** What is true of every page: it fits a narrow screen, has one title, and its fields have names. */
async function looksRight(page, name) {
  const size = page.viewportSize();
  await page.setViewportSize({ width: WIDTH_MIN, height: 700 });
  const facts = await page.evaluate(() => ({
    width: document.documentElement.scrollWidth,
    titles: document.querySelectorAll("h1").length,
    nameless: [...document.querySelectorAll("input:not([type=hidden]), select")]
      .filter((field) => !field.labels.length)
      .map((field) => field.outerHTML),
  }));
  assert.ok(facts.width <= WIDTH_MIN, `${name} is ${facts.width} px wide on ${WIDTH_MIN} px`);
  assert.equal(facts.titles, 1, `${name} has one h1`);
  assert.deepEqual(facts.nameless, [], `${name} has fields without labels`);
  await picture(page, `${name}-narrow`);
  await page.setViewportSize(size);
  await page.emulateMedia({ colorScheme: "dark" });
  await picture(page, `${name}-dark`);
  await page.emulateMedia({ colorScheme: "light" });
  await picture(page, name);
}

async function picture(page, name) {
  if (SCREENSHOTS) await page.screenshot({ path: `${SCREENSHOTS}/${name}.png`, fullPage: true });
}

/** A number of the merchant's table. */
const stockCell = (page, sku, column) =>
  page.locator(`[data-sku="${sku}"] [data-name="${column}"]`);

async function showsStock(page, sku, column, units) {
  await stockCell(page, sku, column).getByText(String(units), { exact: true }).waitFor();
}

async function signIn(page) {
  await page.goto("/admin");
  await looksRight(page, "admin-sign-in");
  await page.getByLabel("The merchant’s token").fill("not-the-token");
  await page.getByRole("button", { name: "Sign in" }).click();
  await reads(page, "The merchant's token is missing or wrong");
  await page.getByLabel("The merchant’s token").fill(ADMIN_TOKEN);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "Import the catalog" }).waitFor();
  await reads(page, "No message waits to be replayed.");
}

async function importCatalog(page) {
  const csv = await readFile(CATALOG, "utf8");
  const upload = (text) =>
    page.getByLabel("File").setInputFiles({
      name: "catalog.csv",
      mimeType: "text/csv",
      buffer: Buffer.from(text),
    });
  await upload(csv.replace("89.00", "cheap"));
  await page.getByRole("button", { name: "Import" }).click();
  await reads(page, "The catalog file has a mistake");
  await reads(page, /line \d+, column "/);
  await upload(csv);
  await page.getByRole("button", { name: "Import" }).click();
  await reads(page, /is published: 14 products/);
}

async function openSale(page) {
  const create = page.locator("#create");
  await create.getByLabel("Title").fill(TITLE);
  await create.getByLabel("Id, as in its address").fill(SALE);
  for (const sku of SKUS) await create.locator(`[value="${sku}"]`).check();
  await create.getByLabel("Units per shopper and SKU").fill("2");
  await create.getByRole("button", { name: "Create the sale" }).click();
  await reads(page, "The sale is there");
  const fields = page.locator("#stocks input");
  await fields.nth(SKUS.length - 1).waitFor();
  for (const field of await fields.all()) await field.fill(String(UNITS));
  await page.getByRole("button", { name: "Set the stock" }).click();
  for (const sku of SKUS) await showsStock(page, sku, "on_hand", UNITS);
  await page.getByRole("button", { name: "Open", exact: true }).click();
  await page.locator("#phase").getByText("Open", { exact: true }).waitFor();
  await looksRight(page, "admin");
}

async function restock(page) {
  const form = page.locator("#adjust");
  await form.getByLabel("SKU").selectOption(SKUS[0]);
  // So many that nobody has to wait for the others here.
  await form.getByLabel("Units", { exact: true }).fill("20");
  await form.getByLabel("Reason").fill("a forgotten box");
  await form.getByRole("button").click();
  await reads(page, `Added 20 of ${SKUS[0]}.`);
  await showsStock(page, SKUS[0], "on_hand", UNITS + 20);
}

/** From the shop's first page through a product into the line, and out of it with a receipt. */
async function buys(page) {
  await page.goto("/");
  await reads(page, TITLE);
  await looksRight(page, "home");
  await page.getByRole("link", { name: "Trail Runner One", exact: true }).click();
  await reads(page, "The shoe this sale is about.");
  await looksRight(page, "product");
  const size = page.getByRole("heading", { name: "42", exact: true });
  const variant = page.locator("#variants > li").filter({ has: size });
  const row = variant.locator("li").filter({ hasText: TITLE });
  await row.getByRole("button", { name: /Join the line/ }).click();
  await reads(page, "It is your turn");
  assert.ok(!page.url().includes("join="), "the address can be shared");
  await page.reload();
  await reads(page, "It is your turn");
  assert.ok(await page.getByLabel(/Trail Runner One \(42\)/).isChecked(), "the SKU is chosen");
  await looksRight(page, "sale");
  await page.getByRole("button", { name: "Reserve" }).dblclick();
  await reads(page, "Reserved for you.");
  await reads(page, /^\d+:\d\d$/);
  await looksRight(page, "checkout");
  await page.getByRole("button", { name: "More time" }).click();
  await reads(page, "Extended.");
  await page.getByRole("button", { name: "Pay" }).click();
  await page.waitForURL(/\/sandbox\/payments\//);
  await looksRight(page, "payment");
  await page.goto(await page.getByRole("link", { name: /Back to the shop/ }).getAttribute("href"));
  await reads(page, "Waiting for the payment");
  await page.getByRole("button", { name: "Back to the payment page" }).click();
  await page.getByRole("button", { name: /^Pay / }).click();
  await reads(page, "Thank you, it is yours");
  await reads(page, "Settled: it is in the shop's books.");
  await reads(page, "€89.00");
  await looksRight(page, "receipt");
}

/** Reserves two things at once, keeps both, says who they are for, and pays once. */
async function buysTwo(page) {
  await page.goto(`/sale?sale=${SALE}`);
  await page.getByRole("button", { name: "Join the line" }).click();
  await reads(page, "It is your turn");
  for (const size of [40, 42, 44]) {
    await page.getByLabel(new RegExp(`Trail Runner One \\(${size}\\)`)).check();
  }
  await reads(page, "of each");
  await page.getByRole("button", { name: "Reserve" }).click();
  await reads(page, "3 items");
  await reads(page, "€267.00");
  await page.getByRole("button", { name: /Give back .*\(44\)/ }).click();
  await reads(page, /\(44\): given back/);
  await reads(page, "€178.00");
  await page.getByLabel("E-mail").fill("ann@example");
  await page.getByText("Name and address").click();
  await page.getByLabel("City").fill("Bremen");
  await page.getByRole("button", { name: "Pay" }).click();
  await looksRight(page, "checkout-contact-wrong");
  await page.getByLabel("City").fill("");
  await page.getByRole("button", { name: "Pay" }).click();
  await page.waitForURL(/\/sandbox\/payments\//);
  await page.getByRole("button", { name: /^Pay / }).click();
  await reads(page, "Thank you, it is yours");
  await reads(page, "Paid together with it");
  await reads(page, "ann@example");
  await looksRight(page, "receipt-of-two");
  await page.getByRole("button", { name: "Erase it" }).click();
  await reads(page, "It is erased.");
}

/** Loses the answer to a reservation, asks again, is declined, and gives the unit back. */
async function isDeclined(page, merchant) {
  await page.goto(`/sale?sale=${SALE}`);
  await looksRight(page, "sale-before");
  await page.getByRole("button", { name: "Join the line" }).click();
  await reads(page, "It is your turn");
  await page.getByLabel(/Trail Runner One \(44\)/).check();
  const lose = async (route) => {
    await route.fetch();
    await route.abort();
  };
  await page.route("**/reservations", lose, { times: 1 });
  await page.getByRole("button", { name: "Reserve" }).click();
  await reads(page, "There was no answer");
  await page.reload();
  await reads(page, "Your last request was not answered.");
  await looksRight(page, "sale-unanswered");
  await page.getByRole("button", { name: "Finish this request" }).click();
  await reads(page, "Reserved for you.");
  await showsStock(merchant, SKUS[2], "reserved", 1);
  await page.getByRole("button", { name: "Pay" }).click();
  await page.getByRole("button", { name: "Have it declined" }).click();
  await reads(page, "Not paid");
  await looksRight(page, "receipt-declined");
  await page.goto(`/sale?sale=${SALE}`);
  await reads(page, "Yours in this sale");
  await page.getByRole("link", { name: "go to checkout" }).click();
  await page.getByRole("button", { name: "Give the units back" }).click();
  await reads(page, "You gave the units back");
  await looksRight(page, "checkout-released");
  await showsStock(merchant, SKUS[2], "reserved", 0);
}

async function reserves(page, units) {
  await page.goto(`/sale?sale=${SALE}`);
  await reads(page, "It is your turn");
  await page.getByLabel(/Trail Runner One \(44\)/).check();
  await page.getByLabel(/^Units/).fill(String(units));
  await page.getByRole("button", { name: "Reserve" }).click();
}

async function givesBack(page) {
  await page.getByRole("button", { name: "Give the units back" }).click();
  await reads(page, "You gave the units back");
}

/** Finds everything reserved, waits, and is called when a unit comes back. */
async function waits(page, [two, one], merchant) {
  await reserves(two, UNITS - 1);
  await reads(two, "Reserved for you.");
  await reserves(one, 1);
  await reads(one, "Reserved for you.");
  await page.goto(`/sale?sale=${SALE}`);
  await page.getByRole("button", { name: "Join the line" }).click();
  // Who goes away before the answer is there has to join again.
  await reads(page, "It is your turn");
  await reserves(page, 1);
  await reads(page, "You are on the waitlist");
  await reads(page, "You are next.");
  await looksRight(page, "checkout-waiting");
  await givesBack(one);
  await reads(page, "Reserved for you.");
  await looksRight(page, "checkout-called");
  await givesBack(page);
  await givesBack(two);
  await showsStock(merchant, SKUS[2], "reserved", 0);
}

/** The end of the sale is told to whoever waits. */
async function closes(merchant, shopper) {
  await shopper.goto(`/sale?sale=${SALE}`);
  await reads(shopper, "It is your turn");
  await showsStock(merchant, SKUS[1], "allocated", 2);
  await merchant.locator("#orders tr").first().waitFor();
  await merchant.getByLabel("What people are told about it").fill("Back at noon.");
  await merchant.getByRole("button", { name: "Pause" }).click();
  await merchant.locator("#phase").getByText("Paused", { exact: true }).waitFor();
  await shopper.reload();
  await reads(shopper, "The sale is paused");
  await reads(shopper, "The shop says: Back at noon.");
  await looksRight(shopper, "sale-paused");
  await merchant.getByRole("button", { name: "Close for good" }).click();
  await merchant.locator("#phase").getByText("Closed", { exact: true }).waitFor();
  await reads(shopper, "The sale is closed");
  await looksRight(merchant, "admin-closed");
}

async function walk(browser) {
  // A wrong token, a wrong file, and a catalog that is not there before the first import.
  const refused = /status of (401|422)|status of 404 .*\/v1\/catalog\)$/;
  const lost = /net::ERR_FAILED/;
  const merchant = await person(browser, "merchant", { allowed: [refused] });
  await signIn(merchant);
  await importCatalog(merchant);
  await openSale(merchant);
  await restock(merchant);
  const buyer = await person(browser, "buyer");
  await buys(buyer);
  await buysTwo(await person(browser, "two", { allowed: [/status of 422/] }));
  const declined = await person(browser, "declined", { allowed: [lost] });
  await isDeclined(declined, merchant);
  const waiting = await person(browser, "waiting");
  await waits(waiting, [buyer, declined], merchant);
  await closes(merchant, declined);
  await walksTheDraw(browser, merchant, { person, reads, looksRight });
  await buyer.goto("/problems#sold-out");
  await looksRight(buyer, "problems");
}

assert.ok(ADMIN_TOKEN, "ADMIN_TOKEN has to be set");
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
});
try {
  await walk(browser);
  assert.deepEqual(complaints, [], "the consoles are silent");
  console.log(`Walked the whole path; ${seen.length} texts were read.`);
} catch (error) {
  const pages = browser.contexts().flatMap((context) => context.pages());
  for (const [index, page] of pages.entries()) {
    console.error(`page ${index}: ${page.url()}`);
    await picture(page, `failed-${index}`);
  }
  console.error(complaints.join("\n"));
  throw error;
} finally {
  await browser.close();
}
