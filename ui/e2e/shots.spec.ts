// Pictures of each screen in both themes: `SHOTS=dir npm run screenshots`.
import { test } from "@playwright/test";
import { open, SCREENS, THEMES } from "./page";

const directory = process.env["SHOTS"] ?? "shots";

for (const theme of THEMES) {
  for (const screen of SCREENS) {
    test(`${screen.name} ${theme}`, async ({ page }) => {
      await page.setViewportSize({ width: 1080, height: 760 });
      await open(page, { ...screen, theme });
      await screen.act?.(page);
      await page.waitForTimeout(150);
      await page.screenshot({ path: `${directory}/${screen.name}-${theme}.png` });
    });
  }
}

for (const view of ["nearby", "inbox", "folders", "folders/folder-work", "transfers"]) {
  const name = view.replace("/", "-");
  test(`${name} narrow`, async ({ page }) => {
    await page.setViewportSize({ width: 360, height: 720 });
    await open(page, { view });
    await page.screenshot({ path: `${directory}/${name}-narrow.png` });
  });
  test(`${name} big text`, async ({ page }) => {
    await page.setViewportSize({ width: 1080, height: 760 });
    await open(page, { view, theme: "dark" });
    await page.evaluate(() => document.documentElement.style.setProperty("font-size", "200%"));
    await page.waitForTimeout(100);
    await page.screenshot({ path: `${directory}/${name}-big.png` });
  });
}
