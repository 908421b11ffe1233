// Two people who have never met: the first run, a code mistyped, a code typed, both paired.
import { expect, test, type Page } from "@playwright/test";
import { shoal, World, type Engine } from "./engines";
import { check, choose, dialog, faults, open, tile } from "./page";

test.describe.configure({ mode: "serial" });
test.skip(shoal === "", "needs SHOAL=/path/to/shoal");

const world = new World();
let engines: Engine[] = [];
let ann: Page;
let ben: Page;

test.beforeAll(async ({ browser }) => {
  engines = await Promise.all(["Ann", "Ben"].map((name) => world.engine(name)));
  const pages = await Promise.all(engines.map((engine) => open(browser, engine)));
  [ann, ben] = pages as [Page, Page];
});
test.afterAll(() => world.end());
test.afterEach(() => expect(faults.splice(0)).toEqual([]));

/** The code Ben's screen shows, once it is another than the last one. */
async function shownCode(last = ""): Promise<string> {
  const code = ben.getByRole("img", { name: /^Code:/ });
  await expect(code).not.toHaveText(last === "" ? "none" : last);
  return (await code.textContent())?.trim() ?? "";
}

async function typeWrong(last: string): Promise<void> {
  await expect(ann.getByLabel("Six-digit code")).toBeEnabled();
  await ann.getByLabel("Six-digit code").fill(last === "123 456" ? "654321" : "123456");
}

test("the first run asks for a name, and then the other appears", async () => {
  await check(ann, "first run");
  for (const [page, name] of [
    [ann, "Ann’s computer"],
    [ben, "Ben’s computer"],
  ] as const) {
    await page.getByLabel("What should others call this computer?").fill(name);
    await page.getByRole("button", { name: "Start Shoal" }).click();
    await expect(page.locator("h1")).toHaveText("Nearby");
    expect(page.url()).not.toContain("token");
  }
  await expect(tile(ann, "Ben’s computer")).toBeVisible();
  await expect(tile(ben, "Ann’s computer")).toContainText("not paired");
  await check(ann, "nearby with a stranger");
});

test("cancelling on either side closes both dialogs", async () => {
  await choose(ann, "Ben’s computer", "Pair…");
  await expect(dialog(ben)).toContainText("Read this code");
  await ann.getByRole("button", { name: "Cancel" }).click();
  await expect(dialog(ben)).toHaveCount(0);
  await expect(ben.getByText("gave up").first()).toBeVisible();

  await choose(ann, "Ben’s computer", "Pair…");
  await expect(ann.getByLabel("Six-digit code")).toBeVisible();
  await ben.getByRole("button", { name: "No", exact: true }).click();
  await expect(dialog(ann)).toHaveCount(0);
  await expect(ann.getByText("did not allow it").first()).toBeVisible();
});

test("a wrong code is refused and a fresh one is shown; the right one pairs", async () => {
  await choose(ann, "Ben’s computer", "Pair…");
  const first = await shownCode();
  await check(ben, "showing the code");
  await check(ann, "typing the code");
  await typeWrong(first);
  await expect(dialog(ann)).toContainText("That is not the code on Ben’s computer’s screen");
  await expect(dialog(ann)).toContainText("1 try left");
  await expect(dialog(ben)).toContainText("this is a new one. 1 try left");
  const second = await shownCode(first);
  await check(ann, "after a wrong code");
  await check(ben, "showing a fresh code");
  await expect(ann.getByLabel("Six-digit code")).toBeFocused();
  await ann.keyboard.type(second);
  await expect(dialog(ann)).toContainText("Matches.");
  await check(ben, "asked to allow");
  await ben.getByRole("button", { name: "Yes, allow" }).click();
  for (const page of [ann, ben]) {
    await expect(dialog(page)).toContainText("are paired");
    await check(page, "paired");
    await page.getByRole("button", { name: "Done" }).click();
    await expect(dialog(page)).toHaveCount(0);
  }
  await expect(tile(ann, "Ben’s computer")).toContainText("verified");
  await expect(tile(ben, "Ann’s computer")).toContainText("verified");
});

test("three wrong codes lock both, with the time", async ({ browser }) => {
  const cleo = await open(browser, await world.person("Cleo"));
  await choose(ann, "Cleo", "Pair…");
  const page = ben;
  ben = cleo;
  let code = "";
  for (let guess = 0; guess < 3; guess += 1) {
    code = await shownCode(code);
    await typeWrong(code);
  }
  ben = page;
  await expect(dialog(ann)).toContainText(/used up.*you can try again at \d\d:\d\d/);
  await expect(dialog(cleo)).toContainText(/used up.*you can try again at \d\d:\d\d/);
  await expect(ann.getByRole("button", { name: "Try again" })).toHaveCount(0);
  await check(ann, "locked");
  await ann.keyboard.press("Escape");
  await choose(ann, "Cleo", "Pair…");
  await expect(dialog(ann)).toContainText("used up");
  await ann.keyboard.press("Escape");
  await expect(dialog(ann)).toHaveCount(0);
  await cleo.context().close();
});
