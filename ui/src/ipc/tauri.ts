// The window: calls into Rust, channels back. The only file that names Tauri.
import { Channel, invoke } from "@tauri-apps/api/core";
import { isTrouble, Refused, trouble, type Backend } from "./backend";
import type { Answer, DropEvent, View } from "./types";

async function call<Out>(name: string, args: Record<string, unknown>): Promise<Out> {
  try {
    return await invoke<Out>(name, args);
  } catch (thrown) {
    throw new Refused(isTrouble(thrown) ? thrown : trouble("APP-03"));
  }
}

/** Opens a channel that can be closed from here: a late message after closing is dropped. */
function listen<Message>(name: string, receive: (message: Message) => void): () => void {
  const channel = new Channel<Message>();
  let isOpen = true;
  channel.onmessage = (message) => {
    if (isOpen) receive(message);
  };
  void call(name, { channel });
  return () => {
    isOpen = false;
  };
}

/** Tells the shell that something was drawn: two frames after the start, the first one is on the screen. */
function reportPaint(): void {
  const report = () => void call("painted", {}).catch(() => undefined);
  requestAnimationFrame(() => requestAnimationFrame(report));
}

/** Quit by key: there is no menu bar, and not every desktop has a tray. */
function watchQuitKey(quit: () => void): void {
  window.addEventListener("keydown", (event) => {
    const isQuit = (event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey && event.key === "q";
    if (!isQuit) return;
    event.preventDefault();
    quit();
  });
}

export function tauriBackend(): Backend {
  const ask: Backend["ask"] = (question) => call<Answer>("ask", { question });
  const send: Backend["send"] = (command) => call<Answer>("send", { command });
  reportPaint();
  watchQuitKey(() => void send({ type: "quit" }).catch(() => undefined));
  return {
    can: { pickPlaces: true, showInFiles: true },
    send,
    ask,
    watch(onView, onLink) {
      onLink("connecting");
      return listen<View>("watch", (view) => {
        onLink("up");
        onView(view);
      });
    },
    onDrop: (receive) => listen<DropEvent>("drops", receive),
    onUpload: () => () => undefined,
    async chooseToSend(what) {
      const answer = await ask({ type: what === "files" ? "pick_files" : "pick_folder" });
      if (answer.type !== "picked" || !answer.picked) return null;
      const { pick, names, count } = answer.picked;
      return { source: { type: "pick", pick }, names, count, bytes: null };
    },
  };
}
