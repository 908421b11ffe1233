// Streams files from a browser to the engine on the same computer; each upload becomes a drop.
import { isTrouble, Refused, trouble, type Upload } from "./backend";
import type { LocalFile } from "./local_files";
import type { DropId, Trouble } from "./types";

type Call = <Out>(path: string, body: unknown) => Promise<Out>;

type Started = { drop: DropId; names: string[]; count: number; bytes: number; has_folder: boolean };

type Running = Upload & { done_before: number; started: number; cancel: () => void; end: Promise<void> };

/** What the engine said of a file it did not take. */
function refusalOf(request: XMLHttpRequest, file: File): Trouble {
  if (request.status === 401) return trouble("WEB-01");
  try {
    const refusal: unknown = JSON.parse(request.responseText);
    if (isTrouble(refusal)) return refusal;
  } catch {
    // No trouble of ours: a sentence of the page's own follows.
  }
  return trouble("DISK-02", { file: file.name });
}

export class Uploads {
  readonly #call: Call;
  readonly #running = new Map<DropId, Running>();
  readonly #watchers = new Set<(uploads: Upload[]) => void>();

  constructor(call: Call) {
    this.#call = call;
  }

  watch(receive: (uploads: Upload[]) => void): () => void {
    this.#watchers.add(receive);
    return () => this.#watchers.delete(receive);
  }

  /** Announces the files and starts sending them; the drop can be named at once. */
  async start(files: LocalFile[]): Promise<Started> {
    const total = files.reduce((sum, { file }) => sum + (file?.size ?? 0), 0);
    const { drop } = await this.#call<{ drop: DropId }>("/api/drop", {
      files: files.map(({ path, file }) =>
        file ? { path, size: file.size, modified: file.lastModified } : { path, size: 0, is_folder: true },
      ),
    });
    const stop = new AbortController();
    const running: Running = {
      drop,
      done: 0,
      total,
      speed: 0,
      done_before: 0,
      started: performance.now(),
      cancel: () => stop.abort(),
      end: Promise.resolve(),
    };
    this.#running.set(drop, running);
    running.end = this.#sendAll(running, files, stop.signal);
    running.end.catch(() => {
      this.#remove(drop);
      // What has come of it is of no use: the engine may throw it away.
      void this.#call("/api/send", { type: "forget_drop", drop }).catch(() => undefined);
    });
    const tops = [...new Set(files.map(({ path }) => path.split("/")[0] ?? path))];
    const has_folder = files.some(({ path, file }) => file === null || path.includes("/"));
    return { drop, names: tops.slice(0, 50), count: tops.length, bytes: total, has_folder };
  }

  /** Waits until the engine has all of a drop. */
  async finished(drop: DropId): Promise<void> {
    await this.#running.get(drop)?.end;
    this.#remove(drop);
  }

  cancel(drop: DropId): void {
    this.#running.get(drop)?.cancel();
    this.#remove(drop);
  }

  async #sendAll(running: Running, files: LocalFile[], stop: AbortSignal): Promise<void> {
    for (const [index, { file }] of files.entries()) {
      if (file === null) continue;
      await this.#sendOne(running, `/api/drop/${encodeURIComponent(running.drop)}/${index}`, file, stop);
      running.done_before += file.size;
    }
    running.done = running.total;
    this.#tell();
  }

  // XMLHttpRequest, because fetch cannot tell how much of a body has gone.
  #sendOne(running: Running, url: string, file: File, stop: AbortSignal): Promise<void> {
    return new Promise((done, failed) => {
      const request = new XMLHttpRequest();
      request.open("PUT", url);
      request.upload.onprogress = (event) => {
        running.done = running.done_before + event.loaded;
        running.speed = running.done / Math.max(0.2, (performance.now() - running.started) / 1000);
        this.#tell();
      };
      request.onload = () => (request.status < 300 ? done() : failed(new Refused(refusalOf(request, file))));
      request.onerror = () => failed(new Refused(trouble("WEB-02")));
      request.onabort = () => failed(new Refused(trouble("APP-04")));
      stop.addEventListener("abort", () => request.abort());
      if (stop.aborted) return failed(new Refused(trouble("APP-04")));
      request.send(file);
    });
  }

  #remove(drop: DropId): void {
    this.#running.delete(drop);
    this.#tell();
  }

  #tell(): void {
    const uploads = [...this.#running.values()].filter(({ done, total }) => done < total);
    for (const receive of this.#watchers) receive(uploads);
  }
}
