// What the page holds: the newest view, what is open, and the ways to act. Components draw from it.
import { getContext, setContext } from "svelte";
import { ask, troubleOf, type Backend, type Chosen, type Link, type Upload } from "../ipc/backend";
import type { Answer, Command, Device, ErrorCode, Picked, Request, Theme, Trouble, View } from "../ipc/types";
import { en } from "../text/en";
import { sentence } from "../text/errors";
import { plain } from "./names";
import { Router } from "./router.svelte";

/** How long a send can be taken back before it starts. */
export const UNDO_MS = 3000;

/** How long a message of no lasting weight stays. */
const TOAST_MS = 8000;

/** A person on the other side said no, or closed the dialog. */
const LEFT: ReadonlySet<ErrorCode> = new Set<ErrorCode>(["PAIR-06", "PAIR-10"]);

/** The one sheet that is open. */
export type Sheet =
  | { kind: "offer"; id: string }
  | { kind: "invitation"; folder: string }
  | { kind: "pair"; device: string }
  | { kind: "share"; picked: Picked | null; device: string | null }
  | { kind: "invite"; folder: string }
  | { kind: "add" }
  | { kind: "device"; id: string }
  | { kind: "settings" }
  | { kind: "help" };

/** A question over the sheet. */
export type Confirm = {
  title: string;
  text: string;
  yes: string;
  isDanger: boolean;
  command: Command;
  closes: boolean;
};

/** Files for a device that is not paired. */
export type StrangerDrop = { device: string; chosen: Chosen };

/** A send in its undo time. */
export type Pending = { key: number; chosen: Chosen; device: string; name: string };

export type Toast = { key: number; text: string; isTrouble: boolean };

export class App {
  readonly backend: Backend;
  readonly router = new Router();
  view = $state.raw<View | null>(null);
  link = $state.raw<Link>("connecting");
  now = $state.raw(Date.now());
  sheet = $state.raw<Sheet | null>(null);
  confirm = $state.raw<Confirm | null>(null);
  stranger = $state.raw<StrangerDrop | null>(null);
  pending = $state.raw<Pending[]>([]);
  toasts = $state.raw<Toast[]>([]);
  uploads = $state.raw<Upload[]>([]);
  /** True while a request is being answered: that it leaves the inbox is then no news. */
  isAnswering = $state.raw(false);
  polite = $state.raw("");
  urgent = $state.raw("");
  rates = $state.raw<{ down: number; up: number }[]>([]);

  #viewAt = 0;
  #keys = 0;
  readonly #timers = new Map<number, number>();
  readonly #seenPairings = new Set<string>();
  readonly #leftPairings = new Set<string>();
  #seenRequests: Set<string> | null = null;

  constructor(backend: Backend) {
    this.backend = backend;
  }

  /** Follows the engine until the returned function is called. */
  start(): () => void {
    const ends = [
      this.backend.watch(
        (view) => this.#take(view),
        (link) => (this.link = link),
      ),
      this.backend.onUpload((uploads) => (this.uploads = uploads)),
    ];
    const clock = setInterval(() => this.#tick(), 1000);
    return () => {
      clearInterval(clock);
      for (const timer of this.#timers.values()) clearTimeout(timer);
      for (const end of ends) end();
    };
  }

  device(id: string): Device | undefined {
    return this.view?.devices.find((device) => device.id === id);
  }

  /** Acts; a refusal is shown and answered with null. */
  async act(command: Command): Promise<Answer | null> {
    const result = await this.attempt(command);
    if ("answer" in result) return result.answer;
    this.complain(result.trouble);
    return null;
  }

  /** Acts, for forms that show a refusal beside the field. */
  async attempt(command: Command): Promise<{ answer: Answer } | { trouble: Trouble }> {
    try {
      return { answer: await this.backend.send(command) };
    } catch (thrown) {
      return { trouble: troubleOf(thrown) };
    }
  }

  /** Answers the request of the open sheet, and closes the sheet when that worked. */
  async answer(command: Command): Promise<boolean> {
    this.isAnswering = true;
    const answer = await this.act(command);
    if (answer) this.sheet = null;
    this.isAnswering = false;
    return answer !== null;
  }

  /** Asks; a refusal is shown and answered with null. */
  async look<Out>(question: Promise<Out>): Promise<Out | null> {
    try {
      return await question;
    } catch (thrown) {
      this.complain(troubleOf(thrown));
      return null;
    }
  }

  complain(trouble: Trouble): void {
    this.toast(sentence(trouble), true);
  }

  toast(text: string, isTrouble = false): void {
    const key = ++this.#keys;
    this.toasts = [...this.toasts.slice(-2), { key, text, isTrouble }];
    this.announce(text, isTrouble);
    if (!isTrouble) this.#later(key, TOAST_MS, () => this.dropToast(key));
  }

  dropToast(key: number): void {
    this.toasts = this.toasts.filter((toast) => toast.key !== key);
  }

  /** Says something to screen readers. */
  announce(text: string, isUrgent = false): void {
    if (isUrgent) this.urgent = plain(text);
    else this.polite = plain(text);
  }

  /** Opens what is needed before files can go to a device, or sends them after the undo time. */
  sendTo(device: Device, chosen: Chosen): void {
    if (device.trust === "verified") this.#sendSoon(device, chosen);
    else if (device.trust === "not_paired") this.stranger = { device: device.id, chosen };
    else this.startPairing(device.id);
  }

  async chooseAndSend(device: Device, what: "files" | "folder"): Promise<void> {
    const chosen = await this.look(this.backend.chooseToSend(what));
    if (chosen) this.sendTo(device, chosen);
  }

  async sendNow({ key, chosen, device }: Pending): Promise<void> {
    this.#stop(key);
    await this.act({ type: "send", source: chosen.source, devices: [device], note: null });
    this.#endPending(key);
  }

  undo({ key, chosen }: Pending): void {
    this.#stop(key);
    this.#endPending(key);
    if (chosen.source.type === "drop")
      void this.backend.send({ type: "forget_drop", drop: chosen.source.drop });
  }

  startPairing(device: string): void {
    this.#seenPairings.add(device);
    this.sheet = { kind: "pair", device };
    const running = this.view?.pairing.find((pairing) => pairing.device === device);
    if (!running || running.stage.type === "failed" || running.stage.type === "done") {
      void this.act({ type: "pair", device });
    }
  }

  async shareFolder(device: string | null = null): Promise<void> {
    if (!this.backend.can.pickPlaces) {
      this.sheet = { kind: "share", picked: null, device };
      return;
    }
    const picked = await this.look(ask.pickFolder(this.backend));
    if (picked) this.sheet = { kind: "share", picked, device };
  }

  async setTheme(theme: Theme): Promise<void> {
    await this.act({ type: "set_theme", theme });
  }

  #sendSoon(device: Device, chosen: Chosen): void {
    const key = ++this.#keys;
    const pending = { key, chosen, device: device.id, name: device.name };
    this.pending = [...this.pending, pending];
    this.#later(key, UNDO_MS, () => void this.sendNow(pending));
  }

  #endPending(key: number): void {
    this.pending = this.pending.filter((pending) => pending.key !== key);
  }

  #later(key: number, delay: number, what: () => void): void {
    this.#timers.set(key, window.setTimeout(what, delay));
  }

  #stop(key: number): void {
    clearTimeout(this.#timers.get(key));
    this.#timers.delete(key);
  }

  #take(view: View): void {
    this.view = view;
    this.#viewAt = performance.now();
    this.now = view.now;
    applyTheme(view.me.theme);
    this.#openNewPairing(view);
    this.#closeLeftPairings(view);
    this.#announceRequests(view);
  }

  #tick(): void {
    if (!this.view) return;
    this.now = this.view.now + Math.round(performance.now() - this.#viewAt);
    this.rates = [...this.rates.slice(-59), this.view.rates];
  }

  // A pairing someone else began is shown at once unless the person is busy; it also waits in the inbox.
  #openNewPairing(view: View): void {
    for (const { device, side } of view.pairing) {
      if (this.#seenPairings.has(device)) continue;
      this.#seenPairings.add(device);
      if (side === "showing" && !this.sheet && !this.confirm) this.sheet = { kind: "pair", device };
      else if (side === "typing" && this.sheet?.kind === "add") this.sheet = { kind: "pair", device };
    }
    const running = new Set(view.pairing.map(({ device }) => device));
    for (const device of this.#seenPairings) if (!running.has(device)) this.#seenPairings.delete(device);
  }

  // A pairing the other side left is over here too: its dialog closes, and a message says why.
  #closeLeftPairings(view: View): void {
    const left = view.pairing.filter(({ stage }) => stage.type === "failed" && LEFT.has(stage.trouble.code));
    for (const { device, stage } of left) {
      if (stage.type !== "failed" || this.#leftPairings.has(device)) continue;
      this.#leftPairings.add(device);
      if (this.sheet?.kind === "pair" && this.sheet.device === device) this.sheet = null;
      this.toast(sentence(stage.trouble));
      void this.attempt({ type: "cancel_pair", device });
    }
    const still = new Set(left.map(({ device }) => device));
    for (const device of this.#leftPairings) if (!still.has(device)) this.#leftPairings.delete(device);
  }

  #announceRequests(view: View): void {
    const ids = new Set(view.inbox.map(requestKey));
    const isNew = this.#seenRequests && [...ids].some((id) => !this.#seenRequests?.has(id));
    this.#seenRequests = ids;
    if (isNew) this.announce(en.inbox.arrived(ids.size), true);
  }
}

/** A key for a request that holds as long as the request does. */
export function requestKey(request: Request): string {
  return request.type === "invitation" ? `invitation:${request.folder}` : `${request.type}:${request.id}`;
}

function applyTheme(theme: Theme): void {
  if (theme === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme;
}

const KEY = Symbol("app");

export function provideApp(app: App): App {
  return setContext(KEY, app);
}

export function useApp(): App {
  return getContext<App>(KEY);
}
