// A directory that carries the mark of a share which nobody here knows: said, and taken over when a person says so.
import { join } from "node:path";
import { expect, test } from "@playwright/test";
import { shoal, World, write } from "./engines";
import { check, dialog, faults, go, open } from "./page";

test.skip(shoal === "", "needs SHOAL=/path/to/shoal");

const world = new World();

test.afterAll(() => world.end());
test.afterEach(() => expect(faults.splice(0)).toEqual([]));

test("a forgotten share is taken over after a yes", async ({ browser }) => {
  const ann = await world.person("Ann");
  const page = await open(browser, ann);
  write(ann.path("Old", "letter.txt"), "kept\n");
  write(join(ann.path("Old"), ".shoal", "marker"), `${"07".repeat(16)}\n`);
  await go(page, "Folders");
  await page.getByRole("button", { name: "Share a folder" }).click();
  await dialog(page).getByRole("textbox").fill(ann.path("Old"));
  await page.getByRole("button", { name: "Use this folder" }).click();
  const yes = dialog(page).getByRole("checkbox", { name: /share it from here/ });
  const share = dialog(page).getByRole("button", { name: /^Share/ });
  await expect(yes).toBeVisible();
  await expect(share).toBeDisabled();
  await check(page, "a forgotten share");
  await yes.check();
  await share.click();
  await expect(page.locator("h1")).toHaveText("Old");
});
