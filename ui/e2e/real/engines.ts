// Starts `shoal serve`, each in its own home, for specs against real engines.
import { spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Answer, Command, View } from "../../src/ipc/types";

/** How long an engine may take to print its address. */
const START_MS_MAX = 15_000;

/** How long anything between two engines may take: a loaded machine is slow, a broken engine is slower. */
export const PATIENCE_MS = 30_000;

/** How often a condition outside a page is looked at. */
const POLL_MS = 100;

/** The program to test: `SHOAL=/path/to/shoal npm run e2e:real`. */
export const shoal = process.env["SHOAL"] ?? "";

/** One person's computer: a directory of their own, and the engine that runs there. */
export class Engine {
  readonly name: string;
  readonly dir: string;
  readonly #shared: string;
  #child: ChildProcess | null = null;
  url = "";

  constructor(name: string, base: string) {
    this.name = name;
    this.dir = join(base, name);
    this.#shared = base;
    mkdirSync(join(this.dir, "Downloads"), { recursive: true });
  }

  /** A path among this person's files. */
  path(...parts: string[]): string {
    return join(this.dir, ...parts);
  }

  get downloads(): string {
    return this.path("Downloads");
  }

  async start(): Promise<void> {
    const home = join(this.dir, "home");
    // Started again, it is where its page looks for it.
    const port = this.url === "" ? "0" : new URL(this.url).port;
    const child = spawn(
      shoal,
      ["--home", home, "serve", "--port", port, "--listen", "127.0.0.1:0", "--downloads", this.downloads],
      // The list of this computer's instances stands in the runtime directory: only these engines share it.
      {
        stdio: ["ignore", "pipe", "inherit"],
        env: { ...process.env, HOME: this.dir, XDG_RUNTIME_DIR: this.#shared },
      },
    );
    this.#child = child;
    this.url = await addressOf(child);
  }

  /** Ends it as a person would end a program, and waits until it has let go. */
  async stop(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    await new Promise<void>((done) => {
      child.once("exit", () => done());
      child.kill("SIGTERM");
    });
  }

  /** Does something without a page, to get to where a spec begins. */
  async act(command: Command): Promise<Answer> {
    return (await this.#call("/api/act", command)) as Answer;
  }

  async view(): Promise<View> {
    return (await this.#call("/api/view", null)) as View;
  }

  /** Waits until the view says so. */
  sees<Found>(what: string, look: (view: View) => Found | null | undefined | false): Promise<Found> {
    return until(`${this.name} sees ${what}`, async () => look(await this.view()));
  }

  async #call(path: string, body: unknown): Promise<unknown> {
    const { origin, hash } = new URL(this.url);
    const headers = {
      Authorization: `Bearer ${hash.replace("#token=", "")}`,
      "Content-Type": "application/json",
    };
    const call = body === null ? { headers } : { method: "POST", headers, body: JSON.stringify(body) };
    const response = await fetch(`${origin}${path}`, call);
    const answer: unknown = await response.json();
    if (!response.ok) throw new Error(`${this.name}: ${JSON.stringify(body)}: ${JSON.stringify(answer)}`);
    return answer;
  }
}

/** Waits for the printed `http://127.0.0.1:{port}/#token={token}`. */
function addressOf(child: ChildProcess): Promise<string> {
  return new Promise((done, failed) => {
    let text = "";
    const timer = setTimeout(() => failed(new Error("no address printed")), START_MS_MAX);
    child.once("exit", (code) => failed(new Error(`shoal serve ended with ${code}`)));
    child.stdout?.on("data", (bytes: Buffer) => {
      text += bytes.toString();
      const url = /http:\/\/127\.0\.0\.1:\d+\/#token=\S+/.exec(text)?.[0];
      if (!url) return;
      clearTimeout(timer);
      done(url);
    });
  });
}

/** Looks again and again until something is found. */
export async function until<Found>(
  what: string,
  look: () => Promise<Found | null | undefined | false>,
): Promise<Found> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const found = await look();
    if (found !== null && found !== undefined && found !== false) return found;
    if (Date.now() > deadline) throw new Error(`waited too long until ${what}`);
    await new Promise((done) => setTimeout(done, POLL_MS));
  }
}

/** Several engines that find each other on this computer, and nobody else. */
export class World {
  // Made with the first engine: every file of tests is also read by a process that runs none of them.
  #base: string | null = null;
  readonly #engines: Engine[] = [];

  async engine(name: string): Promise<Engine> {
    this.#base ??= mkdtempSync(join(tmpdir(), "shoal-e2e-"));
    const engine = new Engine(name, this.#base);
    this.#engines.push(engine);
    await engine.start();
    return engine;
  }

  /** An engine that has a name already. */
  async person(name: string): Promise<Engine> {
    const engine = await this.engine(name);
    await engine.act({ type: "set_up", name, downloads: null });
    return engine;
  }

  async end(): Promise<void> {
    await Promise.all(this.#engines.map((engine) => engine.stop()));
    if (this.#base !== null) await rm(this.#base, { recursive: true, force: true });
  }
}

/** Writes a file, and the directories above it. */
export function write(path: string, bytes: Buffer | string): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
  return path;
}

/** Lets two people know each other, as the pair dialog does. */
export async function pair(ann: Engine, ben: Engine): Promise<void> {
  const [me, other] = await Promise.all([ann, ben].map(async (one) => (await one.view()).me.id));
  if (me === undefined || other === undefined) throw new Error("two ids");
  await ann.sees("the other", (view) => view.devices.some(({ id }) => id === other));
  await ann.act({ type: "pair", device: other });
  const code = await ben.sees("a code", (view) => view.pairing.find(({ device }) => device === me)?.code);
  await ann.sees("where to type it", (view) => view.pairing.some(({ stage }) => stage.type === "enter_code"));
  await ann.act({ type: "enter_code", device: other, code });
  await ben.sees("a match", (view) => view.pairing.some(({ stage }) => stage.type === "waiting_confirm"));
  await ben.act({ type: "confirm_pair", device: me, yes: true });
  for (const [one, device] of [
    [ann, other],
    [ben, me],
  ] as const) {
    await one.sees("a verified device", ({ devices }) =>
      devices.some(({ id, trust }) => id === device && trust === "verified"),
    );
    await one.act({ type: "cancel_pair", device });
  }
}
