// What specs against real engines share: opening a page, looking at it closely, dropping files on it.
import AxeBuilder from "@axe-core/playwright";
import { expect, type Browser, type Locator, type Page } from "@playwright/test";
import { pair, type Engine, type World } from "./engines";

/** Opens an engine's page in a browser of its own, and fails the spec on anything the page complains of. */
export async function open(browser: Browser, engine: Engine): Promise<Page> {
  const context = await browser.newContext({ reducedMotion: "reduce" });
  const page = await context.newPage();
  page.on("pageerror", (error) => faults.push(`${engine.name}: ${error.message}`));
  page.on("console", (message) => {
    // While an engine is stopped its page tries again and again.
    if (message.type() === "error" && !message.text().includes("net::ERR_CONNECTION_REFUSED"))
      faults.push(`${engine.name}: ${message.text()}`);
  });
  await page.goto(engine.url);
  await page.locator("h1").first().waitFor();
  return page;
}

/** Two people who are paired, each with a page. */
export async function meet(browser: Browser, world: World) {
  const [ann, ben] = await Promise.all([world.person("Ann"), world.person("Ben")]);
  await pair(ann, ben);
  const [annPage, benPage] = await Promise.all([open(browser, ann), open(browser, ben)]);
  return { ann, ben, annPage, benPage };
}

/** What pages complained of: errors, and what the content security policy refused. */
export const faults: string[] = [];

/** Leaves out what a browser itself reports of a session that ended with its engine. */
export function forgiveEndedSession(): void {
  const left = faults.filter((fault) => !/401|WebSocket connection to/.test(fault));
  faults.splice(0, faults.length, ...left);
}

/** What axe is asked for. */
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/** Checks the screen as it is: accessible in both themes, and within 360 pixels. */
export async function check(page: Page, screen: string): Promise<void> {
  const size = page.viewportSize() ?? { width: 1280, height: 720 };
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    const axe = new AxeBuilder({ page });
    // A theme changes colours only: everything else was looked at in the light one.
    const rules = colorScheme === "light" ? axe.withTags(RULES) : axe.withRules(["color-contrast"]);
    const { violations } = await rules.analyze();
    const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join("\n   ")}`);
    expect(found, `${screen}, ${colorScheme}`).toEqual([]);
  }
  await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
  await page.setViewportSize({ width: 360, height: 720 });
  expect(await overflow(page), `${screen} at 360 pixels`).toBeLessThanOrEqual(0);
  await page.setViewportSize(size);
}

/** How far the page reaches over its sides. */
function overflow(page: Page): Promise<number> {
  return page.evaluate(() => {
    const over = (element: Element) => element.scrollWidth - element.clientWidth;
    const parts = [...document.querySelectorAll("html, main, dialog[open] .body")];
    return Math.max(...parts.map(over));
  });
}

export const tile = (page: Page, name: string): Locator =>
  page.locator("button[data-device]", { hasText: name });

export const dialog = (page: Page): Locator => page.locator("dialog[open]");

/** Goes to a view by the sidebar. */
export async function go(page: Page, view: "Nearby" | "Needs you" | "Folders" | "Transfers"): Promise<void> {
  await page.getByRole("navigation").getByRole("link", { name: view }).click();
  await expect(page.locator("h1")).toHaveText(view);
}

/** Opens a tile's menu and chooses. */
export async function choose(page: Page, device: string, entry: string): Promise<void> {
  await tile(page, device).click();
  await page.getByRole("menuitem", { name: entry }).click();
}

/** Drags files and directories of the disk onto a place, as the system's file manager would. */
export async function drop(page: Page, onto: Locator, files: string[]): Promise<void> {
  await onto.scrollIntoViewIfNeeded();
  const box = await onto.boundingBox();
  if (!box) throw new Error("nowhere to drop");
  const [x, y] = [box.x + box.width / 2, box.y + Math.min(box.height / 2, 40)];
  const browser = await page.context().newCDPSession(page);
  const data = { items: [], files, dragOperationsMask: 1 };
  for (const type of ["dragEnter", "dragOver", "drop"] as const)
    await browser.send("Input.dispatchDragEvent", { type, x, y, data });
  await browser.detach();
}
