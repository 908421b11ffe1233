// Starts the page on whatever stands behind it: the mock, the window, or a browser.
import { mount } from "svelte";
import "./style/tokens.css";
import "./style/reset.css";
import "./style/base.css";
import "./style/controls.css";
import App from "./App.svelte";
import type { Backend } from "./ipc/backend";

async function chooseBackend(): Promise<Backend> {
  if (import.meta.env.MODE === "mock") return (await import("./ipc/mock")).mockFromAddress();
  if ("__TAURI_INTERNALS__" in window) return (await import("./ipc/tauri")).tauriBackend();
  return (await import("./ipc/http")).httpBackend();
}

const target = document.getElementById("app");
if (target) void chooseBackend().then((backend) => mount(App, { target, props: { backend } }));
