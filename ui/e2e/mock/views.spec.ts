// Every screen over the mock: accessible, within its width, large text, nothing the policy forbids.
import AxeBuilder from "@axe-core/playwright";
import { expect, test, type Page } from "@playwright/test";
import { open, SCREENS, THEMES } from "../page";

/** Collects what the content security policy refused, and errors of the page. */
function watchFaults(page: Page): string[] {
  const faults: string[] = [];
  page.on("pageerror", (error) => faults.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error") faults.push(message.text());
  });
  return faults;
}

/** How far the page reaches over its sides. */
function overflow(page: Page): Promise<number> {
  return page.evaluate(() => {
    const main = document.querySelector("main");
    const over = (element: Element) => element.scrollWidth - element.clientWidth;
    const dialogs = [...document.querySelectorAll("dialog[open] .body")].map(over);
    return Math.max(over(document.documentElement), main ? over(main) : 0, ...dialogs);
  });
}

for (const theme of THEMES) {
  for (const screen of SCREENS) {
    test(`${screen.name}, ${theme}: axe finds nothing, the policy holds`, async ({ page }) => {
      const faults = watchFaults(page);
      await open(page, { ...screen, theme });
      await screen.act?.(page);
      await page.waitForTimeout(250);
      const { violations } = await new AxeBuilder({ page })
        .withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"])
        .analyze();
      const found = violations.map(
        ({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join("\n   ")}`,
      );
      expect(found).toEqual([]);
      expect(faults).toEqual([]);
    });
  }
}

for (const screen of SCREENS) {
  test(`${screen.name} fits 360 pixels`, async ({ page }) => {
    await page.setViewportSize({ width: 360, height: 720 });
    await open(page, screen);
    await screen.act?.(page);
    expect(await overflow(page)).toBeLessThanOrEqual(0);
  });

  test(`${screen.name} fits with text twice as large`, async ({ page }) => {
    await page.setViewportSize({ width: 1024, height: 768 });
    await open(page, screen);
    await page.evaluate(() => document.documentElement.style.setProperty("font-size", "200%"));
    await screen.act?.(page);
    expect(await overflow(page)).toBeLessThanOrEqual(0);
  });
}
