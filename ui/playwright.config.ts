// Browser tests: over the mock, over real engines, and the pictures.
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { defineConfig } from "@playwright/test";

const PORT = 4173;

/** The distribution's own browser; nothing is downloaded. */
function findChromium(): string | undefined {
  const places = (process.env["PATH"] ?? "").split(delimiter);
  return ["chromium", "chromium-browser", "google-chrome"]
    .flatMap((name) => places.map((place) => join(place, name)))
    .find((path) => existsSync(path));
}

const executablePath = findChromium();
const isRoot = process.getuid?.() === 0;

export default defineConfig({
  testDir: "e2e",
  fullyParallel: true,
  forbidOnly: true,
  reporter: "list",
  timeout: 120_000,
  use: {
    baseURL: `http://127.0.0.1:${PORT}`,
    locale: "en-GB",
    launchOptions: {
      ...(executablePath ? { executablePath } : {}),
      args: [
        ...(isRoot ? ["--no-sandbox"] : []),
        "--disable-quic",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
      ],
    },
  },
  projects: [
    { name: "mock", testMatch: "mock/**/*.spec.ts" },
    { name: "real", testMatch: "real/**/*.spec.ts", workers: 1, expect: { timeout: 20_000 } },
    { name: "shots", testMatch: "shots.spec.ts" },
  ],
  webServer: {
    command: `node e2e/static_server.mjs dist-mock ${PORT}`,
    port: PORT,
    reuseExistingServer: true,
  },
});
