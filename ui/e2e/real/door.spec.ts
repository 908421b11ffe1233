// Who gets in: the right token only, and only for as long as the engine that made it runs.
import { expect, test } from "@playwright/test";
import { shoal, World } from "./engines";
import { check, faults, forgiveEndedSession, open } from "./page";

test.skip(shoal === "", "needs SHOAL=/path/to/shoal");

const world = new World();
test.afterAll(() => world.end());

test("a wrong token sees nothing, and a session ends with its engine", async ({ browser }) => {
  const ann = await world.person("Ann");
  const { origin } = new URL(ann.url);

  const stranger = await (await browser.newContext()).newPage();
  const frames: string[] = [];
  stranger.on("websocket", (socket) =>
    socket.on("framereceived", ({ payload }) => frames.push(String(payload))),
  );
  await stranger.goto(`${origin}/#token=${"0".repeat(64)}`);
  await expect(stranger.getByText("This browser is not signed in").first()).toBeVisible();
  await expect(stranger.getByText("This computer")).toHaveCount(0);
  await check(stranger, "not signed in");
  expect(frames).toEqual([]);
  const status = await stranger.evaluate(async () => (await fetch("/api/view")).status);
  expect(status).toBe(401);

  const page = await open(browser, ann);
  await expect(page.locator("h1")).toHaveText("Nearby");
  await ann.stop();
  await expect(page.getByText("Shoal does not answer")).toBeVisible();
  await ann.start();
  await expect(page.getByText("This browser is not signed in").first()).toBeVisible();
  await page.goto(ann.url);
  await expect(page.locator("h1")).toHaveText("Nearby");
  await expect(page.getByText("all well")).toBeVisible();
  await expect(page.getByText("This computer")).toBeVisible();
  forgiveEndedSession();
  expect(faults.splice(0)).toEqual([]);
});
