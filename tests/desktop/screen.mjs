// A screen of our own: Xvfb with a window manager, and hands that click, type and drag on it.
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { promisify } from "node:util";

const run = promisify(execFile);

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/** Asks until there is an answer that is not empty, or says what did not happen. */
export async function until(what, look, ms = 20_000) {
  const end = Date.now() + ms;
  let last;
  while (Date.now() < end) {
    try {
      const found = await look();
      if (found) return found;
    } catch (error) {
      last = error;
    }
    await sleep(100);
  }
  throw new Error(`never happened: ${what}${last ? ` (${last.message})` : ""}`);
}

/** Ends a program we started, gently first. */
export async function end(child, ms = 5000) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGTERM");
  const late = setTimeout(() => child.kill("SIGKILL"), ms);
  await gone;
  clearTimeout(late);
}

export class Screen {
  static async open(width, height) {
    const args = ["-displayfd", "1", "-screen", "0", `${width}x${height}x24`, "-nolisten", "tcp"];
    const server = spawn("Xvfb", args, { stdio: ["ignore", "pipe", "ignore"] });
    const [bytes] = await once(server.stdout, "data");
    const display = `:${bytes.toString().trim()}`;
    const env = { ...process.env, DISPLAY: display };
    delete env.WAYLAND_DISPLAY;
    const manager = spawn("openbox", [], { env, stdio: "ignore" });
    return new Screen(display, env, [manager, server]);
  }

  constructor(display, env, children) {
    this.display = display;
    this.env = env;
    this.children = children;
  }

  async close() {
    for (const child of this.children) await end(child, 1000);
  }

  async do(...args) {
    const { stdout } = await run("xdotool", args.map(String), { env: this.env });
    return stdout.trim();
  }

  /** Ids of the windows on the screen whose title fits. */
  async windows(title) {
    const found = await this.do("search", "--onlyvisible", "--name", title).catch(() => "");
    return found.split("\n").filter(Boolean);
  }

  window(title, ms) {
    return until(`a window ${title}`, async () => (await this.windows(title)).at(-1), ms);
  }

  /** Puts a window somewhere. */
  async place(id, x, y, width, height) {
    await this.do("windowsize", id, width, height);
    await this.do("windowmove", id, x, y);
    await sleep(300);
  }

  /** Where the inside of a window begins. */
  async corner(id) {
    const { stdout } = await run("xwininfo", ["-id", id], { env: this.env });
    const read = (name) => Number(new RegExp(`Absolute upper-left ${name}:\\s+(-?\\d+)`).exec(stdout)[1]);
    return { x: read("X"), y: read("Y") };
  }

  /** Drags from one point to another as a hand does: in steps. */
  async drag(from, to) {
    const move = (x, y) => this.do("mousemove", Math.round(x), Math.round(y));
    await move(from.x, from.y);
    await this.do("mousedown", 1);
    await sleep(100);
    const steps = 20;
    for (let step = 1; step <= steps; step += 1) {
      const part = step / steps;
      await move(from.x + (to.x - from.x) * part, from.y + (to.y - from.y) * part);
      await sleep(30);
    }
    // The last step again: a target answers where it was entered.
    await move(to.x + 2, to.y + 2);
    await sleep(300);
    await this.do("mouseup", 1);
  }

  async picture(file, part = null) {
    const crop = part ? ["-crop", part, "+repage"] : [];
    await run("import", ["-window", "root", ...crop, file], { env: this.env });
  }
}
