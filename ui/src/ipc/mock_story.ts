// The stories the mock tells: a full afternoon, an empty start, hostile names, and what lies between.
import type {
  Device,
  Folder,
  Invitation,
  Member,
  Offer,
  OfferItem,
  Request,
  Sender,
  Transfer,
  View,
} from "./types";

export const NOW = new Date(2026, 10, 23, 14, 5, 0).getTime();
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const MB = 1_000_000;

const key = (seed: string) => `12D3KooW${seed.repeat(12).slice(0, 44)}`;

export const BEN: Device = {
  id: key("BenLap7t"),
  name: "Ben’s laptop",
  own_name: null,
  suffix: null,
  platform: "linux",
  trust: "verified",
  verified_at: NOW - 204 * DAY,
  presence: { type: "here", rtt_ms: 3, path: "lan" },
  last_used: NOW - 5 * MINUTE,
  warnings: [],
  address: `/ip4/192.168.1.24/udp/22067/quic-v1/p2p/${key("BenLap7t")}`,
};

export const ANA: Device = {
  ...BEN,
  id: key("AnaThnkP"),
  name: "Ana · ThinkPad",
  platform: "windows",
  presence: { type: "here", rtt_ms: 12, path: "lan" },
  last_used: NOW - 40 * MINUTE,
};

const NAS: Device = {
  ...BEN,
  id: key("NasSrver"),
  name: "NAS",
  own_name: "debian-nas",
  presence: { type: "here", rtt_ms: 0, path: "lan" },
  last_used: NOW - 3 * HOUR,
};

const CLEO: Device = {
  ...BEN,
  id: key("CleoDesk"),
  name: "Cleo’s desktop",
  platform: "macos",
  presence: { type: "away", since: NOW - 3 * MINUTE },
  last_used: NOW - DAY,
};

const OLD_BEN: Device = {
  ...BEN,
  id: key("BenDesk2"),
  name: "Ben’s desktop",
  trust: "key_changed",
  presence: { type: "here", rtt_ms: 4, path: "lan" },
  last_used: null,
};

export const STUDIO: Device = {
  ...BEN,
  id: key("MacStud9"),
  name: "Mac-Studio",
  platform: "macos",
  trust: "not_paired",
  verified_at: null,
  presence: { type: "here", rtt_ms: 2, path: "lan" },
  last_used: null,
};

const IMPOSTOR: Device = {
  ...STUDIO,
  id: key("NotBen99"),
  name: "Ben’s laptop",
  suffix: "9xQ2",
  platform: "linux",
  warnings: ["name_of_verified"],
};

const SILENT: Device = {
  ...STUDIO,
  id: key("SilentPC"),
  name: "meeting-room",
  platform: "windows",
  presence: { type: "found", trouble: { code: "NET-07", params: { device: "meeting-room" } } },
};

const sender = (device: Device): Sender => ({
  device: device.id,
  name: device.name,
  suffix: device.suffix,
  trust: device.trust,
  verified_at: device.verified_at,
  path: device.presence.type === "here" ? device.presence.path : null,
});

const item = (index: number, path: string, size: number, rest: Partial<OfferItem> = {}): OfferItem => ({
  index,
  path,
  size,
  kind: "document",
  warnings: [],
  saved_as: null,
  trouble: null,
  ...rest,
});

export const OFFER: Offer = {
  id: "offer-1",
  from: sender(ANA),
  note: "Here are the files from Monday",
  items: [
    item(0, "offer-final.pdf", 1.2 * MB, { saved_as: "offer-final (1).pdf" }),
    item(1, "demo.mp4", 212 * MB, { kind: "video" }),
    item(2, "setup.sh", 4000, { kind: "program", warnings: ["program"] }),
  ],
  item_count: 3,
  bytes: 213_204_000,
  kinds: [
    { kind: "document", count: 1, bytes: 1.2 * MB },
    { kind: "video", count: 1, bytes: 212 * MB },
    { kind: "program", count: 1, bytes: 4000 },
  ],
  complete: true,
  place: "~/Downloads/Shoal",
  free: 81_000 * MB,
  trouble: null,
  asked_at: NOW - 2 * MINUTE,
};

const MANY_ITEMS = Array.from({ length: 180 }, (_, index) =>
  item(index, `Autumn/IMG_${String(4000 + index)}.jpg`, 3.1 * MB + index * 12_345, { kind: "picture" }),
);

const STRANGER_OFFER: Offer = {
  ...OFFER,
  id: "offer-2",
  from: sender(STUDIO),
  note: null,
  items: MANY_ITEMS.slice(0, 50),
  item_count: MANY_ITEMS.length,
  bytes: MANY_ITEMS.reduce((sum, { size }) => sum + size, 0),
  kinds: [{ kind: "picture", count: MANY_ITEMS.length, bytes: 560 * MB }],
  asked_at: NOW - MINUTE,
};

/** All items of the long offer, for `offer_items`. */
export const LONG_OFFER = { id: STRANGER_OFFER.id, items: MANY_ITEMS };

export const INVITATION: Invitation = {
  folder: "folder-garden",
  name: "Garden plans",
  from: sender(BEN),
  owner: "Ben’s laptop",
  role: "editor",
  files: 163,
  bytes: 842 * MB,
  counting: false,
  members: [
    { name: "Ben’s laptop", role: "owner" },
    { name: "Cleo’s desktop", role: "viewer" },
  ],
  place: "~/Shared/Garden plans",
  free: 81_000 * MB,
  dry_run: { already_have: 120, differ: 3, new: 40 },
  trouble: null,
  asked_at: NOW - 12 * MINUTE,
};

const member = (device: Device, role: Member["role"], state: Member["state"]): Member => ({
  device: device.id,
  name: device.name,
  role,
  state,
});

const PHOTOS: Folder = {
  id: "folder-photos",
  name: "Photos",
  place: "~/Pictures/Photos",
  role: "owner",
  state: { type: "up_to_date" },
  reading: null,
  copying: null,
  files: 12_410,
  bytes: 8_200 * MB,
  members: [
    member(ANA, "editor", { type: "up_to_date" }),
    member(NAS, "viewer", { type: "up_to_date" }),
    member(BEN, "editor", { type: "behind", files: 12, bytes: 48 * MB }),
    member(CLEO, "viewer", { type: "away", since: NOW - 3 * MINUTE, files: 4 }),
  ],
  problems: [],
  problem_count: 0,
  conflicts: [],
  conflict_count: 0,
  kept: { versions: 0, bytes: 0, keep: { days: null, forever: false, bytes: null } },
  merges: true,
  hold: null,
};

const WORK: Folder = {
  ...PHOTOS,
  id: "folder-work",
  name: "Work",
  place: "~/Shared/Work",
  role: "editor",
  files: 5_000,
  bytes: 1_940 * MB,
  state: { type: "hold" },
  members: [
    member(ANA, "owner", { type: "up_to_date" }),
    member(BEN, "editor", { type: "up_to_date" }),
    member(CLEO, "viewer", { type: "away", since: NOW - 3 * MINUTE, files: null }),
  ],
  problems: [
    {
      path: "reports/aux.txt",
      trouble: { code: "NAME-01", params: { file: "aux.txt", system: "Windows" } },
    },
    {
      path: "private/keys.db",
      trouble: { code: "FOLD-02", params: { n: 1, file: "private/keys.db" } },
    },
  ],
  problem_count: 2,
  conflicts: [
    {
      path: "budget.ods",
      copy: "budget (Ben’s laptop, 2026-11-23 09.40, a1b2).ods",
      by: "Ben’s laptop",
      at: NOW - 4 * HOUR,
    },
    {
      path: "notes/meeting.md",
      copy: "notes/meeting (Ana · ThinkPad, 2026-11-22 18.03, 77fe).md",
      by: "Ana · ThinkPad",
      at: NOW - 20 * HOUR,
    },
  ],
  conflict_count: 2,
  kept: { versions: 0, bytes: 0, keep: { days: null, forever: false, bytes: null } },
  merges: true,
  hold: {
    by: "Ana · ThinkPad",
    removes: 4_120,
    replaces: 0,
    of: 5_000,
    examples: ["archive/2019/invoice-001.pdf", "archive/2019/invoice-002.pdf", "archive/2020/summary.xlsx"],
    asked_at: NOW - 3 * MINUTE,
  },
};

const MUSIC: Folder = {
  ...PHOTOS,
  id: "folder-music",
  name: "Music",
  place: "/media/disk/Music",
  state: {
    type: "syncing",
    files_left: 214,
    bytes_left: 1_310 * MB,
    bytes_total: 4_400 * MB,
    speed: 24.1 * MB,
    eta_s: 54,
  },
  files: 3_120,
  bytes: 21_400 * MB,
  members: [member(NAS, "editor", { type: "up_to_date" })],
};

const FILMS: Folder = {
  ...PHOTOS,
  id: "folder-films",
  name: "Films",
  place: "/media/usb/Films",
  state: { type: "stopped", trouble: { code: "FOLD-01", params: { path: "/media/usb/Films" } } },
  files: 48,
  bytes: 190_000 * MB,
  members: [member(BEN, "viewer", { type: "unknown" })],
};

const RECIPES: Folder = {
  ...PHOTOS,
  id: "folder-recipes",
  name: "Recipes",
  place: "~/Documents/Recipes",
  state: { type: "paused" },
  files: 92,
  bytes: 31 * MB,
  members: [member(CLEO, "editor", { type: "invited" })],
};

const transfer = (id: string, rest: Partial<Transfer>): Transfer => ({
  id,
  direction: "down",
  title: "file",
  files_total: 1,
  files_done: 0,
  bytes_done: 0,
  bytes_total: 0,
  devices: [{ id: BEN.id, name: BEN.name }],
  speed: 0,
  eta_s: null,
  state: { type: "receiving" },
  reading: null,
  failed: 0,
  place: null,
  started_at: NOW - 5 * MINUTE,
  ...rest,
});

const TRANSFERS: Transfer[] = [
  transfer("t1", {
    title: "film.mkv",
    bytes_done: 2_982 * MB,
    bytes_total: 4_200 * MB,
    speed: 38 * MB,
    eta_s: 33,
    devices: [BEN, NAS, ANA].map(({ id, name }) => ({ id, name })),
  }),
  transfer("t2", {
    direction: "up",
    title: "holiday-1.jpg",
    files_total: 3,
    files_done: 3,
    bytes_done: 214 * MB,
    bytes_total: 214 * MB,
    state: { type: "checking" },
  }),
  transfer("t3", {
    direction: "up",
    title: "budget-2027.ods",
    bytes_total: 19_000,
    state: { type: "asking", since: NOW - 42_000 },
    devices: [{ id: ANA.id, name: ANA.name }],
  }),
  transfer("t4", {
    direction: "up",
    title: "report.pdf",
    bytes_total: 2.4 * MB,
    state: { type: "waiting", device: CLEO.id, name: CLEO.name },
    devices: [{ id: CLEO.id, name: CLEO.name }],
  }),
  transfer("t5", {
    title: "Archive 2025",
    files_total: 307,
    files_done: 300,
    bytes_done: 1_700 * MB,
    bytes_total: 1_820 * MB,
    failed: 7,
    state: { type: "failed", trouble: { code: "DISK-04", params: { size: 120 * MB, free: 14 * MB } } },
    devices: [{ id: ANA.id, name: ANA.name }],
  }),
  transfer("t6", {
    title: "slides.odp",
    bytes_done: 6.1 * MB,
    bytes_total: 6.1 * MB,
    files_done: 1,
    place: "~/Downloads/Shoal",
    state: { type: "done", at: NOW - 26 * MINUTE },
  }),
];

function empty(): View {
  return {
    now: NOW,
    me: {
      id: key("Me7HomeX"),
      name: "Dana’s computer",
      home_label: null,
      platform: "linux",
      version: "0.1.0",
      first_run: false,
      downloads: "~/Downloads/Shoal",
      addresses: [`/ip4/192.168.1.20/udp/22067/quic-v1/p2p/${key("Me7HomeX")}`],
      theme: "system",
    },
    network: { state: "up", name: "Home-5G", troubles: [], dht_peers: null },
    devices: [],
    blocked: [],
    pairing: [],
    inbox: [],
    folders: [],
    transfers: [],
    rates: { down: 0, up: 0 },
    notices: [],
  };
}

function full(): View {
  const inbox: Request[] = [
    { type: "invitation", ...INVITATION },
    { type: "offer", ...OFFER },
    { type: "offer", ...STRANGER_OFFER },
  ];
  return {
    ...empty(),
    devices: [BEN, ANA, NAS, CLEO, OLD_BEN, STUDIO, IMPOSTOR, SILENT],
    blocked: [{ id: key("Blocked1"), name: "free-wifi-printer", blocked_at: NOW - DAY }],
    inbox,
    folders: [PHOTOS, WORK, MUSIC, FILMS, RECIPES],
    transfers: TRANSFERS,
    rates: { down: 62_100_000, up: 210_000 },
  };
}

/** Names made to break layouts and to deceive. */
export const HOSTILE = [
  "<img src=x onerror=alert(1)>",
  "photo\u202egpj.exe",
  "W".repeat(300),
  "a b ".repeat(80),
  "עברית עם English באמצע",
  "\u0000\u0007\u001b[31mred",
  "   ",
  "👩‍👩‍👧‍👦".repeat(30),
  "z\u0335\u0321\u033a".repeat(40),
];

function hostile(): View {
  const view = full();
  const name = (index: number) => HOSTILE[index % HOSTILE.length] ?? "";
  view.devices = view.devices.map((device, index) => ({
    ...device,
    name: name(index),
    own_name: name(index + 1),
  }));
  view.folders = view.folders.map((folder, index) => ({
    ...folder,
    name: name(index + 2),
    place: `/home/${name(index + 3)}/x`,
    members: folder.members.map((one, at) => ({ ...one, name: name(at + index) })),
    problems: folder.problems.map((problem, at) => ({ ...problem, path: `${name(at)}/${name(at + 1)}.txt` })),
  }));
  view.transfers = view.transfers.map((row, index) => ({
    ...row,
    title: name(index),
    devices: row.devices.map((device, at) => ({ ...device, name: name(index + at) })),
  }));
  view.inbox = view.inbox.map((request, index) => {
    if (request.type === "pairing") return request;
    const from = { ...request.from, name: name(index + 1) };
    if (request.type === "invitation") return { ...request, from, name: name(index + 2) };
    const items = request.items.map((one, at) => ({ ...one, path: `${name(at)}.pdf` }));
    return { ...request, from, items, note: HOSTILE.join("\n") };
  });
  return view;
}

const stories = {
  full,
  empty,
  hostile,
  welcome: () => ({ ...empty(), me: { ...empty().me, first_run: true } }),
  offline: () => ({
    ...full(),
    devices: full()
      .devices.filter(({ trust }) => trust === "verified")
      .map((device) => ({ ...device, presence: { type: "away" as const, since: NOW - MINUTE } })),
    rates: { down: 0, up: 0 },
    transfers: [],
    network: { ...empty().network, state: "none" as const, name: null },
    inbox: [],
  }),
  blocked_network: () => ({
    ...empty(),
    devices: [SILENT],
    network: { ...empty().network, troubles: [{ code: "NET-01" as const, params: { network: "Home-5G" } }] },
  }),
};

export type Story = keyof typeof stories;

export function story(name: string | null): View {
  const tell = stories[(name ?? "full") as Story] as (() => View) | undefined;
  return (tell ?? full)();
}
