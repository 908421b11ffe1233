import { screen, waitFor, within } from "@testing-library/svelte";
import { describe, expect, it } from "vitest";
import { INVITATION, OFFER } from "../src/ipc/mock_story";
import type { Offer, Request } from "../src/ipc/types";
import { openPage } from "./open";

const asOffer = (offer: Partial<Offer>): Request => ({ type: "offer", ...OFFER, ...offer });

async function openOffer(offer: Partial<Offer> = {}) {
  const opened = await openPage("empty", "inbox");
  opened.mock.show({ inbox: [asOffer(offer)] });
  await opened.user.click(await screen.findByRole("button", { name: "Review" }));
  return { ...opened, dialog: within(screen.getByRole("dialog")) };
}

describe("the approval of an offer", () => {
  it("starts on its heading, and Enter never accepts", async () => {
    const { user, dialog, sent } = await openOffer();
    const heading = dialog.getByRole("heading", { level: 2 });
    expect(heading).toHaveFocus();
    expect(heading).toHaveTextContent("Ana · ThinkPad wants to send you 3 files");
    await user.keyboard("{Enter}");
    expect(sent()).toEqual([]);
  });

  it("shows warnings, clashes and free space in words", async () => {
    const { dialog } = await openOffer();
    expect(dialog.getByText("a program: runs if opened")).toBeVisible();
    expect(dialog.getByText(/That name exists; saved as/)).toHaveTextContent("offer-final (1).pdf");
    expect(dialog.getByText("213 MB of 81 GB free")).toBeVisible();
  });

  it("accepts everything, or only what is chosen", async () => {
    const { user, dialog, sent } = await openOffer();
    await user.click(dialog.getByRole("checkbox", { name: "Take setup.sh" }));
    await user.click(dialog.getByRole("button", { name: /Accept 2 files/ }));
    expect(sent()).toEqual([
      { type: "accept", offer: OFFER.id, items: { type: "only", items: [0, 1] }, pick: null },
    ]);
  });

  it("cannot be accepted with nothing chosen, nor before the list is complete", async () => {
    const { user, dialog, mock } = await openOffer();
    await user.click(dialog.getByRole("checkbox", { name: /3 of 3 files chosen/ }));
    expect(dialog.getByRole("button", { name: "Choose what to accept" })).toBeDisabled();
    await user.click(dialog.getByRole("checkbox", { name: /0 of 3/ }));
    mock.show({ inbox: [asOffer({ complete: false })] });
    expect(await dialog.findByRole("button", { name: /still arriving/ })).toBeDisabled();
  });

  it("says why it cannot be accepted", async () => {
    const { dialog } = await openOffer({
      trouble: { code: "DISK-04", params: { size: 5_000_000, free: 1_000 } },
    });
    expect(dialog.getByRole("alert")).toHaveTextContent("Not enough room: 5 MB needed, 1 KB free.");
    expect(dialog.getByRole("button", { name: /Accept 3 files/ })).toBeDisabled();
  });

  it("asks a stranger's key to be checked first", async () => {
    const { dialog } = await openOffer({ from: { ...OFFER.from, trust: "not_paired", verified_at: null } });
    expect(dialog.getByText(/Anyone on this network can use this name/)).toBeVisible();
    expect(dialog.getByRole("button", { name: "Pair first…" })).toBeVisible();
  });

  it("leaves the request where it is on Escape, and returns the focus", async () => {
    const { sent } = await openOffer();
    screen.getByRole("dialog").dispatchEvent(new Event("cancel", { cancelable: true }));
    await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
    expect(sent()).toEqual([]);
    expect(screen.getByRole("button", { name: "Review" })).toHaveFocus();
  });

  it("says so when it was withdrawn meanwhile", async () => {
    const { mock } = await openOffer();
    mock.show({ inbox: [] });
    expect(await screen.findByText("This request was withdrawn or answered.")).toBeVisible();
  });

  it("says in the sheet why the engine refused", async () => {
    const { mock, user, dialog } = await openOffer();
    mock.refusal = { code: "FOLD-10", params: { path: "~/Downloads" } };
    await user.click(dialog.getByRole("button", { name: /Accept 3 files/ }));
    expect(await dialog.findByRole("alert")).toHaveTextContent("Shoal may not write in ~/Downloads.");
  });

  it("blocks only after a question", async () => {
    const { user, dialog, sent } = await openOffer();
    await user.click(dialog.getByRole("button", { name: "Block" }));
    expect(sent()).toEqual([]);
    await user.click(within(screen.getByRole("alertdialog")).getByRole("button", { name: "Block" }));
    expect(sent()).toEqual([{ type: "decline", offer: OFFER.id, block: true }]);
  });
});

describe("the approval of a folder", () => {
  it("says that the other side still counts", async () => {
    const { mock, user } = await openPage("empty", "inbox");
    const counting = { ...INVITATION, counting: true };
    mock.show({ inbox: [{ type: "invitation", ...counting, files: 0, bytes: 0 }] });
    await user.click(await screen.findByRole("button", { name: "Review" }));
    expect(screen.getByText("still being counted")).toBeVisible();
    mock.show({ inbox: [{ type: "invitation", ...counting, files: 1_234, bytes: 5_000_000 }] });
    expect(await screen.findByText("at least 1,234 files, 5 MB; still being counted")).toBeVisible();
    mock.show({ inbox: [{ type: "invitation", ...INVITATION }] });
    expect(await screen.findByText("163 files, 842 MB")).toBeVisible();
  });

  it("cannot be joined before the dry run is there", async () => {
    const { mock, user, sent } = await openPage("empty", "inbox");
    mock.show({ inbox: [{ type: "invitation", ...INVITATION, dry_run: null }] });
    await user.click(await screen.findByRole("button", { name: "Review" }));
    expect(screen.getByRole("button", { name: "Join folder" })).toBeDisabled();
    mock.show({ inbox: [{ type: "invitation", ...INVITATION }] });
    expect(await screen.findByText("nothing will be removed")).toBeVisible();
    await user.click(screen.getByRole("button", { name: "Join folder" }));
    expect(sent()).toEqual([{ type: "accept_invitation", folder: INVITATION.folder, pick: null }]);
  });
});

describe("a held deletion", () => {
  it("has no default and sends the answer given", async () => {
    const { user, sent } = await openPage("full", "inbox");
    const card = within(screen.getByRole("article"));
    expect(screen.getByRole("article")).toHaveTextContent(
      "Ana · ThinkPad wants to remove 4,120 of 5,000 files in Work",
    );
    await user.click(card.getByRole("button", { name: "Look first" }));
    expect(card.getByText("archive/2019/invoice-001.pdf")).toBeVisible();
    await user.click(card.getByRole("button", { name: "Keep mine" }));
    expect(sent()).toEqual([{ type: "answer_hold", folder: "folder-work", yes: false, always: false }]);
  });
});
