import { screen, waitFor } from "@testing-library/svelte";
import { describe, expect, it } from "vitest";
import { openPage } from "./open";

describe("the first run", () => {
  it("announces nothing before its button, and needs a name", async () => {
    const { user, sent } = await openPage("welcome");
    const name = screen.getByLabelText("What should others call this computer?");
    await user.clear(name);
    await user.click(screen.getByRole("button", { name: "Start Shoal" }));
    expect(screen.getByText("Give this computer a name.")).toBeVisible();
    expect(sent()).toEqual([]);
    await user.type(name, "Dana");
    await user.click(screen.getByRole("button", { name: "Start Shoal" }));
    expect(sent()).toEqual([{ type: "set_up", name: "Dana", downloads: null }]);
    expect(await screen.findByRole("heading", { level: 1, name: "Nearby" })).toBeVisible();
  });
});

describe("the frame", () => {
  it("reads its counts out as words", async () => {
    await openPage();
    expect(screen.getByRole("link", { name: "Needs you, 4 waiting for you" })).toBeVisible();
    expect(screen.getByRole("link", { name: "Transfers, 2 active" })).toBeVisible();
  });

  it("has one h1 in every view, also with hostile names", async () => {
    for (const view of ["nearby", "inbox", "folders", "folders/folder-work", "transfers"]) {
      const { page } = await openPage("hostile", view);
      expect(screen.getAllByRole("heading", { level: 1 })).toHaveLength(1);
      expect(document.querySelector("img, script, iframe")).toBeNull();
      expect(document.body.textContent).not.toMatch(/(?!\n)[\p{Cc}\u202e\u2066-\u2069]/u);
      page.unmount();
    }
  });

  it("says when the engine is gone", async () => {
    const { mock } = await openPage();
    mock.link("lost");
    expect(await screen.findByText("Shoal does not answer. Trying again…")).toBeVisible();
  });

  it("takes the theme at once", async () => {
    const { user } = await openPage();
    await user.click(screen.getByRole("button", { name: "Settings" }));
    await user.click(screen.getByRole("radio", { name: "Dark" }));
    await waitFor(() => expect(document.documentElement.dataset["theme"]).toBe("dark"));
  });

  it("announces a new request once", async () => {
    const { mock } = await openPage();
    const inbox = mock.view.inbox;
    mock.show({ inbox: [] });
    mock.show({ inbox: inbox.slice(0, 1) });
    const alert = document.querySelector('.visually-hidden[role="alert"]');
    await waitFor(() => expect(alert).toHaveTextContent("1 new request"));
  });
});
