// Two real windows side by side: set up, pair by code, share, accept, drop, close, start again, quit.
// `node tests/desktop/run.mjs target/debug`; with SHOAL_PICTURES=dir it leaves pictures of the window there.
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { end, Screen, sleep, until } from "./screen.mjs";
import { Window } from "./window.mjs";

const built = resolve(process.argv[2] ?? "target/debug");
const program = join(built, "shoal-desktop");
const source = join(built, "examples", "drag_source");
const pictures = process.env.SHOAL_PICTURES;

const root = await mkdtemp(join(tmpdir(), "shoal-window-"));
const screen = await Screen.open(1600, 1000);
const people = {};

// Other Shoals may be on this network, and in other tests they are called Ana and Ben as well.
const run = pictures ? "" : ` ${randomBytes(2).toString("hex")}`;
const ANA = `Ana${run}`;
const BEN = `Ben${run}`;
let failed = 0;

/** One sentence that holds, or does not; what builds on it is not tried then. */
async function check(sentence, act) {
  const began = Date.now();
  try {
    await act();
    console.log(`ok ${sentence} (${Date.now() - began} ms)`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED ${sentence}: ${error.message}`);
    await screen.picture(join(tmpdir(), "shoal-window-failed.png")).catch(() => undefined);
    for (const { name, window } of Object.values(people)) {
      const text = await window.text().catch((problem) => problem.message);
      console.log(`  ${name}'s page: ${text.replace(/\s+/g, " ").slice(0, 400)}`);
    }
    throw error;
  }
}

/** What the environment of one person is: all files below one directory, one runtime directory for both. */
async function surroundings(name) {
  const HOME = join(root, name, "user");
  const XDG_RUNTIME_DIR = join(root, "run");
  await mkdir(HOME, { recursive: true });
  await mkdir(XDG_RUNTIME_DIR, { recursive: true, mode: 0o700 });
  const nowhere = { DBUS_SESSION_BUS_ADDRESS: "disabled:", NO_AT_BRIDGE: "1", XDG_CONFIG_HOME: "", XDG_DATA_HOME: "", XDG_STATE_HOME: "", XDG_CACHE_HOME: "" };
  return { ...nowhere, HOME, XDG_RUNTIME_DIR, GTK_USE_PORTAL: "0" };
}

async function enter(name) {
  const env = await surroundings(name);
  const home = join(root, "homes", name);
  const window = await Window.open(screen, program, ["--home", home], env);
  const title = `^Shoal .* ${name}$`;
  people[name] = { name, env, home, window, title, id: null };
  people[name].id = await screen.window(title);
  return people[name];
}

/** Chooses a directory in the system's own dialog, by typing its path. */
async function chooseInDialog(title, path) {
  const dialog = await screen.window(title);
  await screen.do("windowfocus", "--sync", dialog);
  await sleep(500);
  // A slash opens the field for a path; it takes a moment, in which keys get lost.
  await screen.do("key", "slash");
  await sleep(1000);
  await screen.do("key", "ctrl+a");
  await screen.do("type", "--delay", 30, path);
  await sleep(500);
  await screen.do("key", "Return");
}

/** Drags a file from a window of its own onto something in a person's page, until it is seen to be dropped. */
async function dropOn(person, selector, words, file, isDropped) {
  const dragged = spawn(source, [file], { env: screen.env, stdio: "ignore" });
  try {
    const from = await screen.window("^drag source$");
    await screen.place(from, 20, 820, 160, 120);
    const [handle, corner, inside] = [
      await screen.corner(from),
      await screen.corner(person.id),
      await person.window.middle(selector, words),
    ];
    await screen.drag({ x: handle.x + 80, y: handle.y + 60 }, { x: corner.x + inside.x, y: corner.y + inside.y });
    await isDropped();
  } finally {
    await end(dragged);
  }
}

const holds = (path, text) => async () => existsSync(path) && (await readFile(path, "utf8")) === text;

async function story() {
  await check("a window paints its frame and asks for a name", async () => {
    const began = Date.now();
    const ana = await enter("ana");
    await ana.window.find("h1", ".");
    console.log(`  frame after ${Date.now() - began} ms, with the driver`);
    await screen.place(ana.id, 0, 0, 790, 780);
    const ben = await enter("ben");
    await screen.place(ben.id, 800, 0, 790, 780);
  });
  const { ana, ben } = people;

  await check("nothing is announced before a name is given", async () => {
    await ana.window.type("What should others call", ANA);
    await ana.window.click("Start Shoal");
    await ana.window.find("h1", "Nearby");
    const text = await ana.window.text();
    if (text.includes(BEN)) throw new Error("Ben is seen before he was set up");
    await ben.window.type("What should others call", BEN);
    await ben.window.click("Start Shoal");
  });

  await check("the two find each other by themselves", async () => {
    await ana.window.find("[data-device]", BEN, 30_000);
    await ben.window.find("[data-device]", ANA, 30_000);
  });

  await check("they pair by a code that is typed", async () => {
    await ana.window.click(BEN, "[data-device]");
    await ana.window.click("^Pair…$", "[role=menuitem]");
    const began = Date.now();
    const shown = await ben.window.find("[role=img]", "^Code: ").catch(async () => {
      await ben.window.go("inbox");
      await ben.window.click("Show code");
      return ben.window.find("[role=img]", "^Code: ");
    });
    console.log(`  a code after ${Date.now() - began} ms`);
    await keep("pairing", ben);
    const code = (await ben.window.script("return arguments[0].textContent", shown)).replace(/\D/g, "");
    await ana.window.type("Six-digit code", code);
    const typed = Date.now();
    await ana.window.sees("Matches");
    console.log(`  compared after ${Date.now() - typed} ms`);
    await ben.window.click("Yes, allow");
    const allowed = Date.now();
    await ana.window.sees(`You and ${BEN} are paired`);
    console.log(`  paired after ${Date.now() - allowed} ms`);
    await ana.window.click("^Done$");
    await ben.window.click("^Done$");
    await ana.window.find("[data-device]", `${BEN}, verified, here`);
  });

  const anas = join(ana.env.HOME, "Photos");
  await mkdir(anas);
  await writeFile(join(anas, "Harbour.jpg"), randomBytes(2_412_331));
  await writeFile(join(anas, "Lighthouse.jpg"), randomBytes(1_870_112));
  await writeFile(join(anas, "boat.txt"), "a boat");

  await check("a folder is chosen in the system's own dialog and shared", async () => {
    await ana.window.go("folders");
    await ana.window.click("Share a folder");
    await chooseInDialog("(Select|Open|Choose|Pick).*", anas);
    await ana.window.sees("3 files");
    await ana.window.click(BEN, "dialog label, dialog button");
    await ana.window.click("^Share (with|folder|the)", "dialog button");
  });

  const bens = join(ben.env.HOME, "Shared", "Photos");
  await check("the other side accepts, and the file is there", async () => {
    await ben.window.go("inbox");
    await ben.window.click("Review");
    await ben.window.click("Join folder");
    await until("boat.txt is with Ben", holds(join(bens, "boat.txt"), "a boat"));
  });

  await check("a file saved on one side reaches the other", async () => {
    const began = Date.now();
    await writeFile(join(bens, "answer.txt"), "a fish");
    await until("answer.txt is with Ana", holds(join(anas, "answer.txt"), "a fish"));
    console.log(`  after ${Date.now() - began} ms`);
  });

  const note = join(root, "note.txt");
  await writeFile(note, "dropped");
  await check("a file dropped on a folder is copied in and arrives", async () => {
    await ana.window.go("folders");
    const arrives = () => until("note.txt is with Ben", holds(join(bens, "note.txt"), "dropped"));
    await dropOn(ana, "[data-folder]", "Photos", note, arrives);
  });

  await check("a file dropped on a device is offered, accepted and arrives", async () => {
    await ana.window.go("nearby");
    await dropOn(ana, "[data-device]", BEN, note, () => ana.window.click("Send now"));
    await ben.window.go("inbox");
    await ben.window.click("Review");
    await ben.window.find("button", "^Accept 1 file");
    await keep("request", ben);
    await ben.window.click("^Accept");
    await until("note.txt is in Ben's downloads", holds(join(ben.env.HOME, "Downloads", "Shoal", "note.txt"), "dropped"));
  });

  if (pictures) await check("pictures are taken", () => takePictures(ana, ben));

  await check("the page may name no path and call nothing but our own commands", async () => {
    const asked = await ana.window.invoke("ask", { question: { type: "pick_typed", path: "/etc" } });
    if (asked !== "refused: APP-06") throw new Error(`a path is ${asked}`);
    for (const plugin of ["dialog|open", "opener|open_path", "window|close", "event|listen"]) {
      const called = await ana.window.invoke(`plugin:${plugin}`, {});
      if (!called.startsWith("refused")) throw new Error(`${plugin} is ${called}`);
    }
  });

  await check("closing hides the window, says so once, and sharing goes on", async () => {
    await screen.do("windowactivate", "--sync", ben.id);
    await screen.do("key", "--clearmodifiers", "alt+F4");
    await until("Ben is told", async () => (await screen.windows("^Shoal keeps sharing$")).length > 0);
    const dialog = await screen.window("^Shoal keeps sharing$");
    await screen.do("windowfocus", "--sync", dialog);
    await screen.do("key", "Return");
    await until("Ben's window is gone", async () => !(await screen.windows(ben.title)).includes(ben.id));
    await writeFile(join(anas, "later.txt"), "still here");
    await until("later.txt is with Ben", holds(join(bens, "later.txt"), "still here"));
  });

  await check("a second start shows the first window and ends", async () => {
    const second = spawn(program, ["--home", ben.home], { env: { ...screen.env, ...ben.env }, stdio: "ignore" });
    const [code] = await once(second, "exit");
    if (code !== 0) throw new Error(`it ended with ${code}`);
    await until("Ben's window is back", async () => (await screen.windows(ben.title)).includes(ben.id));
  });

  await check("quitting ends within five seconds", async () => {
    const began = Date.now();
    await screen.do("windowactivate", "--sync", ben.id);
    await screen.do("key", "--clearmodifiers", "ctrl+q");
    await until("Ben's socket is gone", () => !existsSync(join(ben.home, "run", "shoal.sock")), 6000);
    await until("Ben's window is gone", async () => !(await screen.windows(ben.title)).includes(ben.id), 6000);
    if (Date.now() - began > 6000) throw new Error(`it took ${Date.now() - began} ms`);
  });
}

/** Keeps a picture of somebody's page. */
async function keep(name, person) {
  if (!pictures) return;
  await sleep(500);
  await writeFile(join(pictures, `${name}.png`), await person.window.picture());
}

/** Pictures for the README: both windows as they stand on the screen, in both themes. */
async function takePictures(ana, ben) {
  await ana.window.go("folders");
  await ana.window.click("Photos", "[data-folder]");
  await ben.window.go("nearby");
  await ana.window.click("^Dismiss$", "button", 1000).catch(() => undefined);
  await sleep(1000);
  await keep("folder", ana);
  for (const theme of ["dark", "light"]) {
    for (const { window } of [ana, ben]) await window.send({ type: "set_theme", theme });
    await sleep(1000);
    await screen.picture(join(pictures, `windows-${theme}.png`), "1592x800+0+0");
  }
}

/** Ends everything we started, however the story ends. */
async function leave(code) {
  for (const { window } of Object.values(people)) await window.close();
  await screen.close();
  if (!process.env.SHOAL_KEEP) await rm(root, { recursive: true, force: true });
  process.exit(code);
}

for (const signal of ["SIGTERM", "SIGINT"]) process.once(signal, () => void leave(1));
process.stdout.on("error", () => void leave(1));

await story().catch((error) => {
  if (failed === 0) console.log(`FAILED ${error.stack}`);
  failed = Math.max(1, failed);
});
await leave(failed > 0 ? 1 : 0);
