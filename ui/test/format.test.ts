import { describe, expect, it } from "vitest";
import * as format from "../src/lib/format";
import { inOrder, keepOrder } from "../src/lib/devices";
import { BEN, ANA, STUDIO, NOW } from "../src/ipc/mock_story";
import { sentence } from "../src/text/errors";
import type { ErrorCode } from "../src/ipc/types";

describe("numbers for people", () => {
  it("are decimal sizes", () => {
    const cases: [number, string][] = [
      [0, "0 B"],
      [999, "999 B"],
      [4000, "4 KB"],
      [1_200_000, "1.2 MB"],
      [213_204_000, "213 MB"],
      [999_600_000, "1 GB"],
      [8_200_000_000, "8.2 GB"],
    ];
    for (const [bytes, text] of cases) expect(format.bytes(bytes)).toBe(text);
  });

  it("never say a hundred percent before it is", () => {
    expect(format.percent(999_999, 1_000_000)).toBe(99);
    expect(format.percent(10, 10)).toBe(100);
    expect(format.percent(0, 0)).toBe(0);
  });

  it("round the time left", () => {
    expect(format.left(7)).toBe("7 s");
    expect(format.left(33)).toBe("35 s");
    expect(format.left(240)).toBe("4 min");
    expect(format.left(7_800)).toBe("2 h 10 min");
    expect(format.left(400_000)).toBe("5 days");
  });

  it("say when, relative under a day", () => {
    expect(format.ago(NOW - 12 * 60_000, NOW)).toBe("12 minutes ago");
    expect(format.ago(NOW - 10_000, NOW)).toBe("just now");
    expect(format.moment(NOW - 3 * 60_000, NOW)).toBe("14:02");
    expect(format.elapsed(42_000)).toBe("0:42");
  });

  it("spell a code for the ear", () => {
    expect(format.grouped("402918")).toBe("402 918");
    expect(format.spelled("402918")).toBe("4 0 2, 9 1 8");
  });
});

describe("devices", () => {
  const away = { ...ANA, presence: { type: "away" as const, since: null } };

  it("stand here before away, then by last use", () => {
    expect(inOrder([away, STUDIO, BEN]).map(({ id }) => id)).toEqual([BEN.id, STUDIO.id, away.id]);
  });

  it("do not jump while someone is at them", () => {
    const before = [away.id, BEN.id];
    expect(keepOrder([BEN, STUDIO, away], before).map(({ id }) => id)).toEqual([away.id, BEN.id, STUDIO.id]);
  });
});

describe("troubles", () => {
  it("read well when the engine leaves something out", () => {
    const codes: ErrorCode[] = ["NET-07", "PAIR-01", "XFER-01", "FOLD-02", "NAME-02", "DISK-04"];
    for (const code of codes) {
      expect(sentence({ code, params: {} })).toMatch(/^[\p{L}\u2068].*\.$/u);
      expect(sentence({ code, params: {} })).not.toMatch(/undefined|null|NaN/);
    }
  });

  it("still say something when the code is new", () => {
    expect(sentence({ code: "ZZZ-99" as ErrorCode, params: {} })).toContain("ZZZ-99");
  });
});
