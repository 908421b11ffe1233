// Sending files once: dropped on a tile, offered, accepted in part or declined, taken back, and with its speed.
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync } from "node:fs";
import { expect, test, type Page } from "@playwright/test";
import { shoal, until, World, write, type Engine } from "./engines";
import { check, choose, dialog, drop, faults, forgiveEndedSession, go, meet, tile } from "./page";

test.describe.configure({ mode: "serial" });
test.skip(shoal === "", "needs SHOAL=/path/to/shoal");

/** Large enough to be seen on its way. */
const LARGE_BYTES = 192 * 1024 * 1024;

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

const received = (name: string) => ben.path("Downloads", name);

const arrives = (name: string, bytes: Buffer | string) =>
  until(`${name} arrives`, async () => {
    const path = received(name);
    return existsSync(path) && readFileSync(path).equals(Buffer.from(bytes));
  });

test("files dropped on a tile are offered; some are accepted and arrive", async () => {
  const photo = randomBytes(400_000);
  const files = [
    write(ann.path("out", "photo.jpg"), photo),
    write(ann.path("out", "notes.txt"), "notes"),
    write(ann.path("out", "unwanted.txt"), "unwanted"),
  ];
  mkdirSync(ann.path("out", "Album", "empty"), { recursive: true });
  write(ann.path("out", "Album", "one.txt"), "one");
  await drop(annPage, tile(annPage, "Ben"), [...files, ann.path("out", "Album")]);
  await expect(annPage.getByText("Sending 4 items, 400 kB to Ben")).toBeVisible();
  await check(annPage, "a send that can be undone");
  await expect(benPage.getByText("wants to send")).toBeVisible();
  await go(annPage, "Transfers");
  await expect(annPage.getByText("waiting for Ben to answer")).toBeVisible();
  await check(annPage, "an offer that waits");
  await benPage.getByRole("button", { name: "Review" }).click();
  await expect(dialog(benPage)).toContainText("Ann wants to send you");
  await dialog(benPage).getByRole("checkbox", { name: "unwanted.txt" }).uncheck();
  await check(benPage, "an offer");
  await benPage.getByRole("button", { name: /^Accept/ }).click();
  await expect(benPage.locator("h1")).toHaveText("Transfers");
  await arrives("photo.jpg", photo);
  await arrives("notes.txt", "notes");
  await arrives("Album/one.txt", "one");
  await until("the empty folder", async () => existsSync(received("Album/empty")));
  await expect(benPage.getByRole("listitem").filter({ hasText: "from Ann" })).toContainText("in ");
  await expect(annPage.getByRole("listitem").filter({ hasText: "to Ben" })).not.toContainText("waiting");
  await check(benPage, "what arrived");
  expect(existsSync(received("unwanted.txt"))).toBe(false);
  expect(readdirSync(ben.downloads).sort()).toEqual(["Album", "notes.txt", "photo.jpg"]);
});

test("a send can be undone, and a declined one says so", async () => {
  await go(annPage, "Nearby");
  const file = write(ann.path("out", "second.txt"), "second");
  await drop(annPage, tile(annPage, "Ben"), [file]);
  await annPage.getByRole("button", { name: "Undo" }).click();
  await expect(annPage.getByText("Sending 1 item")).toHaveCount(0);

  const chooser = annPage.waitForEvent("filechooser");
  await choose(annPage, "Ben", "Send files…");
  await (await chooser).setFiles([file]);
  await annPage.getByRole("button", { name: "Send now" }).click();
  await go(benPage, "Needs you");
  await expect(benPage.getByText("wants to send")).toHaveCount(1);
  await benPage.getByRole("button", { name: "Decline" }).click();
  await expect(benPage.getByText("Nothing needs you")).toBeVisible();
  await go(annPage, "Transfers");
  await expect(annPage.getByText("was declined")).toBeVisible();
  expect(existsSync(received("second.txt"))).toBe(false);
});

test("a file of the same name is kept beside the one that is there", async () => {
  await go(annPage, "Nearby");
  await drop(annPage, tile(annPage, "Ben"), [write(ann.path("out", "notes.txt"), "other notes")]);
  await annPage.getByRole("button", { name: "Send now" }).click();
  await benPage.getByRole("button", { name: "Review" }).click();
  await expect(dialog(benPage)).toContainText("saved as notes (1).txt");
  await benPage.getByRole("button", { name: /^Accept/ }).click();
  await arrives("notes (1).txt", "other notes");
  await arrives("notes.txt", "notes");
});

test("a large one shows how far and how fast it is, on both sides", async () => {
  const bytes = randomBytes(LARGE_BYTES);
  await go(annPage, "Nearby");
  await drop(annPage, tile(annPage, "Ben"), [write(ann.path("out", "film.mkv"), bytes)]);
  await annPage.getByRole("button", { name: "Send now" }).click();
  await go(benPage, "Needs you");
  await benPage.getByRole("button", { name: "Review" }).click();
  await benPage.getByRole("button", { name: /^Accept/ }).click();
  await go(annPage, "Transfers");
  // On a quick machine it takes two seconds: both are looked at at once, and the time left, which needs some seconds
  // of measuring, is looked at over the mock.
  const isMoving = async (page: Page) => {
    const row = page.getByRole("listitem").filter({ hasText: "film.mkv" });
    await expect(row.filter({ has: page.getByRole("progressbar") })).toContainText(
      /\d+(\.\d+)? [MkG]?B of 201 MB · .*B\/s/,
    );
  };
  await Promise.all([isMoving(annPage), isMoving(benPage)]);
  await arrives("film.mkv", bytes);
  for (const page of [annPage, benPage])
    await expect(page.getByRole("listitem").filter({ hasText: "film.mkv" })).toContainText("just now");
});

test("quitting by the program and starting again keeps the list", async () => {
  const before = (await ben.view()).transfers.length;
  await ben.stop();
  await ben.start();
  await benPage.goto(ben.url);
  await go(benPage, "Transfers");
  await expect(benPage.getByRole("listitem").filter({ hasText: "film.mkv" })).toBeVisible();
  await expect(benPage.getByText("all well")).toBeVisible();
  expect((await ben.view()).transfers).toHaveLength(before);
  forgiveEndedSession();
});
