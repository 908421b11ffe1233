import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { troubleOf } from "../src/ipc/backend";
import { httpBackend } from "../src/ipc/http";

type Call = { path: string; method: string; headers: Record<string, string>; body: unknown };

let calls: Call[] = [];
let answers: Record<string, () => Response> = {};

beforeEach(() => {
  calls = [];
  answers = {};
  vi.stubGlobal("fetch", (path: string, init: RequestInit = {}) => {
    const body: unknown = typeof init.body === "string" ? JSON.parse(init.body) : null;
    calls.push({
      path,
      method: init.method ?? "GET",
      headers: (init.headers ?? {}) as Record<string, string>,
      body,
    });
    return Promise.resolve(answers[path]?.() ?? new Response(null, { status: 204 }));
  });
});

afterEach(() => vi.unstubAllGlobals());

const json = (value: unknown, status = 200) => new Response(JSON.stringify(value), { status });

describe("the browser's backend", () => {
  it("trades the token for a session before anything else, and takes it out of the address", async () => {
    location.hash = "#token=abc123";
    answers["/api/send"] = () => json({ type: "done" });
    await httpBackend().send({ type: "clear_finished" });
    expect(calls.map(({ method, path }) => `${method} ${path}`)).toEqual([
      "POST /api/session",
      "POST /api/send",
    ]);
    expect(calls[0]?.headers["Authorization"]).toBe("Bearer abc123");
    expect(calls[1]?.body).toEqual({ type: "clear_finished" });
    expect(location.href).not.toContain("abc123");
  });

  it("turns refusals into troubles", async () => {
    const backend = httpBackend();
    const refusalOf = async (status: number, body: unknown) => {
      answers["/api/ask"] = () => json(body, status);
      return troubleOf(await backend.ask({ type: "settings" }).catch((thrown: unknown) => thrown)).code;
    };
    expect(await refusalOf(409, { code: "FOLD-05", params: { path: "a", other: "b" } })).toBe("FOLD-05");
    expect(await refusalOf(401, null)).toBe("WEB-01");
    expect(await refusalOf(500, "no trouble at all")).toBe("APP-03");
  });

  it("says when the engine does not answer", async () => {
    vi.stubGlobal("fetch", () => Promise.reject(new TypeError("gone")));
    const thrown: unknown = await httpBackend()
      .send({ type: "quit" })
      .catch((error: unknown) => error);
    expect(troubleOf(thrown).code).toBe("WEB-02");
  });
});
