// Opens the whole page on a story, for component tests.
import { render } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { tick } from "svelte";
import App from "../src/App.svelte";
import { Mock } from "../src/ipc/mock";
import { story, type Story } from "../src/ipc/mock_story";
import type { Command } from "../src/ipc/types";

export async function openPage(name: Story = "full", view = "nearby") {
  location.hash = `#/${view}`;
  const mock = new Mock(story(name));
  const user = userEvent.setup();
  const page = render(App, { props: { backend: mock } });
  await tick();
  /** Everything sent but the routine. */
  const sent = (): Command[] => mock.sent.filter(({ type }) => type !== "set_nearby_open");
  return { mock, user, page, sent };
}

/** Makes a point lie on the first element a selector finds. */
export function pointAt(selector: string): void {
  document.elementFromPoint = () => document.querySelector(selector);
}
