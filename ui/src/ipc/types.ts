// Written by shoal_node::command::typescript(). Do not edit.

export type View = { 
/**
 * When this view was made, by the clock of the computer Shoal runs on.
 */
now: number, me: Me, network: Network, 
/**
 * Paired devices and others seen on the network, without blocked ones; any order.
 */
devices: Array<Device>, blocked: Array<BlockedDevice>, 
/**
 * Pairings under way, and those that ended and were not yet dismissed by `CancelPair`.
 */
pairing: Array<Pairing>, 
/**
 * What waits for an answer of this person, oldest first. Holds are in their folders.
 */
inbox: Array<Request>, folders: Array<Folder>, 
/**
 * Newest first; finished ones stay until cleared.
 */
transfers: Array<Transfer>, rates: Rates, notices: Array<Notice>, };

export type Me = { id: string, name: string, 
/**
 * Set when this is not the default home, so that several can be told apart.
 */
home_label: string | null, platform: Platform, version: string, 
/**
 * True until `SetUp`; nothing is announced before.
 */
first_run: boolean, 
/**
 * Where received files go, as shown to people (`~/Downloads/Shoal`).
 */
downloads: string, 
/**
 * Addresses another device can dial, complete with port and device id.
 */
addresses: Array<string>, theme: Theme, };

export type Platform = "linux" | "macos" | "windows" | "other";

export type Theme = "system" | "light" | "dark";

export type Network = { state: NetworkState, 
/**
 * The name of the network where the system tells it (`Home-5G`).
 */
name: string | null, 
/**
 * What is in the way of being found, such as NET-01; empty when all is well.
 */
troubles: Array<Trouble>, 
/**
 * Devices in the routing table of the distributed hash table; none when it is off.
 */
dht_peers: number | null, };

export type NetworkState = "starting" | "up" | "none";

export type Device = { id: string, 
/**
 * The name this person gave it, else its own.
 */
name: string, 
/**
 * The name it gives itself, when that differs from `name`.
 */
own_name: string | null, 
/**
 * A few characters of the key, only when two devices have one name.
 */
suffix: string | null, platform: Platform, trust: Trust, 
/**
 * When it was paired.
 */
verified_at: number | null, presence: Presence, 
/**
 * When this person last did something with it; orders the tiles.
 */
last_used: number | null, warnings: Array<DeviceWarning>, 
/**
 * A full address it was last reached at, for the details.
 */
address: string | null, 
/**
 * Bytes of files that went between the two since this Shoal started; left out when none did.
 */
traffic?: Traffic, };

export type Traffic = { down: number, up: number, };

export type Trust = "not_paired" | "verified" | "key_changed";

export type Presence = { "type": "here", rtt_ms: number | null, path: PathKind, } | { "type": "away", since: number | null, } | { "type": "found", trouble: Trouble | null, };

export type PathKind = "lan" | "direct" | "hole_punched" | "relayed";

export type DeviceWarning = "name_of_verified" | "too_old";

export type BlockedDevice = { id: string, name: string, blocked_at: number, };

export type Pairing = { device: string, 
/**
 * The other's name, also when it is not in `devices` yet.
 */
name: string, side: PairingSide, 
/**
 * Six digits, only on the showing side.
 */
code: string | null, stage: PairingStage, tries_left: number, 
/**
 * After three wrong codes: until when no further try is taken.
 */
locked_until: number | null, 
/**
 * Three words both sides show after the match; a second look that replaces nothing.
 */
words: Array<string>, };

export type PairingSide = "typing" | "showing";

export type PairingStage = { "type": "asking" } | { "type": "enter_code" } | { "type": "checking" } | { "type": "matched" } | { "type": "waiting_confirm" } | { "type": "done" } | { "type": "failed", trouble: Trouble, };

export type Request = { "type": "offer" } & Offer | { "type": "invitation" } & Invitation | { "type": "pairing", id: string, device: string, name: string, asked_at: number, };

export type Offer = { id: string, from: Sender, note: string | null, 
/**
 * The first 50; the others by `OfferItems`.
 */
items: Array<OfferItem>, item_count: number, bytes: number, kinds: Array<KindTotal>, 
/**
 * False while the list still arrives; it cannot be accepted before.
 */
complete: boolean, 
/**
 * Where the files will go, as shown to people.
 */
place: string, 
/**
 * Free space at `place`, when known.
 */
free: number | null, 
/**
 * Why it cannot be accepted as it is, such as DISK-04.
 */
trouble: Trouble | null, asked_at: number, };

export type Sender = { device: string, name: string, suffix: string | null, trust: Trust, verified_at: number | null, path: PathKind | null, };

export type OfferItem = { 
/**
 * Its place in the whole list; what `Accept` names.
 */
index: number, 
/**
 * Its path inside the offer, with `/`.
 */
path: string, size: number, kind: ItemKind, warnings: Array<ItemWarning>, 
/**
 * The name it will get instead, because its own exists at the place.
 */
saved_as: string | null, 
/**
 * Why it cannot be saved here, such as NAME-01.
 */
trouble: Trouble | null, };

export type ItemKind = "folder" | "picture" | "video" | "sound" | "document" | "archive" | "program" | "other";

export type ItemWarning = "program" | "double_extension" | "hidden_characters";

export type KindTotal = { kind: ItemKind, count: number, bytes: number, };

export type Invitation = { folder: string, name: string, from: Sender, 
/**
 * Name of the owner, who decides about members.
 */
owner: string, 
/**
 * What this computer may do in it.
 */
role: Role, files: number, bytes: number, 
/**
 * The other side still looks at its files: there may be more.
 */
counting: boolean, members: Array<InvitedMember>, 
/**
 * The suggested place, as shown to people; it does not exist yet.
 */
place: string, free: number | null, 
/**
 * What joining at `place` would do; none until known.
 */
dry_run: DryRun | null, trouble: Trouble | null, asked_at: number, };

export type InvitedMember = { name: string, role: Role, };

export type DryRun = { 
/**
 * Files that are there with the same bytes.
 */
already_have: number, 
/**
 * Files that are there with other bytes; both will be kept.
 */
differ: number, 
/**
 * Files that will be fetched.
 */
new: number, };

export type Role = "owner" | "editor" | "viewer" | "keeper";

export type Folder = { id: string, name: string, 
/**
 * Where it is on this computer, as shown to people.
 */
place: string, 
/**
 * What this computer may do in it.
 */
role: Role, state: FolderState, 
/**
 * Files of this computer being read, in bytes: their contents get their names.
 */
reading: Progress | null, 
/**
 * Files being copied in, in bytes.
 */
copying: Progress | null, files: number, bytes: number, 
/**
 * The other devices; this computer is not listed.
 */
members: Array<Member>, 
/**
 * The first 50.
 */
problems: Array<Problem>, problem_count: number, 
/**
 * The first 50.
 */
conflicts: Array<Conflict>, conflict_count: number, hold: Hold | null, kept: FolderKept, 
/**
 * Two edits of one text are merged if that leaves no doubt; if not, one of them goes to a conflict copy.
 */
merges: boolean, };

export type FolderState = { "type": "up_to_date" } | { "type": "scanning", done: number, total: number | null, 
/**
 * Paths a second, and how long it still takes.
 */
speed: number, eta_s: number | null, } | { "type": "syncing", files_left: number, bytes_left: number, bytes_total: number, speed: number, eta_s: number | null, } | { "type": "waiting", files_left: number, bytes_left: number, } | { "type": "no_room", files_left: number, bytes_left: number, } | { "type": "paused" } | { "type": "stopped", trouble: Trouble, } | { "type": "hold" };

export type FolderKept = { 
/**
 * Versions, and the bytes they take on the disk, as last counted.
 */
versions: number, bytes: number, keep: KeepFor, };

export type KeepFor = { 
/**
 * None for 30 days, unless `forever`.
 */
days: number | null, forever: boolean, 
/**
 * None for a quarter of the folder or 10 GiB, whichever is more.
 */
bytes: number | null, };

export type Progress = { done: number, total: number, 
/**
 * So much a second.
 */
speed: number, eta_s: number | null, };

export type Member = { device: string, name: string, role: Role, state: MemberState, };

export type MemberState = { "type": "up_to_date" } | { "type": "behind", files: number, bytes: number, } | { "type": "away", since: number | null, files: number | null, } | { "type": "unknown" } | { "type": "invited" } | { "type": "declined" };

export type Problem = { path: string, trouble: Trouble, };

export type Conflict = { 
/**
 * The file that holds the name.
 */
path: string, 
/**
 * The other one, kept beside it.
 */
copy: string, 
/**
 * Name of the device whose change is in `copy`.
 */
by: string, at: number | null, };

export type Hold = { 
/**
 * Name of the device where it began; none when that is this computer.
 */
by: string | null, 
/**
 * Files the batch would remove.
 */
removes: number, 
/**
 * Files the batch would replace.
 */
replaces: number, 
/**
 * Files in the folder.
 */
of: number, 
/**
 * At most 20 of the paths.
 */
examples: Array<string>, asked_at: number, };

export type Transfer = { id: string, direction: Direction, 
/**
 * The name of the only file or folder, else of the first.
 */
title: string, files_total: number, files_done: number, bytes_done: number, bytes_total: number, devices: Array<TransferDevice>, 
/**
 * Bytes a second, averaged over 5 s.
 */
speed: number, 
/**
 * A 20 s median; none when unknown.
 */
eta_s: number | null, state: TransferState, 
/**
 * Own files being read before they can go, in bytes.
 */
reading: Progress | null, 
/**
 * Files that failed while others arrived.
 */
failed: number, 
/**
 * Where received files are, as shown to people.
 */
place: string | null, started_at: number, };

export type Direction = "up" | "down";

export type TransferDevice = { id: string, name: string, };

export type TransferState = { "type": "asking", since: number, } | { "type": "waiting", device: string, name: string, } | { "type": "sending" } | { "type": "receiving" } | { "type": "checking" } | { "type": "done", at: number, } | { "type": "paused" } | { "type": "declined" } | { "type": "failed", trouble: Trouble, } | { "type": "withdrawn" };

export type Rates = { down: number, up: number, };

export type Notice = { id: string, trouble: Trouble, at: number, };

export type Trouble = { code: ErrorCode, 
/**
 * What the sentence names, by the names in `ErrorCode`: sizes and counts as numbers.
 */
params: { [key in string]: Param }, };

export type Param = number | string;

export type ErrorCode = "NET-01" | "NET-06" | "NET-07" | "NET-08" | "NET-09" | "PAIR-01" | "PAIR-02" | "PAIR-03" | "PAIR-04" | "PAIR-05" | "PAIR-06" | "PAIR-07" | "PAIR-08" | "PAIR-09" | "PAIR-10" | "XFER-01" | "XFER-02" | "XFER-03" | "XFER-04" | "XFER-05" | "XFER-06" | "XFER-07" | "FOLD-01" | "FOLD-02" | "FOLD-03" | "FOLD-04" | "FOLD-05" | "FOLD-06" | "FOLD-07" | "FOLD-08" | "FOLD-09" | "FOLD-10" | "FOLD-11" | "FOLD-12" | "FOLD-23" | "FOLD-13" | "FOLD-14" | "FOLD-15" | "FOLD-16" | "FOLD-17" | "FOLD-18" | "FOLD-19" | "FOLD-20" | "FOLD-21" | "FOLD-22" | "FOLD-24" | "NAME-01" | "NAME-02" | "DISK-01" | "DISK-02" | "DISK-03" | "DISK-04" | "HIST-01" | "HIST-02" | "HIST-03" | "HIST-06" | "HIST-04" | "HIST-05" | "APP-01" | "APP-02" | "APP-03" | "APP-04" | "APP-05" | "APP-06" | "WEB-01" | "WEB-02";

export type PickId = string;

export type DropId = string;

export type Source = { "type": "drop", drop: DropId, } | { "type": "pick", pick: PickId, };

export type PathIn = { "type": "typed", path: string, } | { "type": "folder", folder: string, path: string, };

export type Invitee = { device: string, role: Role, };

export type Chosen = { "type": "all" } | { "type": "only", items: Array<number>, };

export type Command = { "type": "set_up", name: string, downloads: PickId | null, } | { "type": "set_name", name: string, } | { "type": "set_downloads", downloads: PickId, } | { "type": "set_theme", theme: Theme, } | { "type": "set_nearby_open", open: boolean, } | { "type": "pair", device: string, } | { "type": "pair_address", address: string, } | { "type": "pair_link", link: string, } | { "type": "make_pair_link" } | { "type": "enter_code", device: string, code: string, } | { "type": "confirm_pair", device: string, yes: boolean, } | { "type": "cancel_pair", device: string, } | { "type": "forget", device: string, } | { "type": "block", device: string, } | { "type": "unblock", device: string, } | { "type": "rename", device: string, name: string, } | { "type": "share_folder", pick: PickId, name: string, invite: Array<Invitee>, take_over?: boolean, } | { "type": "invite", folder: string, device: string, role: Role, } | { "type": "set_role", folder: string, device: string, role: Role, } | { "type": "remove_member", folder: string, device: string, } | { "type": "accept_invitation", folder: string, pick: PickId | null, take_over?: boolean, } | { "type": "decline_invitation", folder: string, block: boolean, } | { "type": "stop_sharing", folder: string, } | { "type": "pause", folder: string, } | { "type": "resume", folder: string, } | { "type": "new_place", folder: string, 
/**
 * None for the place it has.
 */
pick: PickId | null, take_over?: boolean, } | { "type": "rescan", folder: string, } | { "type": "set_keep", folder: string, keep: KeepFor, } | { "type": "set_merging", folder: string, is_on: boolean, } | { "type": "answer_hold", folder: string, yes: boolean, always: boolean, } | { "type": "restore", at: PathIn, to: Moment, } | { "type": "add_to_folder", source: Source, folder: string, dir: string, } | { "type": "send", source: Source, devices: Array<string>, note: string | null, } | { "type": "accept", offer: string, items: Chosen, pick: PickId | null, } | { "type": "decline", offer: string, block: boolean, } | { "type": "withdraw", transfer: string, } | { "type": "pause_transfer", transfer: string, } | { "type": "resume_transfer", transfer: string, } | { "type": "retry", transfer: string, } | { "type": "clear_transfer", transfer: string, } | { "type": "clear_finished" } | { "type": "show_transfer", transfer: string, } | { "type": "show_folder", folder: string, } | { "type": "forget_drop", drop: DropId, } | { "type": "dismiss_notice", notice: string, } | { "type": "set_network", 
/**
 * 0 for any that is free.
 */
port: number | null, lan_only: boolean | null, bootstrap: Array<string> | null, } | { "type": "quit" };

export type Question = { "type": "files_in", folder: string, dir: string, page: number, } | { "type": "offer_items", offer: string, page: number, } | { "type": "pick_folder" } | { "type": "pick_files" } | { "type": "pick_typed", path: string, } | { "type": "pick_drop", drop: DropId, } | { "type": "history", folder: string | null, page: number, } | { "type": "verify", folder: string | null, } | { "type": "path_history", at: PathIn, } | { "type": "restore_plan", at: PathIn, to: Moment, } | { "type": "why", at: PathIn, } | { "type": "settings" } | { "type": "pick_typed_files", paths: Array<string>, } | { "type": "inspect_pick", pick: PickId, purpose: Purpose, };

export type Purpose = { "type": "share" } | { "type": "join", folder: string, } | { "type": "receive", offer: string, } | { "type": "send" };

export type Answer = { "type": "done" } | { "type": "shared", folder: string, } | { "type": "sent", transfers: Array<string>, } | { "type": "pair_link", link: string, expires_at: number, } | { "type": "picked", picked: Picked | null, } | { "type": "inspected" } & Inspection | { "type": "files" } & FilePage | { "type": "offer_items" } & OfferPage | { "type": "history" } & HistoryPage | { "type": "verified", folders: Array<Verification>, } | { "type": "settings" } & SettingsPage | { "type": "why" } & Why | { "type": "path_history" } & PathHistory | { "type": "restored" } & Restoration;

export type Picked = { pick: PickId, 
/**
 * The place (`~/Pictures/2026`), or the first of several files.
 */
place: string, 
/**
 * The last part of each picked path, at most 50.
 */
names: Array<string>, 
/**
 * How many were picked.
 */
count: number, };

export type Inspection = { files: number, bytes: number, 
/**
 * False while counting goes on; ask again.
 */
complete: boolean, 
/**
 * Free space on its disk.
 */
free: number | null, 
/**
 * For `Receive`: items that would get another name there.
 */
clashes: Array<Clash>, 
/**
 * For `Join`, when `complete`.
 */
dry_run: DryRun | null, 
/**
 * Why it cannot be used, such as FOLD-05.
 */
trouble: Trouble | null, };

export type Clash = { index: number, saved_as: string, };

export type FilePage = { entries: Array<FileEntry>, page: number, pages: number, total: number, };

export type FileEntry = { name: string, is_folder: boolean, size: number, modified: number | null, state: FileState, };

export type FileState = "here" | "coming" | "conflict" | "problem";

export type OfferPage = { items: Array<OfferItem>, page: number, pages: number, };

export type HistoryPage = { rows: Array<HistoryRow>, page: number, pages: number, total: number, };

export type HistoryRow = { 
/**
 * By its author's clock.
 */
time: number, 
/**
 * Name of the device that made the change.
 */
device: string, folder: string, folder_name: string, path: string, kind: ChangeKind, 
/**
 * Bytes of the file after the change.
 */
size: number | null, 
/**
 * Where it was before, when it was moved.
 */
from: string | null, };

export type ChangeKind = "created" | "changed" | "removed" | "moved" | "settled";

export type Verification = { folder: string, name: string, entries: number, 
/**
 * Devices that wrote any of them.
 */
devices: number, memberships: number, 
/**
 * Every signature and every link holds.
 */
ok: boolean, troubles: Array<Trouble>, };

export type Moment = { "type": "last" } | { "type": "version", id: string, } | { "type": "at", time: number, };

export type PathHistory = { folder: string, folder_name: string, path: string, 
/**
 * At most 500.
 */
versions: Array<Version>, 
/**
 * Kept on this computer, and never recorded in the history.
 */
unrecorded: Array<WhyKept>, };

export type Version = { 
/**
 * What `shoal restore --version` takes.
 */
id: string, 
/**
 * By its author's clock.
 */
time: number, 
/**
 * Name of the device that wrote it.
 */
device: string, kind: ChangeKind, size: number | null, 
/**
 * Where it was then, if not here.
 */
at: string | null, bytes: VersionBytes, };

export type VersionBytes = { "type": "none" } | { "type": "stands" } | { "type": "kept" } | { "type": "same", path: string, } | { "type": "elsewhere" };

export type Restoration = { folder: string, folder_name: string, 
/**
 * Empty for the whole folder.
 */
path: string, 
/**
 * It concerns one file or link and nothing else.
 */
is_single: boolean, 
/**
 * False for a dry run.
 */
is_done: boolean, creates: number, replaces: number, removes: number, 
/**
 * Bytes of the files that come.
 */
bytes: number, 
/**
 * Paths that stay as they are, because something was in the way.
 */
undone: number, 
/**
 * At most 200, first those that stay as they are.
 */
items: Array<RestoreItem>, };

export type RestoreItem = { path: string, act: RestoreAct, size: number | null, state: RestoreState, };

export type RestoreAct = "create" | "replace" | "remove";

export type RestoreState = { "type": "ready" } | { "type": "elsewhere" } | { "type": "done" } | { "type": "nowhere" } | { "type": "busy" } | { "type": "failed", trouble: Trouble, };

export type SettingsPage = { name: string, 
/**
 * Where received files go, as shown to people.
 */
downloads: string, 
/**
 * 0 for any that is free.
 */
port: number, lan_only: boolean, bootstrap: Array<string>, theme: Theme, };

export type Why = { 
/**
 * As it was asked for, shown to people.
 */
asked: string, 
/**
 * The folder it lies in; none if it lies in none.
 */
folder: string | null, folder_name: string, 
/**
 * Inside the folder; empty for the folder itself.
 */
path: string, verdict: WhyVerdict, 
/**
 * What stands there now.
 */
here: WhyHere, 
/**
 * The versions that no other replaces; the one that stands, or should, comes first.
 */
versions: Array<WhyVersion>, 
/**
 * What stands here is what the first version says.
 */
is_same: boolean, 
/**
 * The other members, and what they have of it.
 */
members: Array<WhyMember>, 
/**
 * Conflict copies beside it.
 */
copies: Array<string>, 
/**
 * The path whose conflict copy it is, and the device whose change is in it.
 */
copy_of: string | null, copy_by: string | null, 
/**
 * Earlier versions of it that are kept on this computer, newest first; at most 100.
 */
kept: Array<WhyKept>, 
/**
 * For a directory: what lies below it.
 */
below: WhyBelow, };

export type WhyHere = { "type": "nothing" } | { "type": "file", size: number, modified: number, } | { "type": "directory" } | { "type": "link", target: string, } | { "type": "skipped", trouble: Trouble, } | { "type": "unknown" };

export type WhyVerdict = { "type": "outside", places: Array<string>, } | { "type": "ours" } | { "type": "bad_name" } | { "type": "behind_link", link: string, } | { "type": "folder" } | { "type": "not_member" } | { "type": "stopped", trouble: Trouble, } | { "type": "paused" } | { "type": "first_look" } | { "type": "problem", trouble: Trouble, } | { "type": "held", is_ours: boolean, } | { "type": "looking" } | { "type": "recording" } | { "type": "applying" } | { "type": "settling" } | { "type": "blocked" } | { "type": "lacking", sources: number, is_nowhere: boolean, } | { "type": "put_off" } | { "type": "pending" } | { "type": "not_seen" } | { "type": "unknown" } | { "type": "same" } | { "type": "gone" } | { "type": "stays_for_others" };

export type WhyVersion = { 
/**
 * What `shoal restore --version` takes.
 */
id: string, 
/**
 * Name of the device that wrote it.
 */
device: string, 
/**
 * By its author's clock.
 */
time: number, 
/**
 * A tombstone.
 */
is_removal: boolean, size: number | null, };

export type WhyMember = { device: string, name: string, has: WhyHas, };

export type WhyHas = { "type": "all" } | { "type": "part" } | { "type": "nothing" } | { "type": "not_heard" } | { "type": "behind", files: number, problems: number, } | { "type": "unknown" } | { "type": "away", since: number | null, } | { "type": "invited" };

export type WhyKept = { 
/**
 * When it was put away.
 */
time: number, was_removed: boolean, size: number, 
/**
 * What `shoal restore --version` takes.
 */
id: string, };

export type WhyBelow = { files: number, lacking: number, problems: number, };

export type DropEvent = { "type": "over", names: Array<string>, count: number, bytes: number | null, x: number, y: number, } | { "type": "leave" } | { "type": "drop", drop: DropId, names: Array<string>, count: number, bytes: number, has_folder: boolean, x: number, y: number, };
