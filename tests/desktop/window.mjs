// One real window under WebDriver: WebKitWebDriver starts the program and reaches into its page.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { end, until } from "./screen.mjs";

const ELEMENT = "element-6066-11e4-a52e-4f735466cecf";

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

/** In the page: the last visible element whose words fit, so that what lies on top wins. */
const FIND = `
  const [selector, words] = arguments;
  const fits = new RegExp(words, "i");
  const plain = (text) => text.replace(/[\\u2066-\\u2069]/g, "").replace(/\\s+/g, " ").trim();
  return [...document.querySelectorAll(selector)].filter((one) =>
    one.getClientRects().length > 0 && !one.disabled &&
    (fits.test(plain(one.getAttribute("aria-label") ?? "")) || fits.test(plain(one.textContent ?? "")))).at(-1) ?? null;
`;

/** In the page: the field with this label. */
const FIELD = `
  const fits = new RegExp(arguments[0], "i");
  const label = [...document.querySelectorAll("label")].find((one) => one.control && fits.test(one.textContent));
  return label?.control ?? [...document.querySelectorAll("input")].find((one) => fits.test(one.ariaLabel ?? "")) ?? null;
`;

export class Window {
  /** Starts a program on a screen; `env` says where its user's files are. */
  static async open(screen, program, args, env) {
    const port = await freePort();
    const driver = spawn("WebKitWebDriver", [`--port=${port}`], {
      env: { ...screen.env, ...env, TAURI_WEBVIEW_AUTOMATION: "true" },
      stdio: ["ignore", "ignore", process.env.SHOAL_TEST_NOISE ? "inherit" : "ignore"],
    });
    const window = new Window(driver, `http://127.0.0.1:${port}`);
    try {
      await until("the driver answers", () => window.call("GET", "/status"));
      const options = { "webkitgtk:browserOptions": { binary: program, args } };
      const { sessionId } = await window.call("POST", "/session", { capabilities: { alwaysMatch: options } });
      window.session = `/session/${sessionId}`;
    } catch (error) {
      await end(driver);
      throw error;
    }
    return window;
  }

  constructor(driver, base) {
    this.driver = driver;
    this.base = base;
    this.session = null;
  }

  async call(method, path, body) {
    const response = await fetch(this.base + path, {
      method,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(30_000),
    });
    const { value } = await response.json();
    if (!response.ok) throw new Error(`${value.error}: ${value.message}`);
    return value;
  }

  async close() {
    await end(this.driver);
  }

  script(script, ...args) {
    return this.call("POST", `${this.session}/execute/sync`, { script, args });
  }

  text() {
    return this.script("return document.body.innerText.replace(/[\\u2066-\\u2069]/g, '')");
  }

  sees(words, ms) {
    return until(`the page says ${words}`, async () => new RegExp(words, "i").test(await this.text()), ms);
  }

  find(selector, words, ms) {
    return until(`${selector} with ${words}`, () => this.script(FIND, selector, words), ms);
  }

  /** Clicks what carries these words; a page that redraws under the hand is asked again. */
  click(words, selector = "button, a, [role=menuitem], label", ms = 20_000) {
    const act = async () => {
      const found = await this.script(FIND, selector, words);
      if (!found) return false;
      await this.call("POST", `${this.session}/element/${found[ELEMENT]}/click`, {});
      return true;
    };
    return until(`a click on ${words}`, act, ms);
  }

  async type(label, text) {
    const found = await until(`a field ${label}`, () => this.script(FIELD, label));
    const element = `${this.session}/element/${found[ELEMENT]}`;
    await this.call("POST", `${element}/clear`, {}).catch(() => undefined);
    await this.call("POST", `${element}/value`, { text });
  }

  /** The middle of an element inside the window, in pixels of the screen. */
  async middle(selector, words) {
    const found = await this.find(selector, words);
    return this.script(
      `const box = arguments[0].getBoundingClientRect(); const by = devicePixelRatio;
       return { x: (box.x + box.width / 2) * by, y: (box.y + box.height / 2) * by }`,
      found,
    );
  }

  /** Calls into the shell as any script in the page could; "allowed", or "refused" with the reason. */
  invoke(name, args) {
    const script = `const [name, args, done] = arguments;
      window.__TAURI_INTERNALS__.invoke(name, args)
        .then(() => done("allowed"), (error) => done("refused: " + (error?.code ?? error)));`;
    return this.call("POST", `${this.session}/execute/async`, { script, args: [name, args] });
  }

  send(command) {
    return this.invoke("send", { command });
  }

  go(view) {
    return this.script("location.hash = arguments[0]", `#/${view}`);
  }

  async picture() {
    return Buffer.from(await this.call("GET", `${this.session}/screenshot`), "base64");
  }
}
