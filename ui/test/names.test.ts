import { describe, expect, it } from "vitest";
import { HOSTILE } from "../src/ipc/mock_story";
import { pieces, quoted, shorten, shown, visible, visibleText } from "../src/lib/names";

describe("names from others", () => {
  it("show characters that reorder or hide text", () => {
    expect(visible("photo\u202egpj.exe")).toBe("photo⟨U+202E⟩gpj.exe");
    expect(visible("a\u200bb\u2066c\u0000")).toBe("a⟨U+200B⟩b⟨U+2066⟩c⟨U+0000⟩");
    expect(visible("tag\u{e0041}")).toBe("tag⟨U+E0041⟩");
  });

  it("keep letters of every script and joined emoji", () => {
    for (const name of ["Ана", "アナ", "עברית", "é", "👩‍👩‍👧", "❤️"]) expect(visible(name)).toBe(name);
  });

  it("are shortened in the middle, so that the ending stays", () => {
    const short = shorten(`${"x".repeat(100)}.pdf.exe`, 40);
    expect([...short]).toHaveLength(40);
    expect(short.endsWith(".pdf.exe")).toBe(true);
  });

  it("are never invisible", () => {
    expect(shown("   ").trim()).not.toBe("");
    expect(shown("")).not.toBe("");
  });

  it("do not pile marks over the rows around", () => {
    expect([..."z\u0335\u0321\u033a\u0335\u0321\u033a"]).toHaveLength(7);
    expect([...visible("z\u0335\u0321\u033a\u0335\u0321\u033a")]).toHaveLength(4);
  });

  it("cannot close their own isolation", () => {
    for (const name of [...HOSTILE, "a\u2069b\u2068c"]) {
      const parts = pieces(`from ${quoted(name)} today`);
      expect(parts.map(({ isName }) => isName)).toEqual([false, true, false]);
    }
  });

  it("keep the line breaks of a message and nothing else", () => {
    expect(visibleText("one\ntwo\u202e\tthree")).toBe("one\ntwo⟨U+202E⟩⟨U+0009⟩three");
  });
});
