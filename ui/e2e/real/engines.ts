// Starts `shoal serve` twice, each in its own home, for specs against real engines.
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** One engine: its home, the address with its token, and how to end it. */
type Engine = { home: string; url: string; stop: () => Promise<void> };

/** How long an engine may take to print its address. */
const START_MS_MAX = 15_000;

/** The program to test: `SHOAL=/path/to/shoal npm run e2e:real`. */
export const shoal = process.env["SHOAL"];

async function startEngine(binary: string, name: string): Promise<Engine> {
  const home = await mkdtemp(join(tmpdir(), `shoal-e2e-${name}-`));
  const child = spawn(binary, ["--home", home, "serve", "--port", "0"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const stop = async () => {
    await ended(child);
    await rm(home, { recursive: true, force: true });
  };
  try {
    return { home, url: await addressOf(child), stop };
  } catch (error) {
    await stop();
    throw error;
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

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return Promise.resolve();
  return new Promise((done) => {
    child.once("exit", () => done());
    child.kill("SIGTERM");
  });
}

/** Two engines that see each other on loopback. */
export async function twoEngines(binary: string): Promise<[Engine, Engine]> {
  return Promise.all([startEngine(binary, "ana"), startEngine(binary, "ben")]);
}
