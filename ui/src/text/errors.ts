// One sentence for each trouble: what happened, whether data is safe, what to do.
import { bytes, count, moment } from "../lib/format";
import { quoted } from "../lib/names";
import type { ErrorCode, Trouble } from "../ipc/types";

/** What a sentence may name; anything missing still reads well. */
type Facts = {
  name: (key: string, fallback: string) => string;
  number: (key: string) => number | null;
  size: (key: string, fallback: string) => string;
};

function factsOf({ params }: Trouble): Facts {
  const number = (key: string) => {
    const value = params[key];
    return typeof value === "number" ? value : null;
  };
  return {
    number,
    name: (key, fallback) => {
      const value = params[key];
      return typeof value === "string" && value !== "" ? quoted(value, 60) : fallback;
    },
    size: (key, fallback) => {
      const value = number(key);
      return value === null ? fallback : bytes(value);
    },
  };
}

const many = (value: number | null, one: string, other: string) =>
  value === null ? `Some ${other}` : value === 1 ? `1 ${one}` : `${count(value)} ${other}`;

const sentences: Record<ErrorCode, (facts: Facts) => string> = {
  "NET-01": ({ name }) =>
    `This computer cannot hear announcements on ${name("network", "this network")}. A firewall is the usual reason. You can still pair by address or link.`,
  "NET-06": ({ number }) =>
    `Port ${number("port") ?? ""} is taken by another program. Using ${number("other") ?? "another one"}.`,
  "NET-07": ({ name }) => `${name("device", "This device")} was seen but does not answer.`,
  "NET-08": ({ name }) =>
    `${name("device", "This device")} runs a version that cannot talk to this one. Nothing was changed.`,
  "NET-09": () => "That is not an address or a pairing link. Copy it again from the other computer.",
  "PAIR-01": ({ name, number }) =>
    `That is not the code on ${name("person", "the other")}’s screen. A new one is shown there${
      number("n") === null ? "." : `; ${number("n") === 1 ? "1 try" : `${number("n")} tries`} left.`
    }`,
  "PAIR-02": ({ name }) =>
    `This says it is ${name("device", "a device you know")}, but its key is not the one you verified. Usually it was reinstalled. It could also be someone pretending.`,
  "PAIR-03": () => "This link was used or is older than 5 minutes. Ask for a new one.",
  "PAIR-04": () =>
    "Another computer uses this computer’s key: Shoal’s home was copied, and both copies run. Sharing stands still here so that nothing gets mixed up; nothing is lost on either. On one of the two, quit Shoal, remove its home and pair it anew; then restart Shoal here.",
  "PAIR-05": ({ name, number }) => {
    const until = number("until");
    return `The three codes for ${name("person", "this device")} are used up. For safety, you can try again ${
      until === null ? "in ten minutes" : `at ${moment(until, until)}`
    }.`;
  },
  "PAIR-06": ({ name }) => `${name("person", "The other person")} did not allow it. You are not paired.`,
  "PAIR-07": ({ name }) =>
    `${name("person", "The other computer")} did not answer in time. You are not paired; you can try again.`,
  "PAIR-08": ({ name }) => `Pair with ${name("device", "this device")} first.`,
  "PAIR-09": ({ name }) =>
    `The pairing with ${name("person", "this device")} was stopped, because a check did not hold. Somebody may sit in between. You are not paired; try again on a network you trust.`,
  "PAIR-10": ({ name }) => `${name("person", "The other person")} gave up. You are not paired.`,
  "XFER-01": ({ name, size, number }) =>
    `${name("person", "The other")}’s disk needs ${size("size", "more room")}${
      number("size") === null ? "" : " more"
    }. Nothing was lost; ${number("percent") ?? 0} % is kept.`,
  "XFER-02": ({ name }) => `${name("device", "The other computer")} sleeps. Goes on by itself.`,
  "XFER-03": ({ name }) =>
    `${name("file", "A file")} changed while being sent. The new version goes instead.`,
  "XFER-04": ({ name, size }) =>
    `${size("size", "A part")} of ${name("file", "a file")} from ${name("person", "another computer")} arrived damaged and is fetched again.`,
  "XFER-05": ({ name }) =>
    `${name("person", "The other computer")} sent more than announced. Stopped; nothing was saved.`,
  "XFER-06": ({ name, number }) =>
    `${many(number("n"), "piece", "pieces")} of ${name("file", "a file")} are on no device here now. What arrived is kept.`,
  "XFER-07": ({ name }) => `${name("file", "A file")} is not there any more, so it cannot be sent.`,
  "FOLD-01": ({ name }) =>
    `${name("path", "The folder")} is not there. If the drive is unplugged, plug it in. Sharing is paused so that nobody’s files get removed.`,
  "FOLD-15": ({ name }) =>
    `${name("path", "This folder")} carries the mark of a share that this Shoal does not know. An earlier installation, or another Shoal, may use it.`,
  "FOLD-16": ({ name }) =>
    `${name("path", "This folder")} is shared by another Shoal that runs on this computer. Stop sharing it there first.`,
  "FOLD-17": ({ name }) =>
    `${name("path", "This folder")} is there, but it is not the one that was shared: its mark is missing. Perhaps a drive is not connected, or it was removed and made anew. Nothing is removed anywhere.`,
  "FOLD-18": ({ name }) =>
    `${name("path", "This folder")} is not the one that was shared: it carries the mark of another share. Nothing is removed anywhere.`,
  "FOLD-19": ({ name }) =>
    `${name("folder", "This folder")} is at ${name("path", "its place")}, where it was, and needs no other place. Nothing was changed.`,
  "FOLD-20": ({ name }) => `${name("path", "This")} is a file. Choose a folder.`,
  "FOLD-21": ({ name }) => `There is no ${name("path", "such place")}, nor a folder to make it in.`,
  "FOLD-22": ({ name }) =>
    `What a crash left half done in ${name("path", "a folder")} could not be cleared up. What was displaced is safe in its .shoal folder. Make room or mend the disk; it is tried again when the folder is opened next.`,
  "FOLD-02": ({ name, number }) =>
    `Shoal may not read ${number("n") === null || number("n") === 1 ? name("file", "a file") : `${many(number("n"), "file", "files")}, such as ${name("file", "one")}`}.`,
  "FOLD-03": ({ name, number }) =>
    `${many(number("n"), "file", "files")} would be removed from ${name("folder", "this folder")}. Nothing happens before you answer.`,
  "FOLD-04": ({ name }) =>
    `Linux does not let Shoal watch all of ${name("folder", "this folder")}. Changes are found by a look every minute instead.`,
  "FOLD-05": ({ name }) =>
    `${name("path", "This folder")} is, or lies in or around, ${name("other", "a folder")}, which is shared already. Choose another.`,
  "FOLD-06": ({ name }) =>
    `${name("folder", "This folder")} looks like an old copy put back. Newer files elsewhere would be changed, so it is paused.`,
  "FOLD-07": ({ name, number }) =>
    `You may read ${name("folder", "this folder")} but not edit it. ${many(number("n"), "change", "changes")} of yours stay on this computer.`,
  "FOLD-08": ({ name }) =>
    `${name("file", "A file")} is held open by a program. It goes out when it is closed.`,
  "FOLD-09": ({ name }) =>
    `${name("path", "This place")} cannot be shared as a whole. Choose a folder inside it.`,
  "FOLD-10": ({ name }) => `Shoal may not write in ${name("path", "this place")}. Choose another.`,
  "FOLD-11": ({ name }) =>
    `The list of members of ${name("folder", "this folder")} contradicts itself. It is frozen and your files are unchanged.`,
  "FOLD-12": ({ name }) =>
    `You are not in ${name("folder", "this folder")} any more. Your files stay on this computer.`,
  "FOLD-14": ({ name }) =>
    `${name("file", "This folder")} was removed elsewhere, but something in it here is not shared, so it stays.`,
  "FOLD-13": ({ name }) =>
    `${name("file", "This")} is of a kind that cannot be shared. It stays on this computer.`,
  "FOLD-23": ({ name }) =>
    `${name("file", "This")} is not synced because it is a link that leads outside this folder.`,
  "FOLD-24": ({ name }) =>
    `What was remembered of a shared folder (${name("file", "its record")}) cannot be read, so it is not shared here now. Its files are where they were. Put that file back from a backup, or ask the folder’s owner to invite this computer again.`,
  "NAME-01": ({ name }) =>
    `${name("file", "A file")} cannot exist on ${name("system", "this computer")}. It stays where it is on the other side.`,
  "NAME-02": ({ name }) =>
    `${name("a", "Two files")} and ${name("b", "another")} are one file on this computer. Both are kept; one is called ${name("c", "something else")}.`,
  "DISK-01": ({ size }) => `${size("size", "Little space")} left on this disk. Receiving pauses at 1 GB.`,
  "DISK-02": ({ name }) =>
    `The disk reported an error while saving ${name("file", "a file")}. The old version is intact.`,
  "DISK-03": ({ name }) =>
    `${name("file", "A file")} changed without being edited. It was not sent to others.`,
  "DISK-04": ({ name, number, size }) =>
    number("size") === null
      ? `There is no room for ${name("file", "a file")} on this disk. Free some space and it goes on by itself.`
      : `Not enough room: ${size("size", "more")} needed, ${size("free", "less")} free. Free some space or choose another place.`,
  "HIST-01": ({ name }) =>
    `An entry signed as ${name("device", "a device")} does not check. It was refused; your files are unchanged.`,
  "HIST-02": ({ name }) =>
    `${name("device", "A device")} signed two histories. Its changes are frozen until you decide.`,
  "HIST-03": () =>
    "The local index was damaged and is being rebuilt from your folders and the signed history. Nothing is lost.",
  "HIST-04": () => "There is no such version of this file.",
  "HIST-06": ({ name }) =>
    `The history of ${name("path", "a folder")} was damaged on this disk. What is sound in it was kept, the rest comes from the others. Files are not touched by it.`,
  "HIST-05": ({ name }) =>
    `${name("folder", "This folder")} is paused or still being looked through. Try again when it runs.`,
  "APP-01": () => "Shoal runs already for this home.",
  "APP-02": () => "Shoal stopped syncing because of a fault of its own. Your files are untouched.",
  "APP-03": () => "That did not work because of a fault in Shoal. Nothing was changed.",
  "APP-04": () => "That is not there any more. It was withdrawn or answered somewhere else.",
  "APP-05": ({ name }) => `Only ${name("owner", "the owner")} can change this.`,
  "APP-06": () => "That works only in the Shoal window, not in a browser.",
  "WEB-01": () => "This browser is not signed in to Shoal. Open the address printed by shoal serve.",
  "WEB-02": () => "Shoal does not answer. Your files are safe; this page connects again by itself.",
};

/** The sentence for a trouble; a code from a newer engine still says something true. */
export function sentence(trouble: Trouble): string {
  const known: ((facts: Facts) => string) | undefined = sentences[trouble.code];
  return known
    ? known(factsOf(trouble))
    : `Something is in the way (${trouble.code}). Your files are untouched.`;
}
