// A backend without an engine: it tells a story and follows commands, for tests and pictures.
import { Refused, trouble, type Backend, type Chosen, type Link, type Upload } from "./backend";
import { LONG_OFFER, story } from "./mock_story";
import type {
  Answer,
  Command,
  Device,
  DropEvent,
  FileEntry,
  Folder,
  Inspection,
  Pairing,
  Question,
  Transfer,
  View,
} from "./types";

/** The code the mock's other computers show and expect. */
export const CODE = "402918";

const PAGE = 50;

export class Mock implements Backend {
  can = { pickPlaces: true, showInFiles: true };
  view: View;
  /** Everything that was sent, in order. */
  readonly sent: Command[] = [];
  /** What the next picker gives. */
  chosen: Chosen | null = {
    source: { type: "pick", pick: "pick-1" },
    names: ["holiday.jpg", "plan.pdf", "notes.txt"],
    count: 3,
    bytes: 214_000_000,
  };
  /** The next command or question is refused with this. */
  refusal: ReturnType<typeof trouble> | null = null;
  #onView: (view: View) => void = () => undefined;
  #onLink: (link: Link) => void = () => undefined;
  #onDrop: (event: DropEvent) => void = () => undefined;
  #onUpload: (uploads: Upload[]) => void = () => undefined;
  #count = 0;

  constructor(view: View) {
    this.view = view;
  }

  send(command: Command): Promise<Answer> {
    this.sent.push(command);
    if (this.refusal && command.type !== "set_nearby_open") return this.#refuse();
    return Promise.resolve(this.#perform(command));
  }

  ask(question: Question): Promise<Answer> {
    if (this.refusal) return this.#refuse();
    return Promise.resolve(this.#look(question));
  }

  watch(onView: (view: View) => void, onLink: (link: Link) => void): () => void {
    this.#onView = onView;
    this.#onLink = onLink;
    onLink("up");
    onView(this.view);
    return () => undefined;
  }

  onDrop(receive: (event: DropEvent) => void): () => void {
    this.#onDrop = receive;
    return () => undefined;
  }

  onUpload(receive: (uploads: Upload[]) => void): () => void {
    this.#onUpload = receive;
    return () => undefined;
  }

  chooseToSend(): Promise<Chosen | null> {
    return Promise.resolve(this.chosen);
  }

  /** Publishes a changed view. */
  show(change: Partial<View>): void {
    this.view = { ...this.view, ...change };
    this.#onView(this.view);
  }

  link(link: Link): void {
    this.#onLink(link);
  }

  drag(event: DropEvent): void {
    this.#onDrop(event);
  }

  upload(uploads: Upload[]): void {
    this.#onUpload(uploads);
  }

  setPairing(device: string, change: Partial<Pairing>): void {
    const name = this.#device(device)?.name ?? "Unknown";
    const before = this.view.pairing.find((pairing) => pairing.device === device) ?? {
      device,
      name,
      side: "typing" as const,
      code: null,
      stage: { type: "asking" as const },
      tries_left: 3,
      locked_until: null,
      words: [],
    };
    const others = this.view.pairing.filter((pairing) => pairing.device !== device);
    this.show({ pairing: [...others, { ...before, ...change }] });
  }

  #refuse(): Promise<never> {
    const refusal = this.refusal ?? trouble("APP-03");
    this.refusal = null;
    return Promise.reject(new Refused(refusal));
  }

  #device(id: string): Device | undefined {
    return this.view.devices.find((device) => device.id === id);
  }

  #setDevice(id: string, change: Partial<Device>): void {
    this.show({
      devices: this.view.devices.map((device) => (device.id === id ? { ...device, ...change } : device)),
    });
  }

  #setFolder(id: string, change: Partial<Folder>): void {
    this.show({
      folders: this.view.folders.map((folder) => (folder.id === id ? { ...folder, ...change } : folder)),
    });
  }

  #setTransfer(id: string, change: Partial<Transfer>): void {
    this.show({ transfers: this.view.transfers.map((row) => (row.id === id ? { ...row, ...change } : row)) });
  }

  #answered(match: (id: string) => boolean): void {
    this.show({
      inbox: this.view.inbox.filter(
        (request) => !match(request.type === "invitation" ? request.folder : request.id),
      ),
    });
  }

  // One line per command the story follows; every other one is only remembered.
  #perform(command: Command): Answer {
    const done: Answer = { type: "done" };
    switch (command.type) {
      case "set_up":
        this.show({ me: { ...this.view.me, name: command.name, first_run: false } });
        return done;
      case "set_name":
        this.show({ me: { ...this.view.me, name: command.name } });
        return done;
      case "set_theme":
        this.show({ me: { ...this.view.me, theme: command.theme } });
        return done;
      case "pair":
        this.setPairing(command.device, { side: "typing", stage: { type: "enter_code" }, tries_left: 3 });
        return done;
      case "enter_code":
        this.#enterCode(command.device, command.code);
        return done;
      case "confirm_pair":
        this.#confirmPair(command.device, command.yes);
        return done;
      case "cancel_pair":
        this.show({ pairing: this.view.pairing.filter(({ device }) => device !== command.device) });
        return done;
      case "make_pair_link":
        return {
          type: "pair_link",
          link: `shoal://pair?key=${this.view.me.id}&token=k3v9q2`,
          expires_at: this.view.now + 300_000,
        };
      case "forget":
        this.#setDevice(command.device, { trust: "not_paired", verified_at: null });
        return done;
      case "block":
        this.show({ devices: this.view.devices.filter(({ id }) => id !== command.device) });
        return done;
      case "unblock":
        this.show({ blocked: this.view.blocked.filter(({ id }) => id !== command.device) });
        return done;
      case "rename":
        this.#setDevice(command.device, { name: command.name });
        return done;
      case "accept":
      case "decline":
        this.#answered((id) => id === command.offer);
        return done;
      case "accept_invitation":
      case "decline_invitation":
        this.#answered((id) => id === command.folder);
        return done;
      case "share_folder":
        return { type: "shared", folder: this.#share(command.name) };
      case "stop_sharing":
        this.show({ folders: this.view.folders.filter(({ id }) => id !== command.folder) });
        return done;
      case "pause":
        this.#setFolder(command.folder, { state: { type: "paused" } });
        return done;
      case "resume":
        this.#setFolder(command.folder, { state: { type: "up_to_date" } });
        return done;
      case "answer_hold":
        this.#setFolder(command.folder, { hold: null, state: { type: "up_to_date" } });
        return done;
      case "send":
        return { type: "sent", transfers: [this.#startTransfer(command.devices)] };
      case "withdraw":
        this.#setTransfer(command.transfer, { state: { type: "withdrawn" }, speed: 0 });
        return done;
      case "pause_transfer":
        this.#setTransfer(command.transfer, { state: { type: "paused" }, speed: 0 });
        return done;
      case "resume_transfer":
      case "retry":
        this.#setTransfer(command.transfer, { state: { type: "receiving" }, failed: 0 });
        return done;
      case "clear_transfer":
        this.show({ transfers: this.view.transfers.filter(({ id }) => id !== command.transfer) });
        return done;
      case "clear_finished":
        this.show({ transfers: this.view.transfers.filter(({ state }) => state.type !== "done") });
        return done;
      case "dismiss_notice":
        this.show({ notices: this.view.notices.filter(({ id }) => id !== command.notice) });
        return done;
      default:
        return done;
    }
  }

  #enterCode(device: string, code: string): void {
    const tries_left = (this.view.pairing.find((pairing) => pairing.device === device)?.tries_left ?? 3) - 1;
    if (code === CODE)
      this.setPairing(device, { stage: { type: "matched" }, words: ["anchor", "pear", "bell"] });
    else if (tries_left > 0) this.setPairing(device, { stage: { type: "enter_code" }, tries_left });
    else {
      const name = this.#device(device)?.name ?? "";
      const params = { person: name, until: this.view.now + 600_000 };
      this.setPairing(device, {
        stage: { type: "failed", trouble: trouble("PAIR-05", params) },
        tries_left: 0,
        locked_until: params.until,
      });
    }
  }

  #confirmPair(device: string, yes: boolean): void {
    if (!yes) return this.setPairing(device, { stage: { type: "failed", trouble: trouble("PAIR-06") } });
    this.#setDevice(device, { trust: "verified", verified_at: this.view.now });
    this.setPairing(device, { stage: { type: "done" } });
  }

  #share(name: string): string {
    const id = `folder-new-${++this.#count}`;
    const folder: Folder = {
      id,
      name,
      place: `~/${name}`,
      role: "owner",
      state: { type: "scanning", done: 120, total: null, speed: 60, eta_s: null },
      reading: null,
      copying: null,
      files: 120,
      bytes: 4_000_000,
      members: [],
      problems: [],
      problem_count: 0,
      conflicts: [],
      conflict_count: 0,
      kept: { versions: 0, bytes: 0, keep: { days: null, forever: false, bytes: null } },
      merges: true,
      hold: null,
    };
    this.show({ folders: [folder, ...this.view.folders] });
    return id;
  }

  #startTransfer(devices: string[]): string {
    const id = `transfer-new-${++this.#count}`;
    const row: Transfer = {
      id,
      direction: "up",
      title: this.chosen?.names[0] ?? "file",
      files_total: 3,
      files_done: 0,
      bytes_done: 0,
      bytes_total: 214_000_000,
      devices: devices.map((device) => ({ id: device, name: this.#device(device)?.name ?? "" })),
      speed: 0,
      eta_s: null,
      state: { type: "asking", since: this.view.now },
      reading: null,
      failed: 0,
      place: null,
      started_at: this.view.now,
    };
    this.show({ transfers: [row, ...this.view.transfers] });
    return id;
  }

  #look(question: Question): Answer {
    switch (question.type) {
      case "files_in":
        return { type: "files", ...filesIn(question.dir, this.view.now) };
      case "offer_items": {
        const items = LONG_OFFER.items.slice(question.page * PAGE, (question.page + 1) * PAGE);
        return {
          type: "offer_items",
          items,
          page: question.page,
          pages: Math.ceil(LONG_OFFER.items.length / PAGE),
        };
      }
      case "pick_folder":
      case "pick_drop":
        return picked("~/Pictures/2026");
      case "pick_files":
        return picked("~/plan.pdf");
      case "pick_typed":
        if (!question.path.startsWith("/")) throw new Refused(trouble("FOLD-10", { path: question.path }));
        return picked(question.path);
      case "inspect_pick":
        return { type: "inspected", ...INSPECTION };
      default: // What only the command line asks so far.
        throw new Refused(trouble("APP-06"));
    }
  }
}

const INSPECTION: Inspection = {
  files: 1_204,
  bytes: 3_400_000_000,
  complete: true,
  free: 81_000_000_000,
  clashes: [],
  dry_run: { already_have: 0, differ: 0, new: 163 },
  trouble: null,
};

function picked(place: string): Answer {
  const name = place.split("/").at(-1) ?? place;
  return { type: "picked", picked: { pick: `pick-${place}`, place, names: [name], count: 1 } };
}

function filesIn(dir: string, now: number) {
  const entry = (name: string, size: number, hours: number, rest: Partial<FileEntry> = {}): FileEntry => ({
    name,
    is_folder: false,
    size,
    modified: now - hours * 3_600_000,
    state: "here",
    ...rest,
  });
  const top = [
    entry("archive", 1_200_000_000, 30, { is_folder: true }),
    entry("notes", 84_000, 20, { is_folder: true }),
    entry("reports", 18_000_000, 5, { is_folder: true }),
    entry("budget.ods", 18_200, 4, { state: "conflict" }),
    entry("offer-final.pdf", 1_200_000, 49),
    entry("presentation-of-the-annual-results-for-the-board-meeting-in-november-v7-final.odp", 6_100_000, 2, {
      state: "coming",
    }),
    entry("team.jpg", 3_400_000, 100),
  ];
  const entries = dir === "" ? top : top.slice(3);
  return { entries, page: 0, pages: 1, total: entries.length };
}

/** The mock for the page, told by the address: `?story=empty&theme=dark`. */
export function mockFromAddress(): Mock {
  const asked = new URLSearchParams(location.search);
  const mock = new Mock(story(asked.get("story")));
  const theme = asked.get("theme");
  if (theme === "light" || theme === "dark") mock.view.me.theme = theme;
  if (asked.get("browser") !== null) mock.can = { pickPlaces: false, showInFiles: false };
  // For pictures and browser tests, which change the story from outside.
  Object.assign(window, { mock });
  return mock;
}
