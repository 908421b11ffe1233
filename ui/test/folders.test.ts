import { screen, waitFor, within } from "@testing-library/svelte";
import { describe, expect, it } from "vitest";
import { BEN } from "../src/ipc/mock_story";
import type { Folder } from "../src/ipc/types";
import { openPage, pointAt } from "./open";

const settling: Folder["state"] = {
  type: "syncing",
  files_left: 0,
  bytes_left: 0,
  bytes_total: 0,
  speed: 0,
  eta_s: null,
};

describe("Folders", () => {
  it("never say up to date alone while a device is behind", async () => {
    await openPage("full", "folders");
    const photos = screen.getByRole("link", { name: /Photos/ });
    expect(photos).toHaveTextContent("Up to date with Ana · ThinkPad and NAS · Ben’s laptop: 12 files to go");
    expect(photos).toHaveTextContent("Cleo’s desktop is away");
  });

  it("say loudly why one stopped", async () => {
    await openPage("full", "folders");
    expect(screen.getByRole("link", { name: /Films/ })).toHaveTextContent("plug it in");
  });

  it("show how far this computer’s own work is, how fast, and how long it takes", async () => {
    const { mock } = await openPage("full", "folders");
    const [photos] = mock.view.folders.filter(({ name }) => name === "Photos");
    const now = (rest: Partial<Folder>) => mock.show({ folders: [{ ...(photos as Folder), ...rest }] });
    const work = { done: 1_200_000_000, total: 3_000_000_000, speed: 310_000_000, eta_s: 6 };
    const row = () => screen.getByRole("link", { name: /Photos/ });
    now({ reading: work, state: settling });
    await waitFor(() => expect(row()).toHaveTextContent("Reading what changed here: 1.2 GB of 3 GB"));
    expect(row()).toHaveTextContent("40 % · 310 MB/s · about 6 s");
    now({ copying: work });
    await waitFor(() => expect(row()).toHaveTextContent("Copying in: 1.2 GB of 3 GB"));
    now({ state: settling });
    await waitFor(() => expect(row()).toHaveTextContent("Writing down what changed"));
    now({ state: { type: "scanning", done: 500, total: 1_000, speed: 125, eta_s: 4 } });
    await waitFor(() => expect(row()).toHaveTextContent("50 % · 125 files a second · about 4 s"));
  });

  it("wait for room or for an answer without a time that is left", async () => {
    const { mock } = await openPage("full", "folders");
    const [photos] = mock.view.folders.filter(({ name }) => name === "Photos");
    const now = (state: Folder["state"]) => mock.show({ folders: [{ ...(photos as Folder), state }] });
    const row = () => screen.getByRole("link", { name: /Photos/ });
    now({ type: "no_room", files_left: 32, bytes_left: 4_000_000 });
    await waitFor(() => expect(row()).toHaveTextContent("No room on this disk: 32 files, 4 MB to go"));
    expect(row()).not.toHaveTextContent("about");
    now({ type: "hold" });
    await waitFor(() => expect(row()).toHaveTextContent("Waits for your answer"));
  });

  it("share with the people chosen", async () => {
    const { user, sent } = await openPage("full", "folders");
    await user.click(screen.getByRole("button", { name: "Share a folder" }));
    const dialog = within(await screen.findByRole("dialog"));
    expect(await dialog.findByText("1,204 files, 3.4 GB")).toBeVisible();
    await user.click(dialog.getByRole("checkbox", { name: "Ben’s laptop" }));
    await user.selectOptions(dialog.getByRole("combobox"), "May read");
    await user.click(dialog.getByRole("button", { name: "Share with 1 person" }));
    expect(sent()).toEqual([
      {
        type: "share_folder",
        pick: "pick-~/Pictures/2026",
        name: "2026",
        invite: [{ device: BEN.id, role: "viewer" }],
      },
    ]);
    expect(await screen.findByRole("heading", { level: 1, name: "2026" })).toBeVisible();
  });

  it("take over the mark of an unknown share only when the person says so", async () => {
    const { mock, user, sent } = await openPage("full", "folders");
    const inspect = mock.ask.bind(mock);
    mock.ask = async (question) => {
      const answer = await inspect(question);
      const trouble = { code: "FOLD-15" as const, params: { path: "~/Pictures/2026" } };
      return answer.type === "inspected" ? { ...answer, trouble } : answer;
    };
    await user.click(screen.getByRole("button", { name: "Share a folder" }));
    const dialog = within(await screen.findByRole("dialog"));
    expect(await dialog.findByText(/carries the mark of a share/)).toBeVisible();
    expect(dialog.getByRole("button", { name: "Share folder" })).toBeDisabled();
    await user.click(dialog.getByRole("checkbox", { name: /Nothing else uses it/ }));
    await user.click(dialog.getByRole("button", { name: "Share folder" }));
    expect(sent()).toEqual([
      { type: "share_folder", pick: "pick-~/Pictures/2026", name: "2026", invite: [], take_over: true },
    ]);
  });

  it("ask for a typed path where no picker is, and say what is wrong with it", async () => {
    const { mock, user } = await openPage("full", "folders");
    mock.can = { pickPlaces: false, showInFiles: false };
    await user.click(screen.getByRole("button", { name: "Share a folder" }));
    await user.type(screen.getByLabelText("Path of the folder on this computer"), "nonsense");
    await user.click(screen.getByRole("button", { name: "Use this folder" }));
    expect(await screen.findByText(/Shoal may not write in/)).toBeVisible();
  });

  it("copy files dropped on a row", async () => {
    const { mock, sent } = await openPage("full", "folders");
    pointAt('[data-folder="folder-work"]');
    mock.drag({ type: "drop", drop: "d1", names: ["a"], count: 3, bytes: 9, has_folder: false, x: 1, y: 1 });
    expect(sent()).toEqual([
      { type: "add_to_folder", source: { type: "drop", drop: "d1" }, folder: "folder-work", dir: "" },
    ]);
  });

  it("offer to share a folder dropped beside the rows", async () => {
    const { mock } = await openPage("full", "folders");
    pointAt("[data-folders]");
    mock.drag({ type: "drop", drop: "d1", names: ["a"], count: 1, bytes: 9, has_folder: true, x: 1, y: 1 });
    expect(await screen.findByRole("dialog", { name: "Share a folder" })).toBeInTheDocument();
  });
});

describe("one folder", () => {
  it("lists each device, problems, conflicts and files", async () => {
    await openPage("full", "folders/folder-work");
    expect(screen.getByText("away since 14:02")).toBeVisible();
    expect(screen.getByText(/aux\.txt cannot exist|cannot exist on/)).toBeVisible();
    expect(screen.getByText(/budget \(Ben’s laptop, 2026-11-23/)).toBeVisible();
    expect(await screen.findByRole("button", { name: "reports" })).toBeVisible();
  });

  it("stops sharing only after a question, and keeps the files", async () => {
    const { user, sent } = await openPage("full", "folders/folder-photos");
    await user.click(screen.getByRole("button", { name: "More" }));
    await user.click(screen.getByRole("menuitem", { name: "Stop sharing…" }));
    const question = within(await screen.findByRole("alertdialog"));
    expect(question.getByText(/All files stay where they are/)).toBeVisible();
    expect(sent()).toEqual([]);
    await user.click(question.getByRole("button", { name: "Stop sharing" }));
    expect(sent()).toEqual([{ type: "stop_sharing", folder: "folder-photos" }]);
    await waitFor(() => expect(screen.queryByRole("alertdialog")).toBeNull());
  });

  it("lets only the owner change who is in", async () => {
    const { mock, user, sent } = await openPage("full", "folders/folder-photos");
    await user.selectOptions(screen.getByRole("combobox", { name: "Role of Ben’s laptop" }), "May read");
    expect(sent()).toEqual([{ type: "set_role", folder: "folder-photos", device: BEN.id, role: "viewer" }]);
    mock.show({ folders: mock.view.folders.map((folder) => ({ ...folder, role: "editor" as const })) });
    await waitFor(() => expect(screen.queryByRole("combobox")).toBeNull());
    expect(screen.queryByRole("button", { name: "Invite…" })).toBeNull();
  });
});
