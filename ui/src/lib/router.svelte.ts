// The four views by hash: #/nearby, #/inbox, #/folders, #/folders/ID, #/transfers.

export const VIEWS = ["nearby", "inbox", "folders", "transfers"] as const;

export type ViewName = (typeof VIEWS)[number];

export type Route = { view: ViewName; id: string | null };

/** Reads a hash; anything unknown is Nearby. */
function parseRoute(hash: string): Route {
  const [, name, id] = /^#\/([a-z]+)(?:\/([^/?]+))?/.exec(hash) ?? [];
  const view = VIEWS.find((known) => known === name);
  if (!view) return { view: "nearby", id: null };
  return { view, id: view === "folders" && id ? decodeURIComponent(id) : null };
}

/** The address of a view, or of one thing in it. */
export function href(view: ViewName, id?: string): string {
  return id === undefined ? `#/${view}` : `#/${view}/${encodeURIComponent(id)}`;
}

/** Follows the address bar. */
export class Router {
  route = $state.raw<Route>(parseRoute(location.hash));

  constructor() {
    window.addEventListener("hashchange", () => {
      this.route = parseRoute(location.hash);
    });
  }

  go(view: ViewName, id?: string): void {
    location.hash = href(view, id);
  }
}
