// The flows by keyboard alone, in a real browser.
import { expect, test } from "@playwright/test";
import { open } from "../page";

test("pairing by keyboard alone", async ({ page }) => {
  await open(page);
  const studio = page.locator("button[data-device]", { hasText: "Mac-Studio" });
  await studio.focus();
  await page.keyboard.press("Enter");
  await page.keyboard.press("Enter");
  await expect(page.getByLabel("Six-digit code")).toBeFocused();
  await page.keyboard.type("402918");
  await expect(page.getByText("Matches.", { exact: true })).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page.locator("dialog")).toHaveCount(0);
  await expect(studio).toBeFocused();
});

test("arrows follow the rows of the grid", async ({ page }) => {
  await page.setViewportSize({ width: 1080, height: 760 });
  await open(page);
  const tiles = page.getByRole("list", { name: "Paired" }).getByRole("button");
  await tiles.first().focus();
  await page.keyboard.press("ArrowDown");
  await expect(tiles.nth(4)).toBeFocused();
});

test("F6 goes round the panes", async ({ page }) => {
  await open(page);
  await page.keyboard.press("F6");
  await expect(page.locator("nav")).toHaveCount(1);
  const seen: string[] = [];
  for (let step = 0; step < 3; step += 1) {
    seen.push(
      await page.evaluate(
        () => document.activeElement?.closest("[data-pane]")?.tagName.toLowerCase() ?? "none",
      ),
    );
    await page.keyboard.press("F6");
  }
  expect(new Set(seen)).toEqual(new Set(["nav", "main", "footer"]));
});

test("Alt and a number open the views", async ({ page }) => {
  await open(page);
  await page.keyboard.press("Alt+4");
  await expect(page.locator("h1")).toHaveText("Transfers");
  await expect(page.locator("h1")).toBeFocused();
});

test("a send can be taken back", async ({ page }) => {
  await open(page);
  await page.locator("button[data-device]").first().click();
  await page.getByRole("menuitem", { name: "Send files…" }).click();
  await page.getByRole("button", { name: "Undo" }).click();
  await expect(page.getByRole("button", { name: "Undo" })).toHaveCount(0);
});
