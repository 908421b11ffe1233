// Against real engines: the page signs in, and the first run asks for a name. More comes with the engine.
import { expect, test } from "@playwright/test";
import { shoal, twoEngines } from "./engines";

test("two engines serve their page and set up", async ({ browser }) => {
  test.skip(!shoal, "needs SHOAL=/path/to/shoal");
  const engines = await twoEngines(shoal ?? "");
  try {
    for (const [index, engine] of engines.entries()) {
      const context = await browser.newContext();
      const page = await context.newPage();
      await page.goto(engine.url);
      await page.getByLabel("What should others call this computer?").fill(`Computer ${index + 1}`);
      await page.getByRole("button", { name: "Start Shoal" }).click();
      await expect(page.getByRole("heading", { level: 1 })).toHaveText("Nearby");
      expect(page.url()).not.toContain("token");
    }
  } finally {
    await Promise.all(engines.map(({ stop }) => stop()));
  }
});
