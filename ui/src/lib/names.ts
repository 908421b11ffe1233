// Names and paths from others are data: hidden characters are made visible, long ones keep both ends.

/** Characters that reorder, hide or break text: controls, direction marks, zero-width ones, tags. */
const HIDDEN =
  /\p{Cc}|\p{Cf}|\p{Zl}|\p{Zp}|\p{Co}|\p{Cn}|\p{Cs}|\u034f|\u115f|\u1160|\u17b4|\u17b5|\u3164|\uffa0/gu;

/** Joins emoji: hidden in itself, but part of what people see. */
const EMOJI_JOINED =
  /(?<=\p{Extended_Pictographic}\ufe0f?\p{Emoji_Modifier}?)\u200d(?=\p{Extended_Pictographic})/gu;

/** Most combining marks that stay on one letter: stacks of them cover the rows around. */
const MARKS = /(\p{M}{3})\p{M}+/gu;

const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });

const OPEN = "\u2068";
const CLOSE = "\u2069";

/** Most characters of a name in a row. */
export const NAME_CHARS_MAX = 40;

/** Writes hidden characters as their code, such as ⟨U+202E⟩. */
export function visible(name: string): string {
  const coded = (char: string) =>
    `⟨U+${(char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}⟩`;
  return name
    .split(EMOJI_JOINED)
    .map((part) => part.replace(HIDDEN, coded))
    .join("\u200d")
    .replace(MARKS, "$1");
}

/** A longer text of theirs: hidden characters visible, line breaks kept. */
export function visibleText(text: string): string {
  return text.split(/\r?\n/u).map(visible).join("\n");
}

/** Shortens in the middle so that the beginning and the ending (with its extension) stay. */
export function shorten(name: string, max = NAME_CHARS_MAX): string {
  const chars = [...graphemes.segment(name)].map(({ segment }) => segment);
  if (chars.length <= max) return name;
  const tail = Math.min(Math.ceil(max / 2.5), max - 2);
  const head = max - tail - 1;
  return `${chars.slice(0, head).join("")}…${chars.slice(-tail).join("")}`;
}

/** What to draw for a name: visible and short, never empty. */
export function shown(name: string, max = NAME_CHARS_MAX): string {
  return shorten(visible(name).trim() || "⟨ ⟩", max);
}

/** A name for the middle of a sentence: `Words` turns the isolates into `<bdi>`. */
export function quoted(name: string, max = NAME_CHARS_MAX): string {
  return `${OPEN}${shown(name, max)}${CLOSE}`;
}

export type Piece = { text: string; isName: boolean };

/** Splits a sentence into its plain parts and its names. */
export function pieces(sentence: string): Piece[] {
  return sentence
    .split(/(\u2068[^\u2069]*\u2069)/u)
    .filter((text) => text !== "")
    .map((text) =>
      text.startsWith(OPEN) ? { text: text.slice(1, -1), isName: true } : { text, isName: false },
    );
}

/** The sentence without isolates, for titles and comparisons. */
export function plain(sentence: string): string {
  return sentence.replace(/[\u2068\u2069]/gu, "");
}
