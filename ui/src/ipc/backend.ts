// The one door to the engine. Three things stand behind it: the window, a browser, and the mock.
import type {
  Answer,
  Command,
  DropEvent,
  DropId,
  ErrorCode,
  OfferItem,
  PickId,
  Picked,
  Purpose,
  Question,
  Source,
  Trouble,
  View,
} from "./types";

/** Whether views arrive. */
export type Link = "connecting" | "up" | "lost" | "signed_out";

/** Files on their way from a browser to the engine. */
export type Upload = { drop: DropId; done: number; total: number; speed: number };

/** Files chosen for sending. */
export type Chosen = { source: Source; names: string[]; count: number; bytes: number | null };

export interface Backend {
  /** What the surroundings can do. */
  readonly can: { pickPlaces: boolean; showInFiles: boolean };
  send(command: Command): Promise<Answer>;
  ask(question: Question): Promise<Answer>;
  watch(onView: (view: View) => void, onLink: (link: Link) => void): () => void;
  /** Follows drags; `refuse` is told of a drop that could not be read. */
  onDrop(receive: (event: DropEvent) => void, refuse: (trouble: Trouble) => void): () => void;
  onUpload(receive: (uploads: Upload[]) => void): () => void;
  /** Lets the person choose what to send; null when they closed the picker. */
  chooseToSend(what: "files" | "folder"): Promise<Chosen | null>;
}

/** A refusal, with the code its sentence hangs on. */
export class Refused extends Error {
  readonly trouble: Trouble;

  constructor(trouble: Trouble) {
    super(trouble.code);
    this.trouble = trouble;
  }
}

/** A trouble the page makes itself. */
export function trouble(code: ErrorCode, params: Trouble["params"] = {}): Trouble {
  return { code, params };
}

/** Reads whatever was thrown as a trouble. */
export function troubleOf(thrown: unknown): Trouble {
  if (thrown instanceof Refused) return thrown.trouble;
  return trouble("WEB-02");
}

/** Checks that something from outside is a trouble. */
export function isTrouble(value: unknown): value is Trouble {
  return (
    typeof value === "object" &&
    value !== null &&
    "code" in value &&
    typeof value.code === "string" &&
    "params" in value
  );
}

/** An answer of the kind asked for; any other is a fault of the engine's side. */
function expect<Kind extends Answer["type"]>(answer: Answer, kind: Kind): Extract<Answer, { type: Kind }> {
  if (answer.type !== kind) throw new Refused(trouble("APP-03"));
  return answer as Extract<Answer, { type: Kind }>;
}

export const ask = {
  async offerItems(
    backend: Backend,
    offer: string,
    page: number,
  ): Promise<{ items: OfferItem[]; pages: number }> {
    return expect(await backend.ask({ type: "offer_items", offer, page }), "offer_items");
  },
  async filesIn(backend: Backend, folder: string, dir: string, page: number) {
    return expect(await backend.ask({ type: "files_in", folder, dir, page }), "files");
  },
  async pickFolder(backend: Backend): Promise<Picked | null> {
    return expect(await backend.ask({ type: "pick_folder" }), "picked").picked;
  },
  async pickTyped(backend: Backend, path: string): Promise<Picked | null> {
    return expect(await backend.ask({ type: "pick_typed", path }), "picked").picked;
  },
  async pickDrop(backend: Backend, drop: DropId): Promise<Picked | null> {
    return expect(await backend.ask({ type: "pick_drop", drop }), "picked").picked;
  },
  async inspect(backend: Backend, pick: PickId, purpose: Purpose) {
    return expect(await backend.ask({ type: "inspect_pick", pick, purpose }), "inspected");
  },
};
