import { screen, waitFor } from "@testing-library/svelte";
import { describe, expect, it } from "vitest";
import { CODE } from "../src/ipc/mock";
import { STUDIO } from "../src/ipc/mock_story";
import { openPage } from "./open";

async function startPairing() {
  const opened = await openPage();
  await opened.user.click(screen.getByRole("button", { name: /^Mac-Studio, not paired/ }));
  await opened.user.click(screen.getByRole("menuitem", { name: "Pair…" }));
  return { ...opened, field: await screen.findByLabelText("Six-digit code") };
}

describe("the side that types", () => {
  it("takes a pasted code with spaces and says that it matches", async () => {
    const { user, field, sent } = await startPairing();
    field.focus();
    await user.paste("402 918");
    expect(sent().at(-1)).toEqual({ type: "enter_code", device: STUDIO.id, code: CODE });
    expect(await screen.findByText("Matches.")).toBeVisible();
    expect(screen.getByText(/Both screens show/)).toHaveTextContent(
      "anchor, pear and bell".replace(" and", ","),
    );
  });

  it("empties the field after a wrong code and counts the tries", async () => {
    const { user, field } = await startPairing();
    await user.type(field, "111111");
    await waitFor(() => expect(screen.getByLabelText("Six-digit code")).toHaveValue(""));
    expect(screen.getByRole("dialog")).toHaveTextContent("A new one is shown there; 2 tries left");
  });

  it("ends the pairing when it is cancelled", async () => {
    const { user, sent } = await startPairing();
    await user.click(screen.getByRole("button", { name: "Cancel" }));
    expect(sent().at(-1)).toEqual({ type: "cancel_pair", device: STUDIO.id });
    await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  });

  it("is locked after three wrong codes, with the time", async () => {
    const { user, field } = await startPairing();
    for (const code of ["111111", "222222", "333333"]) {
      await user.type(field, code);
      await waitFor(() => expect(screen.queryByDisplayValue(code)).toBeNull());
    }
    expect(await screen.findByText(/The three codes for/)).toHaveTextContent("you can try again at 14:15");
  });
});

describe("between two codes", () => {
  it("keeps the field while a new code is made, and says that the other side left", async () => {
    const { mock, user, field, sent } = await startPairing();
    await user.type(field, "111111");
    mock.setPairing(STUDIO.id, { stage: { type: "asking" }, tries_left: 2 });
    await waitFor(() => expect(screen.getByLabelText("Six-digit code")).toBeDisabled());
    expect(screen.getByText(/That is not the code on/)).toBeVisible();
    mock.setPairing(STUDIO.id, { stage: { type: "enter_code" } });
    await waitFor(() => expect(screen.getByLabelText("Six-digit code")).toHaveFocus());
    const trouble = { code: "PAIR-06" as const, params: { person: "Mac-Studio" } };
    mock.setPairing(STUDIO.id, { stage: { type: "failed", trouble } });
    await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
    expect(screen.getAllByText(/did not allow it/)[0]).toBeVisible();
    expect(sent().at(-1)).toEqual({ type: "cancel_pair", device: STUDIO.id });
  });

  it("empties the field when the code there got too old, and says so", async () => {
    const { mock, user, field } = await startPairing();
    await user.type(field, "402");
    mock.setPairing(STUDIO.id, { stage: { type: "asking" }, tries_left: 2 });
    mock.setPairing(STUDIO.id, { stage: { type: "enter_code" } });
    await waitFor(() => expect(screen.getByLabelText("Six-digit code")).toHaveValue(""));
    expect(screen.getByRole("dialog")).toHaveTextContent("The code before got too old. A new one is on");
    expect(screen.getByRole("dialog")).toHaveTextContent("2 tries left");
  });

  it("says that the code shown here is a new one", async () => {
    const { mock } = await openPage();
    mock.setPairing(STUDIO.id, { side: "showing", code: CODE, stage: { type: "enter_code" }, tries_left: 2 });
    const dialog = await screen.findByRole("dialog");
    expect(dialog).toHaveTextContent("The code before is used up; this is a new one. 2 tries left.");
    const trouble = { code: "PAIR-10" as const, params: { person: "Mac-Studio" } };
    mock.setPairing(STUDIO.id, { stage: { type: "failed", trouble } });
    await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  });
});

describe("the side that shows", () => {
  it("opens by itself, and can be allowed only after a match", async () => {
    const { mock, user, sent } = await openPage();
    mock.setPairing(STUDIO.id, { side: "showing", code: CODE, stage: { type: "enter_code" } });
    expect(await screen.findByRole("img", { name: "Code: 4 0 2, 9 1 8" })).toBeVisible();
    const yes = screen.getByRole("button", { name: "Yes, allow" });
    expect(yes).toBeDisabled();
    mock.setPairing(STUDIO.id, { stage: { type: "waiting_confirm" }, words: ["a", "b", "c"] });
    await waitFor(() => expect(yes).toBeEnabled());
    await user.click(yes);
    expect(sent()).toEqual([{ type: "confirm_pair", device: STUDIO.id, yes: true }]);
    expect(await screen.findByRole("heading", { name: "You and Mac-Studio are paired" })).toBeVisible();
  });

  it("does not interrupt someone who has a sheet open", async () => {
    const { mock, user } = await openPage();
    await user.click(screen.getByRole("button", { name: "Settings" }));
    mock.setPairing(STUDIO.id, { side: "showing", code: CODE, stage: { type: "enter_code" } });
    expect(screen.getByRole("dialog", { name: "Settings" })).toBeInTheDocument();
    expect(screen.queryByText("402 918")).toBeNull();
  });
});
