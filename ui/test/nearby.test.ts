import { screen, waitFor, within } from "@testing-library/svelte";
import { describe, expect, it, vi } from "vitest";
import { BEN, STUDIO } from "../src/ipc/mock_story";
import { openPage, pointAt } from "./open";

const tile = (name: RegExp) => screen.getByRole("button", { name });
const BEN_TILE = /^Ben’s laptop, verified, here · 3 ms, 1 of 5$/;

describe("Nearby", () => {
  it("names each device with trust, presence and place", async () => {
    await openPage();
    expect(tile(BEN_TILE)).toBeInTheDocument();
    expect(tile(/Cleo’s desktop, verified, away since 14:02, 5 of 5/)).toBeInTheDocument();
    expect(tile(/meeting-room, not paired, does not answer/)).toBeInTheDocument();
  });

  it("warns of a stranger with the name of a verified device", async () => {
    await openPage();
    expect(tile(/9xQ2, not paired/)).toHaveTextContent("Not the Ben’s laptop you verified");
  });

  it("has one tab stop for the grid, and arrows move in it", async () => {
    const { user } = await openPage();
    const grid = screen.getByRole("list", { name: "Paired" });
    const tiles = within(grid).getAllByRole("button");
    expect(tiles.filter(({ tabIndex }) => tabIndex === 0)).toHaveLength(1);
    tiles[0]?.focus();
    await user.keyboard("{ArrowRight}");
    expect(tiles[1]).toHaveFocus();
    await user.keyboard("{End}");
    expect(tiles.at(-1)).toHaveFocus();
    expect(tiles.filter(({ tabIndex }) => tabIndex === 0)).toEqual([tiles.at(-1)]);
  });

  it("opens a menu by Enter, and Escape gives the focus back", async () => {
    const { user } = await openPage();
    tile(BEN_TILE).focus();
    await user.keyboard("{Enter}");
    expect(screen.getByRole("menuitem", { name: "Send files…" })).toHaveFocus();
    await user.keyboard("{Escape}");
    expect(screen.queryByRole("menu")).toBeNull();
    expect(tile(BEN_TILE)).toHaveFocus();
  });

  it("sends after the undo time", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const { mock, sent } = await openPage();
    pointAt(`[data-device="${BEN.id}"]`);
    mock.drag({ type: "drop", drop: "d1", names: ["a"], count: 1, bytes: 5, has_folder: false, x: 1, y: 1 });
    expect(sent()).toEqual([]);
    await vi.advanceTimersByTimeAsync(3100);
    vi.useRealTimers();
    expect(sent()).toEqual([
      { type: "send", source: { type: "drop", drop: "d1" }, devices: [BEN.id], note: null },
    ]);
  });

  it("takes a drop back by Undo", async () => {
    const { mock, user, sent } = await openPage();
    pointAt(`[data-device="${BEN.id}"]`);
    mock.drag({ type: "drop", drop: "d1", names: ["a"], count: 1, bytes: 5, has_folder: false, x: 1, y: 1 });
    await user.click(await screen.findByRole("button", { name: "Undo" }));
    expect(sent()).toEqual([{ type: "forget_drop", drop: "d1" }]);
    expect(screen.queryByRole("button", { name: "Undo" })).toBeNull();
  });

  it("asks before sending to a device that is not paired", async () => {
    const { mock, user, sent } = await openPage();
    pointAt(`[data-device="${STUDIO.id}"]`);
    mock.drag({ type: "drop", drop: "d2", names: ["a"], count: 1, bytes: 5, has_folder: false, x: 1, y: 1 });
    expect(await screen.findByRole("alertdialog")).toHaveTextContent("Mac-Studio is not paired");
    expect(sent()).toEqual([]);
    await user.click(screen.getByRole("button", { name: "Send once" }));
    expect(sent().map(({ type }) => type)).toEqual(["send"]);
  });

  it("throws a drop beside everything away", async () => {
    const { mock, sent } = await openPage();
    document.elementFromPoint = () => document.body;
    mock.drag({ type: "drop", drop: "d3", names: ["a"], count: 1, bytes: 5, has_folder: false, x: 1, y: 1 });
    expect(sent()).toEqual([{ type: "forget_drop", drop: "d3" }]);
  });

  it("shows a refusal in words", async () => {
    const { mock, user } = await openPage();
    mock.refusal = { code: "APP-04", params: {} };
    await user.click(screen.getAllByRole("button", { name: "Decline" })[0] as HTMLElement);
    await waitFor(() => expect(document.querySelector(".bars")).toHaveTextContent("not there any more"));
  });

  it("says what to do when nobody is here", async () => {
    await openPage("empty");
    expect(screen.getByText("Nobody else here yet")).toBeVisible();
    expect(screen.getByRole("button", { name: "Use a link or an address" })).toBeVisible();
  });

  it("moves between views by keys", async () => {
    const { user } = await openPage();
    await user.keyboard("{Control>}[Digit3]{/Control}");
    await waitFor(() => expect(screen.getByRole("heading", { level: 1 })).toHaveTextContent("Folders"));
    await user.keyboard("{F1}");
    expect(await screen.findByRole("dialog", { name: "Help" })).toBeInTheDocument();
  });
});
