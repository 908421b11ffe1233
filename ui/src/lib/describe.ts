// Turns states into the words and tones that rows show.
import { en } from "../text/en";
import { bytes, left, moment, percent, speed } from "./format";
import type { Device, Folder, Member, Progress, Transfer } from "../ipc/types";

type Tone = "good" | "busy" | "caution" | "danger" | "muted";

export function presenceText(device: Device, now: number): string {
  const { presence } = device;
  switch (presence.type) {
    case "here":
      return presence.rtt_ms === null ? en.nearby.here : en.nearby.hereMs(presence.rtt_ms);
    case "away":
      return presence.since === null ? en.nearby.away : en.nearby.awaySince(moment(presence.since, now));
    case "found":
      return presence.trouble ? en.nearby.unreachable : en.nearby.found;
  }
}

export function memberText(member: Member, now: number): string {
  const words = en.folders.memberState;
  const { state } = member;
  switch (state.type) {
    case "up_to_date":
    case "unknown":
    case "invited":
    case "declined":
      return words[state.type];
    case "behind":
      return words.behind(state.files, state.bytes);
    case "away": {
      const away = state.since === null ? words.away : words.awaySince(moment(state.since, now));
      return state.files ? `${away} · ${words.awayChanges(state.files)}` : away;
    }
  }
}

/** One line for a folder: what needs the person first, then what happens, then each device. */
export function folderLine(folder: Folder): { text: string; tone: Tone } {
  const words = en.folders;
  const { state } = folder;
  switch (state.type) {
    case "stopped":
      return { text: words.stopped, tone: "danger" };
    case "hold":
      return { text: words.hold, tone: "caution" };
    case "paused":
      return { text: words.paused, tone: "muted" };
    case "scanning":
      return { text: ownWork(folder) ?? words.scanning(state.done, state.total), tone: "busy" };
    case "syncing":
      if (state.files_left === 0) return { text: ownWork(folder) ?? words.settling, tone: "busy" };
      return { text: words.syncing(state.files_left, state.bytes_left), tone: "busy" };
    case "waiting":
      return { text: words.waiting(state.files_left, state.bytes_left), tone: "caution" };
    case "no_room":
      return { text: words.noRoom(state.files_left, state.bytes_left), tone: "caution" };
    case "up_to_date": {
      const work = ownWork(folder);
      return work === null ? membersLine(folder) : { text: work, tone: "busy" };
    }
  }
}

/** Work on this computer's own files, unless files of others are what is waited for. */
function ownProgress({ state, copying, reading }: Folder): Progress | null {
  if (["stopped", "paused", "waiting", "no_room"].includes(state.type)) return null;
  return state.type === "syncing" && state.files_left > 0 ? null : (copying ?? reading);
}

function ownWork(folder: Folder): string | null {
  const work = ownProgress(folder);
  if (!work) return null;
  const words = folder.copying ? en.folders.copyingIn : en.folders.reading;
  return words(bytes(work.done), bytes(work.total));
}

// "Up to date" is never said alone while a device is behind.
function membersLine({ members }: Folder): { text: string; tone: Tone } {
  const words = en.folders;
  if (members.length === 0) return { text: words.upToDateAlone, tone: "muted" };
  const current = members.filter(({ state }) => state.type === "up_to_date").map(({ name }) => name);
  const rest = members.flatMap(({ name, state }) => {
    switch (state.type) {
      case "up_to_date":
        return [];
      case "behind":
        return [words.behind(name, state.files)];
      case "away":
        return [words.awayMember(name)];
      case "unknown":
        return [words.unknown(name)];
      case "invited":
        return [words.invited(name)];
      case "declined":
        return [words.declined(name)];
    }
  });
  const parts = [...(current.length > 0 ? [words.upToDateWith(current)] : []), ...rest];
  const isBusy = members.some(({ state }) => state.type === "behind");
  return { text: parts.join(" · "), tone: isBusy ? "busy" : current.length > 0 ? "good" : "muted" };
}

/** How far what a folder does is, in percent; null when it does nothing that can be measured. */
export function folderProgress(folder: Folder): number | null {
  const { state } = folder;
  const work = ownProgress(folder);
  if (work) return percent(work.done, work.total);
  if (state.type === "syncing" && state.files_left > 0)
    return percent(state.bytes_total - state.bytes_left, state.bytes_total);
  if (state.type === "scanning" && state.total !== null) return percent(state.done, state.total);
  return null;
}

/** How fast that goes and how long it takes, as far as known. */
export function folderPace(folder: Folder): string {
  const { state } = folder;
  const work = ownProgress(folder);
  if (work) return pace(work.speed, work.eta_s);
  if (state.type === "syncing") return pace(state.speed, state.eta_s);
  if (state.type !== "scanning") return "";
  const speed = state.speed > 0 ? [en.folders.scanSpeed(state.speed)] : [];
  return [...speed, ...(state.eta_s === null ? [] : [`about ${left(state.eta_s)}`])].join(" · ");
}

/** "24.1 MB/s · about 33 s left", as far as known. */
export function pace(rate: number, eta: number | null): string {
  return [...(rate > 0 ? [speed(rate)] : []), ...(eta === null ? [] : [`about ${left(eta)}`])].join(" · ");
}

export function transferTone({ state }: Transfer): Tone {
  switch (state.type) {
    case "done":
      return "good";
    case "failed":
      return "danger";
    case "sending":
    case "receiving":
    case "checking":
      return "busy";
    case "asking":
    case "waiting":
    case "paused":
    case "declined":
    case "withdrawn":
      return "muted";
  }
}

export type Filter = "all" | "active" | "waiting" | "failed" | "done";

export function filterOf(transfer: Transfer): Exclude<Filter, "all"> {
  const { state, failed } = transfer;
  switch (state.type) {
    case "sending":
    case "receiving":
    case "checking":
      return "active";
    case "asking":
    case "waiting":
    case "paused":
      return "waiting";
    case "failed":
    case "declined":
      return "failed";
    case "done":
    case "withdrawn":
      return failed > 0 ? "failed" : "done";
  }
}

/** "152 MB of 214 MB". */
export function amount(transfer: Transfer): string {
  return en.of(bytes(transfer.bytes_done), bytes(transfer.bytes_total));
}
