// A browser on the same computer, served by `shoal serve`: fetch for acts, a WebSocket for views.
import { isTrouble, Refused, trouble, type Backend, type Link } from "./backend";
import type { Answer, Command, DropEvent, View } from "./types";
import { collect, fromInput, type LocalFile } from "./local_files";
import { Uploads } from "./uploads";

/** How long until a lost connection is tried again. */
const RETRY_MS = 1000;

/** Trades the token in the address for a cookie, and takes it out of the address bar. */
async function signIn(): Promise<void> {
  const token = /[#&]token=([^&]+)/.exec(location.hash)?.[1];
  if (!token) return;
  history.replaceState(null, "", `${location.pathname}${location.search}#/nearby`);
  window.dispatchEvent(new HashChangeEvent("hashchange"));
  await fetch("/api/session", { method: "POST", headers: { Authorization: `Bearer ${token}` } });
}

async function call<Out>(path: string, body: unknown): Promise<Out> {
  let response: Response;
  try {
    response = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
  } catch {
    throw new Refused(trouble("WEB-02"));
  }
  if (response.ok) return (await response.json()) as Out;
  if (response.status === 401) throw new Refused(trouble("WEB-01"));
  const refusal: unknown = await response.json().catch(() => null);
  throw new Refused(isTrouble(refusal) ? refusal : trouble("APP-03"));
}

/** Follows `/api/watch` and connects again when it breaks. */
function watchSocket(ready: Promise<void>, onView: (view: View) => void, onLink: (link: Link) => void) {
  let socket: WebSocket | null = null;
  let timer = 0;
  let isOpen = true;
  onLink("connecting");

  const connect = () => {
    if (!isOpen) return;
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    socket = new WebSocket(`${scheme}://${location.host}/api/watch`);
    socket.onmessage = (message) => {
      onLink("up");
      onView(JSON.parse(String(message.data)) as View);
    };
    socket.onclose = () => void broken();
  };
  // A refused WebSocket does not say why: only an ordinary call tells "signed out" from "gone".
  const broken = async () => {
    if (!isOpen) return;
    const status = await fetch("/api/session").then(
      (response) => response.status,
      () => 0,
    );
    onLink(status === 401 ? "signed_out" : "lost");
    timer = window.setTimeout(connect, RETRY_MS);
  };
  void ready.then(connect, connect);
  return () => {
    isOpen = false;
    clearTimeout(timer);
    socket?.close();
  };
}

/** HTML5 drag and drop of files, in the terms of the window's events. */
function watchDrops(
  take: (files: Promise<LocalFile[]>, x: number, y: number) => void,
  receive: (event: DropEvent) => void,
) {
  const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;
  const over = (event: DragEvent) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    const count = event.dataTransfer?.items.length ?? 0;
    receive({ type: "over", names: [], count, bytes: null, x: event.clientX, y: event.clientY });
  };
  const leave = (event: DragEvent) => {
    if (event.relatedTarget === null) receive({ type: "leave" });
  };
  const drop = (event: DragEvent) => {
    if (!event.dataTransfer || !hasFiles(event)) return;
    event.preventDefault();
    const { clientX: x, clientY: y } = event;
    take(collect(event.dataTransfer), x, y);
  };
  window.addEventListener("dragover", over);
  window.addEventListener("dragleave", leave);
  window.addEventListener("drop", drop);
  return () => {
    window.removeEventListener("dragover", over);
    window.removeEventListener("dragleave", leave);
    window.removeEventListener("drop", drop);
  };
}

/** Whether a command needs files that may still be on their way to the engine. */
function dropOf(command: Command): string | null {
  const usesSource = command.type === "send" || command.type === "add_to_folder";
  return usesSource && command.source.type === "drop" ? command.source.drop : null;
}

export function httpBackend(): Backend {
  const uploads = new Uploads(call);
  const ready = signIn().catch(() => undefined);
  // The address of a new run, put into the same tab, changes only what stands behind the number sign.
  window.addEventListener("hashchange", () => {
    if (/[#&]token=/.test(location.hash)) location.reload();
  });
  return {
    can: { pickPlaces: false, showInFiles: false },
    async send(command) {
      await ready;
      if (command.type === "forget_drop") uploads.cancel(command.drop);
      const drop = dropOf(command);
      if (drop) await uploads.finished(drop);
      return call<Answer>("/api/send", command);
    },
    async ask(question) {
      await ready;
      return call<Answer>("/api/ask", question);
    },
    watch: (onView, onLink) => watchSocket(ready, onView, onLink),
    onDrop: (receive, refuse) =>
      watchDrops((collected, x, y) => {
        const started = collected.then((files) => (files.length > 0 ? uploads.start(files) : null));
        started.then(
          (upload) => receive(upload ? { type: "drop", ...upload, x, y } : { type: "leave" }),
          (thrown: unknown) => {
            receive({ type: "leave" });
            refuse(thrown instanceof Refused ? thrown.trouble : trouble("XFER-07"));
          },
        );
      }, receive),
    onUpload: (receive) => uploads.watch(receive),
    async chooseToSend(what) {
      const files = await fromInput(what);
      if (files.length === 0) return null;
      const { drop, names, count, bytes } = await uploads.start(files);
      return { source: { type: "drop", drop }, names, count, bytes };
    },
  };
}
