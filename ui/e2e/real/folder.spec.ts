// One folder of two people: shared, joined, filled by dropping and by hand, changed, emptied, in conflict, restarted.
import { createHash, randomBytes } from "node:crypto";
import { existsSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect, test, type Page } from "@playwright/test";
import { shoal, until, World, write, type Engine } from "./engines";
import { check, dialog, drop, faults, forgiveEndedSession, go, meet } from "./page";

test.describe.configure({ mode: "serial" });
test.skip(shoal === "", "needs SHOAL=/path/to/shoal");

const world = new World();
let ann: Engine;
let ben: Engine;
let annPage: Page;
let benPage: Page;

test.beforeAll(async ({ browser }) => {
  ({ ann, ben, annPage, benPage } = await meet(browser, world));
});
test.afterAll(() => world.end());
test.afterEach(() => expect(faults.splice(0)).toEqual([]));

const digest = (path: string) => createHash("sha256").update(readFileSync(path)).digest("hex");

/** Waits until a file of Ben's has these very bytes. */
async function arrives(path: string, bytes: Buffer | string): Promise<void> {
  const wanted = createHash("sha256").update(bytes).digest("hex");
  await until(`${path} is there`, async () => existsSync(path) && digest(path) === wanted);
}

const row = (page: Page, name: string) => page.getByRole("row", { name });

test("a folder is shared by its typed path, and joined from “Needs you”", async () => {
  write(ann.path("Trip", "plan.txt"), "first plan");
  await go(annPage, "Folders");
  await check(annPage, "no folders");
  await annPage.getByRole("button", { name: "Share a folder" }).click();
  await dialog(annPage).getByRole("textbox").fill(ann.path("Trip"));
  await annPage.getByRole("button", { name: "Use this folder" }).click();
  await expect(dialog(annPage)).toContainText("1 file, 10 B");
  await dialog(annPage).getByRole("checkbox", { name: "Ben" }).check();
  await check(annPage, "sharing");
  await annPage.getByRole("button", { name: "Share with 1 person" }).click();
  await expect(annPage.locator("h1")).toHaveText("Trip");

  await go(benPage, "Needs you");
  await expect(benPage.getByText("wants to share the folder")).toBeVisible();
  await check(benPage, "an invitation waits");
  await benPage.getByRole("button", { name: "Review" }).click();
  await expect(dialog(benPage)).toContainText("You may read and change files.");
  await dialog(benPage).getByRole("button", { name: "Change…" }).click();
  await dialog(benPage).getByRole("textbox").fill(ben.path("Shared trip"));
  await dialog(benPage).getByRole("button", { name: "Use this folder" }).click();
  await expect(dialog(benPage)).toContainText("1 new");
  await check(benPage, "an invitation");
  await benPage.getByRole("button", { name: "Join folder" }).click();
  await expect(benPage.locator("h1")).toHaveText("Trip");
  await arrives(ben.path("Shared trip", "plan.txt"), "first plan");
  await expect(row(benPage, "plan.txt")).toBeVisible();
  await expect(annPage.getByText("up to date with Ben")).toBeVisible();
  await check(annPage, "a folder");
});

test("files and a directory dropped on the folder arrive byte for byte", async () => {
  const photo = randomBytes(3_000_000);
  const inside = randomBytes(70_000);
  write(ann.path("elsewhere", "photo 1.jpg"), photo);
  write(ann.path("elsewhere", "empty.txt"), "");
  write(ann.path("elsewhere", "Album", "inner", "ü → 漢.bin"), inside);
  write(ann.path("elsewhere", "Album", "a.txt"), "a");
  const files = ["photo 1.jpg", "empty.txt", "Album"].map((name) => ann.path("elsewhere", name));
  await drop(annPage, annPage.locator("section[data-folder]"), files);
  await expect(annPage.getByText("Copied 3 items").first()).toBeVisible();
  const there = (...parts: string[]) => ben.path("Shared trip", ...parts);
  await arrives(there("photo 1.jpg"), photo);
  await arrives(there("empty.txt"), "");
  await arrives(there("Album", "inner", "ü → 漢.bin"), inside);
  await arrives(there("Album", "a.txt"), "a");
  for (const page of [annPage, benPage]) {
    await expect(row(page, "photo 1.jpg")).toBeVisible();
    await expect(row(page, "Album")).toBeVisible();
  }
  await check(benPage, "a folder with files");
  expect(readdirSync(join(ann.dir, "home", "cache", "uploads"))).toEqual([]);
});

test("files come by the button’s chooser, by keyboard, and into a directory that is open", async () => {
  await annPage.getByRole("button", { name: "Album" }).focus();
  await annPage.keyboard.press("Enter");
  await expect(row(annPage, "inner")).toBeVisible();
  const bytes = randomBytes(20_000);
  write(ann.path("elsewhere", "chosen.bin"), bytes);
  const chooser = annPage.waitForEvent("filechooser");
  await annPage.getByRole("button", { name: "Add files…" }).focus();
  await annPage.keyboard.press("Enter");
  await (await chooser).setFiles([ann.path("elsewhere", "chosen.bin")]);
  await expect(row(annPage, "chosen.bin")).toBeVisible();
  await arrives(ben.path("Shared trip", "Album", "chosen.bin"), bytes);
  // The same name again is another file: nothing is replaced.
  await drop(annPage, annPage.locator("section[data-folder]"), [ann.path("elsewhere", "chosen.bin")]);
  await arrives(ben.path("Shared trip", "Album", "chosen (1).bin"), bytes);
  await annPage.getByRole("button", { name: "Up one level" }).click();
  await expect(row(annPage, "plan.txt")).toBeVisible();
});

test("an edit on the disk is shown and reaches the other, and so does a removal", async () => {
  write(ben.path("Shared trip", "plan.txt"), "a second, longer plan");
  await until("Ann has the edit", async () =>
    readFileSync(ann.path("Trip", "plan.txt"), "utf8").startsWith("a second"),
  );
  await expect(row(annPage, "plan.txt")).toContainText("21 B");
  await expect(row(benPage, "plan.txt")).toContainText("21 B");
  rmSync(ann.path("Trip", "photo 1.jpg"));
  await expect(row(annPage, "photo 1.jpg")).toHaveCount(0);
  await expect(row(benPage, "photo 1.jpg")).toHaveCount(0);
  await until("Ben’s is gone", async () => !existsSync(ben.path("Shared trip", "photo 1.jpg")));
});

test("what two people wrote while apart is kept twice, and shown", async () => {
  await ben.stop();
  await expect(benPage.getByText("Shoal does not answer").first()).toBeVisible();
  write(ann.path("Trip", "plan.txt"), "Ann’s plan");
  await expect(row(annPage, "plan.txt")).toContainText("12 B");
  write(ben.path("Shared trip", "plan.txt"), "Ben’s own plan");
  await ben.start();
  await expect(benPage.getByText("This browser is not signed in").first()).toBeVisible();
  await benPage.goto(ben.url);
  await expect(benPage.getByText("This browser is not signed in")).toHaveCount(0);
  forgiveEndedSession();
  await go(benPage, "Folders");
  await expect(benPage.getByRole("link", { name: "Trip" })).toContainText("1 conflict");
  await check(benPage, "folders with a conflict");
  await benPage.getByRole("link", { name: "Trip" }).click();
  for (const page of [annPage, benPage])
    await expect(page.getByRole("heading", { name: "Conflicts" })).toBeVisible();
  await check(benPage, "a conflict");
  const texts = (dir: string) =>
    readdirSync(dir)
      .filter((name) => name.startsWith("plan"))
      .map((name) => readFileSync(join(dir, name), "utf8"))
      .sort();
  for (const dir of [ann.path("Trip"), ben.path("Shared trip")])
    await until(
      "both plans are kept",
      async () => texts(dir).join() === ["Ann’s plan", "Ben’s own plan"].join(),
    );
});

test("a restart keeps everything", async () => {
  const before = (await ann.view()).folders.map(({ id, files, bytes }) => ({ id, files, bytes }));
  await ann.stop();
  await ann.start();
  await annPage.goto(ann.url);
  await expect(annPage.getByText("all well")).toBeVisible();
  forgiveEndedSession();
  await go(annPage, "Folders");
  await expect(annPage.getByRole("link", { name: "Trip" })).toBeVisible();
  await ann.sees("the same folder, and Ben", ({ folders, devices }) => {
    const now = folders.map(({ id, files, bytes }) => ({ id, files, bytes }));
    const isHere = devices.some(({ name, presence }) => name === "Ben" && presence.type === "here");
    return JSON.stringify(now) === JSON.stringify(before) && isHere;
  });
  write(ann.path("Trip", "after.txt"), "after");
  await arrives(ben.path("Shared trip", "after.txt"), "after");
});
