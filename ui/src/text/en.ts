// English: every word of the interface. Names inside sentences come in through `quoted`.
import { bytes, count, left } from "../lib/format";
import { quoted } from "../lib/names";
import type { DryRun, ItemKind, ItemWarning, PathKind, Platform, Role } from "../ipc/types";

const rules = new Intl.PluralRules("en");
const lists = new Intl.ListFormat("en-GB", { type: "conjunction" });

const plural = (value: number, one: string, other: string) =>
  `${count(value)} ${rules.select(value) === "one" ? one : other}`;

const files = (value: number) => plural(value, "file", "files");
const offered = (value: number, kinds: { kind: ItemKind }[]) =>
  kinds.some(({ kind }) => kind === "folder") ? items(value) : files(value);
const items = (value: number) => plural(value, "item", "items");
const sized = (value: number, size: number | null) =>
  size === null ? items(value) : `${items(value)}, ${bytes(size)}`;

/** "Ana", "Ana and Ben", "Ana, Ben and 3 others". */
const people = (names: string[]) => {
  const first = names.slice(0, 3).map((name) => quoted(name, 28));
  return lists.format(names.length > 3 ? [...first, plural(names.length - 3, "other", "others")] : first);
};

export const en = {
  app: "Shoal",
  files,
  items,
  offered,
  people,
  sized,
  fileCount: (value: number, size: number) => `${files(value)}, ${bytes(size)}`,
  stillCounting: (value: number, size: number) =>
    value === 0 ? "still being counted" : `at least ${files(value)}, ${bytes(size)}; still being counted`,
  percent: (value: number) => `${value} %`,
  of: (done: string, total: string) => `${done} of ${total}`,
  timeLeft: (seconds: number) => `about ${left(seconds)} left`,

  nav: {
    label: "Views",
    nearby: "Nearby",
    inbox: "Needs you",
    folders: "Folders",
    transfers: "Transfers",
    settings: "Settings",
    help: "Help",
    skip: "Go to the content",
    counted: (name: string, value: number, what: "needs" | "active") =>
      what === "needs" ? `${name}, ${value} waiting for you` : `${name}, ${value} active`,
  },

  act: {
    cancel: "Cancel",
    close: "Close",
    change: "Change…",
    save: "Save",
    undo: "Undo",
    sendNow: "Send now",
    copy: "Copy",
    copied: "Copied",
    dismiss: "Dismiss",
    more: "More",
    open: "Show in folder",
    tryAgain: "Try again",
  },

  link: {
    connecting: "Starting…",
    lost: "Shoal does not answer. Trying again…",
    signedOut: "This browser is not signed in. Open the address printed by shoal serve.",
  },

  status: {
    label: "Status",
    noNetwork: "Not on a network",
    starting: "Starting",
    network: (name: string) => quoted(name, 28),
    unnamed: "On the network",
    here: (value: number) => `${value} here`,
    down: (rate: string) => `receiving ${rate}`,
    up: (rate: string) => `sending ${rate}`,
    well: "all well",
    scanning: "looking through folders",
    problems: (value: number) => plural(value, "thing to look at", "things to look at"),
  },

  trust: {
    not_paired: "not paired",
    verified: "verified",
    key_changed: "key changed",
    verifiedOn: (date: string) => `Verified on ${date}`,
  },

  platform: { linux: "Linux", macos: "Mac", windows: "Windows", other: "computer" } satisfies Record<
    Platform,
    string
  >,

  path: {
    lan: "same network",
    direct: "over the internet",
    hole_punched: "over the internet, direct",
    relayed: "through a relay",
  } satisfies Record<PathKind, string>,

  role: {
    owner: "owner",
    editor: "may edit",
    viewer: "may read",
    keeper: "keeps sealed copies",
  } satisfies Record<Role, string>,
  roleChoice: {
    editor: "May edit",
    viewer: "May read",
  },
  roleExplained: {
    owner: "You are the owner and decide who is in.",
    editor: "You may read and change files.",
    viewer: "You may read files, not change them.",
    keeper: "This computer keeps sealed copies it cannot read.",
  } satisfies Record<Role, string>,

  nearby: {
    title: "Nearby",
    add: "Add device",
    paired: "Paired",
    others: "Others on this network",
    othersNone: "Nobody else on this network right now.",
    hint: "Drop files on a device, or press Enter on it.",
    me: "This computer",
    meHint: "This is how others see you",
    emptyTitle: "Nobody else here yet",
    emptyOn: (network: string) =>
      `Open Shoal on another computer on ${quoted(network)}. It appears here by itself.`,
    empty: "Open Shoal on another computer on the same network. It appears here by itself.",
    emptyAddress: "Use a link or an address",
    noNetworkTitle: "Not on a network",
    noNetwork: "Changes are kept and go out when you are back.",
    looking: (network: string) => `Looking on ${quoted(network)}`,
    lookingAnywhere: "Looking for others",
    here: "here",
    hereMs: (ms: number) => (ms < 1 ? "here · under 1 ms" : `here · ${ms} ms`),
    away: "away",
    awaySince: (time: string) => `away since ${time}`,
    found: "found, connecting",
    unreachable: "does not answer",
    suffixed: (name: string, suffix: string) => `${name} · ${suffix}`,
    impostor: (name: string) => `Not the ${quoted(name, 24)} you verified`,
    tooOld: "Its version is too old",
    ownName: (name: string) => `calls itself ${quoted(name, 24)}`,
    spoken: (name: string, trust: string, presence: string, index: number, total: number) =>
      `${name}, ${trust}, ${presence}, ${index} of ${total}`,
    drop: {
      send: (what: string) => `Send ${what}`,
      waits: "Away: will wait",
      asks: "Asks first",
      refused: "Pair again first",
      here: "Drop here",
    },
    menu: {
      label: (name: string) => `What to do with ${name}`,
      sendFiles: "Send files…",
      sendFolder: "Send a folder…",
      share: "Share a folder…",
      pair: "Pair…",
      pairAgain: "Pair again…",
      details: "Details…",
    },
  },

  undo: {
    sending: (what: string, name: string) => `Sending ${what} to ${quoted(name, 28)}`,
    preparing: (what: string) => `Reading ${what}`,
  },

  dropOnStranger: {
    title: (name: string) => `${quoted(name)} is not paired`,
    text: (what: string) =>
      `Pair first, so that you know whose computer this is. Or send ${what} once; the person there is asked.`,
    pairFirst: "Pair first",
    once: "Send once",
  },

  inbox: {
    title: "Needs you",
    review: "Review",
    decline: "Decline",
    showCode: "Show code",
    offer: (what: string) => `wants to send ${what}`,
    invitation: (folder: string) => `wants to share the folder ${quoted(folder)} with you`,
    pairing: "wants to pair with this computer",
    holdTitle: (folder: string) => `Changes held in ${quoted(folder)}`,
    hold: (by: string | null, removes: number, replaces: number) => {
      const what = [
        ...(removes > 0 ? [`remove ${files(removes)}`] : []),
        ...(replaces > 0 ? [`replace ${files(replaces)}`] : []),
      ].join(" and ");
      return by === null ? `This computer wants to ${what}` : `${quoted(by, 28)} wants to ${what}`;
    },
    emptyTitle: "Nothing needs you",
    empty: "Requests to receive files, to join a folder or to pair will wait here until you answer.",
    arrived: (value: number) => plural(value, "new request", "new requests"),
    all: (value: number) => `Show all ${value}`,
  },

  approve: {
    offerTitle: (name: string, what: string) => `${quoted(name, 32)} wants to send you ${what}`,
    invitationTitle: (name: string, folder: string) =>
      `${quoted(name, 32)} wants to share ${quoted(folder, 32)} with you`,
    verified: (date: string | null) => (date ? `Verified on ${date}` : "Verified"),
    notVerified: "Not verified. Anyone on this network can use this name.",
    keyChanged: "Its key changed since you verified it. Pair again before accepting anything.",
    verify: "Pair first…",
    note: "Message",
    list: "Files",
    choose: (name: string) => `Take ${name}`,
    chooseAll: "All",
    chosen: (some: number, all: string) => `${count(some)} of ${all} chosen`,
    kinds: {
      folder: (n: number) => plural(n, "folder", "folders"),
      picture: (n: number) => plural(n, "picture", "pictures"),
      video: (n: number) => plural(n, "video", "videos"),
      sound: (n: number) => plural(n, "sound", "sounds"),
      document: (n: number) => plural(n, "document", "documents"),
      archive: (n: number) => plural(n, "archive", "archives"),
      program: (n: number) => plural(n, "program", "programs"),
      other: (n: number) => plural(n, "other file", "other files"),
    } satisfies Record<ItemKind, (n: number) => string>,
    warnings: {
      program: "a program: runs if opened",
      double_extension: "two endings: not what it seems",
      hidden_characters: "hidden characters in its name",
    } satisfies Record<ItemWarning, string>,
    savedAs: (name: string) => `That name exists; saved as ${quoted(name, 48)}`,
    saveTo: "Save to",
    folderTo: "Keep it in",
    room: (size: number, free: number) => `${bytes(size)} of ${bytes(free)} free`,
    roomUnknown: (size: number) => `${bytes(size)} needed`,
    incomplete: "The list is still arriving…",
    more: (value: number) => `Show ${count(value)} more`,
    block: "Block",
    blockConfirm: (name: string) => `Block ${quoted(name, 28)} and decline?`,
    decline: "Decline",
    accept: (what: string, size: number) => `Accept ${what}, ${bytes(size)}`,
    acceptNone: "Choose what to accept",
    join: "Join folder",
    role: "Your part",
    owner: "Owner",
    alsoIn: "Also in it",
    nobodyElse: "nobody else yet",
    size: "Size",
    dryRun: "What will happen",
    dryRunWait: "Comparing with what is there…",
    dry: ({ already_have, differ, new: fresh }: DryRun) => [
      ...(already_have > 0 ? [`${files(already_have)} you already have`] : []),
      ...(differ > 0 ? [`${count(differ)} differ and both will be kept`] : []),
      `${count(fresh)} new`,
      "nothing will be removed",
    ],
    gone: "This request was withdrawn or answered.",
  },

  pair: {
    title: (name: string) => `Pair with ${quoted(name, 32)}`,
    askedTitle: (name: string) => `${quoted(name, 32)} wants to pair`,
    reaching: (name: string) => `Reaching ${quoted(name, 32)}…`,
    typeLead: (name: string) => `A code is on ${quoted(name, 32)}’s screen. Type it here.`,
    codeLabel: "Six-digit code",
    showLead: (name: string) => `Read this code to the person at ${quoted(name, 32)}:`,
    codeSpoken: (spelled: string) => `Code: ${spelled}`,
    showHint: "They type it on their computer. Only go on if they sit there.",
    waitingOther: "Waiting for the code to be typed there…",
    freshCode: (n: number) =>
      `The code before is used up; this is a new one. ${plural(n, "try left", "tries left")}.`,
    codeTooOld: (name: string, n: number) =>
      `The code before got too old. A new one is on ${quoted(name, 32)}’s screen; ${plural(n, "try left", "tries left")}.`,
    checking: "Checking the code…",
    matches: "Matches",
    matchedLead: (name: string) => `Ask the person at ${quoted(name, 32)} to allow it.`,
    words: (words: string[]) => `Both screens show: ${words.map((word) => quoted(word, 24)).join(", ")}`,
    reported: "The other side reports a match.",
    question: (name: string) => `Does ${quoted(name, 32)}’s screen say “Matches”?`,
    yes: "Yes, allow",
    no: "No",
    pairIt: "Check code",
    triesLeft: (n: number) => plural(n, "try left", "tries left"),
    lockedUntil: (time: string) => `You can try again at ${time}.`,
    doneTitle: (name: string) => `You and ${quoted(name, 32)} are paired`,
    doneLead: "Only your two computers know. Each time files are sent, you are asked first.",
    shareFolder: "Share a folder",
    done: "Done",
    failedTitle: "Not paired",
    incomplete: "The code has six digits.",
  },

  add: {
    title: "Add device",
    lead: "Devices on the same network appear by themselves. For any other, exchange a link or an address.",
    theirs: "Link or address from the other computer",
    theirsHint: "Begins with shoal:// or with /ip4/",
    connect: "Connect",
    mine: "Let another computer find this one",
    makeLink: "Make a pairing link",
    linkLabel: "Pairing link",
    linkHint: (time: string) =>
      `Works once, until ${time}. Send it only to the person you want to pair with.`,
    addresses: "Addresses of this computer",
    noAddresses: "This computer has no address yet.",
  },

  device: {
    name: "Name on this computer",
    nameHint: (own: string) => `Calls itself ${quoted(own, 32)}.`,
    rename: "Rename",
    trust: "Trust",
    presence: "Presence",
    system: "System",
    key: "Key",
    address: "Address",
    folders: "Folders",
    noFolders: "No folder in common",
    forget: "Forget",
    forgetTitle: (name: string) => `Forget ${quoted(name, 32)}?`,
    forgetText:
      "You are not paired any more. Shared folders stop going there; what is already there stays there. You can pair again.",
    block: "Block",
    blockTitle: (name: string) => `Block ${quoted(name, 32)}?`,
    blockText:
      "It disappears from here and can ask you nothing. It is not told. You can unblock it in Settings.",
  },

  folders: {
    title: "Folders",
    share: "Share a folder",
    emptyTitle: "No folders yet",
    empty: "Pick a folder you want on more than one computer. Nothing is copied until the other side agrees.",
    upToDateWith: (names: string[]) => `Up to date with ${people(names)}`,
    upToDateAlone: "Shared with nobody yet",
    behind: (name: string, n: number) => `${quoted(name, 24)}: ${files(n)} to go`,
    awayMember: (name: string) => `${quoted(name, 24)} is away`,
    invited: (name: string) => `waits for ${quoted(name, 24)} to answer`,
    unknown: (name: string) => `asking ${quoted(name, 24)}`,
    declined: (name: string) => `${quoted(name, 24)} said no`,
    scanning: (done: number, total: number | null) =>
      total === null
        ? `Looking through it: ${files(done)} so far`
        : `Looking through it: ${count(done)} of ${files(total)}`,
    scanSpeed: (n: number) => `${files(n)} a second`,
    reading: (done: string, total: string) => `Reading what changed here: ${done} of ${total}`,
    copyingIn: (done: string, total: string) => `Copying in: ${done} of ${total}`,
    settling: "Writing down what changed",
    syncing: (n: number, size: number) => `Receiving ${files(n)}, ${bytes(size)} to go`,
    waiting: (n: number, size: number) => `${files(n)} (${bytes(size)}) are on no device that is here`,
    noRoom: (n: number, size: number) => `No room on this disk: ${files(n)}, ${bytes(size)} to go`,
    paused: "Paused",
    stopped: "Stopped",
    hold: "Waits for your answer",
    conflicts: (n: number) => plural(n, "conflict", "conflicts"),
    problems: (n: number) => plural(n, "problem", "problems"),
    holds: "1 held change",
    pause: "Pause",
    resume: "Resume",
    rescan: "Look again now",
    stop: "Stop sharing…",
    stopTitle: (name: string) => `Stop sharing ${quoted(name, 32)} on this computer?`,
    stopText:
      "All files stay where they are, here and on the other computers. Changes are no longer exchanged.",
    stopDo: "Stop sharing",
    back: "All folders",
    people: "Who has it",
    me: "This computer",
    invite: "Invite…",
    inviteTitle: (name: string) => `Invite to ${quoted(name, 32)}`,
    inviteDo: "Invite",
    inviteNobody: "Everyone you are paired with is already in.",
    remove: "Remove",
    removeTitle: (name: string) => `Remove ${quoted(name, 32)} from this folder?`,
    removeText: (name: string) => `${quoted(name, 32)} gets nothing new. What is already there stays there.`,
    roleOf: (name: string) => `Role of ${name}`,
    memberState: {
      up_to_date: "up to date",
      unknown: "asking…",
      invited: "waits for an answer",
      declined: "said no",
      away: "away",
      awaySince: (time: string) => `away since ${time}`,
      awayChanges: (n: number) => plural(n, "change waits", "changes wait"),
      behind: (n: number, size: number) => `${files(n)}, ${bytes(size)} to go`,
    },
    problemsTitle: "Problems",
    problemsMore: (n: number) => `and ${count(n)} more`,
    conflictsTitle: "Conflicts",
    conflictsLead:
      "Changed on two computers while apart. Both versions are in the folder; keep what you want as ordinary files.",
    conflict: (by: string) => `The version from ${quoted(by, 24)} is kept as`,
    filesTitle: "Files",
    filesEmpty: "Nothing in it yet.",
    fileColumns: { name: "Name", size: "Size", changed: "Changed" },
    fileState: { here: "here", coming: "on its way", conflict: "conflict", problem: "problem" },
    up: "Up one level",
    pages: (page: number, pages: number) => `Page ${page} of ${pages}`,
    next: "Next",
    previous: "Previous",
    drop: (what: string, name: string) => `Copy ${what} into ${quoted(name, 24)}`,
    dropShare: "Drop a folder here to share it",
    copied: (what: string, name: string) => `Copied ${what} into ${quoted(name, 24)}`,
    addFiles: "Add files…",
  },

  hold: {
    from: (by: string, removes: number, of: number, folder: string) =>
      `${quoted(by, 28)} wants to remove ${count(removes)} of ${files(of)} in ${quoted(folder, 28)}`,
    replaceFrom: (by: string, replaces: number, of: number, folder: string) =>
      `${quoted(by, 28)} wants to replace ${count(replaces)} of ${files(of)} in ${quoted(folder, 28)}`,
    own: (removes: number, folder: string) =>
      `${files(removes)} in ${quoted(folder, 28)} were removed on this computer`,
    ownReplace: (replaces: number, folder: string) =>
      `${files(replaces)} in ${quoted(folder, 28)} were rewritten on this computer`,
    nothingYet: "Nothing has been changed here.",
    nothingSent: "Nothing was passed on to the others yet.",
    keptNote: "Removed files stay among the kept versions.",
    look: "Look first",
    keepMine: "Keep mine",
    putBack: "Put them back",
    remove: (n: number) => `Remove ${files(n)} here`,
    replace: (n: number) => `Replace ${files(n)} here`,
    removeAll: "Remove them for everyone",
    sendAll: "Send the changes to everyone",
    always: (folder: string) => `Do not ask again for ${quoted(folder, 28)}`,
  },

  share: {
    title: "Share a folder",
    place: "Folder",
    choose: "Choose…",
    typed: "Path of the folder on this computer",
    typedHint: "The whole path, such as /home/ana/Pictures",
    use: "Use this folder",
    name: "Name others see",
    counting: (n: number, size: number) => `${files(n)}, ${bytes(size)} so far…`,
    counted: (n: number, size: number) => `${files(n)}, ${bytes(size)}`,
    with: "Share with",
    nobody: "You are not paired with anyone yet. You can share now and invite people later.",
    role: (name: string) => `What ${name} may do`,
    away: "away: the invitation waits",
    agree: "Nothing is copied until the other side agrees.",
    /** Beside a check box: the person confirms that the mark found in the folder may be replaced. */
    takeOver: "Nothing else uses it: share it from here. Its files and kept versions stay.",
    submit: "Share folder",
    submitWith: (n: number) => `Share with ${plural(n, "person", "people")}`,
  },

  transfers: {
    title: "Transfers",
    emptyTitle: "Nothing moving",
    empty: "Drop a file on someone in Nearby.",
    goNearby: "Go to Nearby",
    clearDone: "Clear finished",
    filter: "Show",
    filters: { all: "All", active: "Active", waiting: "Waiting", failed: "Failed", done: "Done" },
    noneSuch: "None of these.",
    filterCount: (name: string, n: number) => `${name} ${n}`,
    to: (names: string[]) => `to ${people(names)}`,
    from: (names: string[]) => `from ${people(names)}`,
    titled: (title: string, more: number) =>
      more > 0 ? `${quoted(title)} and ${count(more)} more` : quoted(title),
    asking: (names: string[]) => `waiting for ${people(names)} to answer`,
    waits: (name: string) => `waits: ${quoted(name, 24)} is away`,
    checking: "checking",
    reading: (done: string, total: string) => `reading before it can go: ${done} of ${total}`,
    done: "done",
    paused: "paused",
    declined: "was declined",
    withdrawn: "withdrawn",
    failed: "failed",
    failedSome: (n: number, ok: number) => `${files(n)} failed · ${count(ok)} are safe`,
    sending: "sending",
    receiving: "receiving",
    withdraw: "Withdraw",
    stop: "Stop",
    pause: "Pause",
    resume: "Resume",
    retry: (n: number) => (n > 0 ? `Retry ${files(n)}` : "Try again"),
    clear: "Clear",
    progress: (title: string) => `Progress of ${title}`,
    speedTitle: "Speed, last 60 seconds",
    speedDown: "receiving",
    speedUp: "sending",
    speedNow: (down: string, up: string) => `Receiving ${down}, sending ${up}`,
    savedIn: (place: string) => `in ${quoted(place, 60)}`,
  },

  welcome: {
    title: "Welcome to Shoal",
    lead: "Share folders and files with the computers around you. No account and no server.",
    name: "What should others call this computer?",
    nameHint: "Others on your network see this name. Nothing is announced before you start.",
    downloads: "Received files go to",
    start: "Start Shoal",
    nameMissing: "Give this computer a name.",
  },

  settings: {
    title: "Settings",
    name: "Name of this computer",
    nameHint: "What others on your network see.",
    downloads: "Received files go to",
    downloadsHint: "You can choose another place each time you accept.",
    theme: "Theme",
    themes: { system: "As the system", light: "Light", dark: "Dark" },
    blocked: "Blocked devices",
    noneBlocked: "Nobody is blocked.",
    unblock: "Unblock",
    unblockNamed: (name: string) => `Unblock ${name}`,
    version: (version: string) => `Shoal ${version}`,
    typedPlace: "Path on this computer",
  },

  help: {
    title: "Help",
    shortcuts: "Keyboard",
    keys: {
      views: "The views",
      settings: "Settings",
      move: "Move between devices",
      open: "Open what you can do with a device",
      panes: "Next pane, previous pane",
      close: "Close, cancel",
      send: "Send files to a device",
      share: "Share a folder",
      help: "This list",
    },
    lead: "Everything works by click, by keyboard and by dropping files.",
  },
};
