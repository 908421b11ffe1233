import { screen, within } from "@testing-library/svelte";
import { describe, expect, it } from "vitest";
import { openPage } from "./open";

const row = (title: string) => within(screen.getByText(title).closest("li") as HTMLElement);

describe("Transfers", () => {
  it("show speed and time left", async () => {
    await openPage("full", "transfers");
    expect(row("film.mkv").getByText("3 GB of 4.2 GB · 38 MB/s · about 35 s")).toBeVisible();
    expect(row("film.mkv").getByRole("progressbar")).toHaveAttribute("aria-valuenow", "71");
  });

  it("can be withdrawn, paused and retried", async () => {
    const { user, sent } = await openPage("full", "transfers");
    await user.click(row("budget-2027.ods").getByRole("button", { name: "Withdraw" }));
    await user.click(row("film.mkv").getByRole("button", { name: "Pause" }));
    await user.click(row("Archive 2025").getByRole("button", { name: "Retry 7 files" }));
    expect(sent()).toEqual([
      { type: "withdraw", transfer: "t3" },
      { type: "pause_transfer", transfer: "t1" },
      { type: "retry", transfer: "t5" },
    ]);
  });

  it("can be filtered", async () => {
    const { user } = await openPage("full", "transfers");
    await user.click(screen.getByRole("button", { name: "Failed 1" }));
    expect(screen.getAllByRole("progressbar")).toHaveLength(1);
    expect(screen.queryByText("film.mkv")).toBeNull();
  });
});
