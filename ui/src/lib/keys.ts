// Keys that work everywhere, and moving inside grids and lists with one tab stop.
import { VIEWS, type ViewName } from "./router.svelte";

export type GlobalKey =
  | { do: "view"; view: ViewName }
  | { do: "settings" | "help" | "send" | "share" | "next_pane" | "previous_pane" };

/** What a key press means for the whole window, or null. */
export function globalKey(event: KeyboardEvent): GlobalKey | null {
  const withCommand = (event.ctrlKey || event.metaKey) && !event.altKey;
  const number = /^Digit([1-9])$/.exec(event.code)?.[1];
  if (number && (withCommand || (event.altKey && !event.ctrlKey)) && !event.shiftKey) {
    const view = VIEWS[Number(number) - 1];
    return view ? { do: "view", view } : null;
  }
  if (event.key === "F6") return { do: event.shiftKey ? "previous_pane" : "next_pane" };
  if (event.key === "F1" || (withCommand && event.key === "/")) return { do: "help" };
  if (withCommand && event.key === ",") return { do: "settings" };
  if (withCommand && event.key.toLowerCase() === "o") return { do: event.shiftKey ? "share" : "send" };
  return null;
}

/** Where an arrow, Home or End leads in a grid drawn row by row; null for other keys. */
export function arrowTarget(key: string, index: number, total: number, columns: number): number | null {
  const isRtl = document.documentElement.dir === "rtl";
  const steps: Record<string, number> = {
    ArrowRight: isRtl ? -1 : 1,
    ArrowLeft: isRtl ? 1 : -1,
    ArrowDown: columns,
    ArrowUp: -columns,
    Home: -index,
    End: total - 1 - index,
  };
  const step = steps[key];
  if (step === undefined) return null;
  const next = index + step;
  if (next >= 0 && next < total) return next;
  return index;
}

/** How many elements stand in the first row. */
export function columnsOf(elements: HTMLElement[]): number {
  const top = elements[0]?.offsetTop;
  const columns = elements.findIndex((element) => element.offsetTop !== top);
  return columns <= 0 ? Math.max(1, elements.length) : columns;
}

/** Moves focus to the next marked pane, around the end. */
export function movePane(direction: 1 | -1): void {
  const panes = [...document.querySelectorAll<HTMLElement>("[data-pane]")].filter(
    (pane) => pane.offsetParent !== null || pane.getClientRects().length > 0,
  );
  const current = panes.findIndex((pane) => pane.contains(document.activeElement));
  const next = panes[(current + direction + panes.length) % panes.length] ?? panes[0];
  const inside = next?.querySelector<HTMLElement>(
    "a[href][tabindex='0'], [aria-current='page'], button:not([disabled]):not([tabindex='-1']), a[href], [tabindex='0']",
  );
  (inside ?? next)?.focus();
}
