// What browser tests share: opening a story, and reaching each screen of it.
import type { Page } from "@playwright/test";

export type Theme = "light" | "dark";

export const THEMES: Theme[] = ["light", "dark"];

type Options = { story?: string; view?: string; theme?: Theme; isBrowser?: boolean };

/** Opens the mock at a view and waits for it. */
export async function open(page: Page, options: Options = {}): Promise<void> {
  const { story = "full", view = "nearby", theme = "light", isBrowser = false } = options;
  await page.emulateMedia({ colorScheme: theme, reducedMotion: "reduce" });
  await page.goto(`/?story=${story}${isBrowser ? "&browser" : ""}#/${view}`);
  await page.locator("h1").first().waitFor();
}

/** A screen: where it is, and what to do to see it. */
export type Screen = Options & { name: string; act?: (page: Page) => Promise<void> };

const tile = (page: Page, name: string) => page.locator("button[data-device]", { hasText: name }).first();

const choose = (device: string, entry: string) => async (page: Page) => {
  await tile(page, device).click();
  await page.getByRole("menuitem", { name: entry }).click();
};

const review = (index: number) => async (page: Page) => {
  await page.getByRole("button", { name: "Review" }).nth(index).click();
};

/** A pairing at a stage, as the engine would publish it. */
const pairing = (stage: object, side: "typing" | "showing") => async (page: Page) => {
  await page.evaluate(
    ([stage, side]) => {
      const { mock } = window as unknown as { mock: import("../src/ipc/mock").Mock };
      const device = mock.view.devices.find(({ name }) => name === "Mac-Studio")?.id ?? "";
      const code = side === "showing" ? "402918" : null;
      const words = ["anchor", "pear", "bell"];
      mock.setPairing(device, { side, stage, code, words } as Parameters<typeof mock.setPairing>[1]);
    },
    [stage, side] as const,
  );
};

const dragOver = (selector: string) => async (page: Page) => {
  const box = await page.locator(selector).first().boundingBox();
  await page.evaluate(
    ([x, y]) => {
      const { mock } = window as unknown as { mock: import("../src/ipc/mock").Mock };
      mock.drag({ type: "over", names: [], count: 3, bytes: 214_000_000, x, y });
    },
    [(box?.x ?? 0) + 20, (box?.y ?? 0) + 20] as const,
  );
};

export const SCREENS: Screen[] = [
  { name: "nearby" },
  { name: "nearby-empty", story: "empty" },
  { name: "nearby-offline", story: "offline" },
  { name: "nearby-firewall", story: "blocked_network" },
  { name: "nearby-menu", act: (page) => tile(page, "Ben’s laptop").click() },
  { name: "nearby-drag", act: dragOver("button[data-device]") },
  { name: "nearby-undo", act: choose("Ben’s laptop", "Send files…") },
  { name: "welcome", story: "welcome" },
  { name: "inbox", view: "inbox" },
  { name: "inbox-empty", view: "inbox", story: "empty" },
  { name: "offer", view: "inbox", act: review(1) },
  { name: "offer-stranger", view: "inbox", act: review(2) },
  { name: "invitation", view: "inbox", act: review(0) },
  { name: "folders", view: "folders" },
  { name: "folders-empty", view: "folders", story: "empty" },
  { name: "folder", view: "folders/folder-photos" },
  { name: "folder-trouble", view: "folders/folder-work" },
  { name: "transfers", view: "transfers" },
  { name: "transfers-empty", view: "transfers", story: "empty" },
  {
    name: "share",
    view: "folders",
    act: (page) => page.getByRole("button", { name: "Share a folder" }).click(),
  },
  {
    name: "share-browser",
    view: "folders",
    isBrowser: true,
    act: (page) => page.getByRole("button", { name: "Share a folder" }).click(),
  },
  { name: "pair-typing", act: choose("Mac-Studio", "Pair…") },
  { name: "pair-showing", act: pairing({ type: "enter_code" }, "showing") },
  {
    name: "pair-fresh",
    act: async (page) => {
      await pairing({ type: "enter_code" }, "showing")(page);
      await page.evaluate(() => {
        const { mock } = window as unknown as { mock: import("../src/ipc/mock").Mock };
        const device = mock.view.pairing[0]?.device ?? "";
        mock.setPairing(device, { code: "571206", tries_left: 2 });
      });
    },
  },
  {
    name: "pair-locked",
    act: async (page) => {
      await choose("Mac-Studio", "Pair…")(page);
      for (const code of ["111111", "222222", "333333"]) await page.getByLabel("Six-digit code").fill(code);
    },
  },
  {
    name: "folders-work",
    view: "folders",
    act: async (page) => {
      await page.evaluate(() => {
        const { mock } = window as unknown as { mock: import("../src/ipc/mock").Mock };
        const work = { done: 1_200_000_000, total: 3_000_000_000, speed: 310_000_000, eta_s: 6 };
        const [first, second, third, ...rest] = mock.view.folders;
        if (!first || !second || !third) return;
        mock.show({
          folders: [
            { ...first, reading: work },
            { ...second, hold: null, copying: work, state: { type: "up_to_date" } },
            { ...third, state: { type: "scanning", done: 1_180, total: 3_120, speed: 640, eta_s: 3 } },
            ...rest,
          ],
        });
      });
    },
  },
  { name: "pair-confirm", act: pairing({ type: "waiting_confirm" }, "showing") },
  {
    name: "pair-matched",
    act: async (page) => {
      await choose("Mac-Studio", "Pair…")(page);
      await page.getByLabel("Six-digit code").fill("402918");
    },
  },
  {
    name: "pair-wrong",
    act: async (page) => {
      await choose("Mac-Studio", "Pair…")(page);
      await page.getByLabel("Six-digit code").fill("111111");
    },
  },
  {
    name: "pair-done",
    act: async (page) => {
      await pairing({ type: "waiting_confirm" }, "showing")(page);
      await page.getByRole("button", { name: "Yes, allow" }).click();
    },
  },
  { name: "add", act: (page) => page.getByRole("button", { name: "Add device" }).click() },
  { name: "device", act: choose("NAS", "Details…") },
  { name: "settings", act: (page) => page.getByRole("button", { name: "Settings" }).click() },
  { name: "help", act: (page) => page.getByRole("button", { name: "Help" }).click() },
  { name: "hostile-nearby", story: "hostile" },
  { name: "hostile-folders", story: "hostile", view: "folders" },
  { name: "hostile-transfers", story: "hostile", view: "transfers" },
  { name: "hostile-offer", story: "hostile", view: "inbox", act: review(1) },
];
