// Where dragged files hover, and what dropping them there does.
import type { App } from "./app.svelte";
import { ask, type Chosen } from "../ipc/backend";
import type { DropEvent } from "../ipc/types";
import { en } from "../text/en";

export type Target =
  { kind: "device"; id: string } | { kind: "folder"; id: string; dir: string } | { kind: "folders" };

/** Files over the window right now. */
export type Hover = { count: number; bytes: number | null; target: Target | null };

/** The drop target under a point, by what the page marked. */
function targetAt(x: number, y: number): Target | null {
  const marked = document
    .elementFromPoint(x, y)
    ?.closest<HTMLElement>("[data-device], [data-folder], [data-folders]");
  const { device, folder, dir } = marked?.dataset ?? {};
  if (device !== undefined) return { kind: "device", id: device };
  if (folder !== undefined) return { kind: "folder", id: folder, dir: dir ?? "" };
  return marked ? { kind: "folders" } : null;
}

export class Drag {
  hover = $state.raw<Hover | null>(null);
  readonly #app: App;

  constructor(app: App) {
    this.#app = app;
  }

  /** Follows drags until the returned function is called. Escape cancels the mark, not the system's drag. */
  start(): () => void {
    return this.#app.backend.onDrop(
      (event) => this.#take(event),
      (trouble) => this.#app.complain(trouble),
    );
  }

  isOver(kind: Target["kind"], id?: string): boolean {
    const target = this.hover?.target;
    return target?.kind === kind && (id === undefined || ("id" in target && target.id === id));
  }

  #take(event: DropEvent): void {
    if (event.type === "leave") {
      this.hover = null;
    } else if (event.type === "over") {
      this.hover = { count: event.count, bytes: event.bytes, target: targetAt(event.x, event.y) };
    } else {
      this.hover = null;
      this.#drop(event);
    }
  }

  #drop(event: Extract<DropEvent, { type: "drop" }>): void {
    const target = targetAt(event.x, event.y);
    const source = { type: "drop", drop: event.drop } as const;
    const chosen: Chosen = { source, names: event.names, count: event.count, bytes: event.bytes };
    if (target?.kind === "device") {
      const device = this.#app.device(target.id);
      if (device) return this.#app.sendTo(device, chosen);
    }
    if (target?.kind === "folder") return void this.#copyIn(target.id, target.dir, chosen);
    if (target?.kind === "folders" && event.has_folder && event.count === 1)
      return void this.#share(event.drop);
    void this.#app.backend.send({ type: "forget_drop", drop: event.drop }).catch(() => undefined);
  }

  async #copyIn(folder: string, dir: string, { source, count, bytes }: Chosen): Promise<void> {
    const name = this.#app.view?.folders.find(({ id }) => id === folder)?.name ?? "";
    const answer = await this.#app.act({ type: "add_to_folder", source, folder, dir });
    if (answer) this.#app.toast(en.folders.copied(en.sized(count, bytes), name));
  }

  async #share(drop: string): Promise<void> {
    const picked = await this.#app.look(ask.pickDrop(this.#app.backend, drop));
    if (picked) this.#app.sheet = { kind: "share", picked, device: null };
  }
}
