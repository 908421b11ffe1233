// In which order devices stand, and what they may do.
import type { Device, Presence } from "../ipc/types";

const RANK: Record<Presence["type"], number> = { here: 0, found: 1, away: 2 };

/** Here before away, then by last use, then by name. */
export function inOrder(devices: Device[]): Device[] {
  return [...devices].sort(
    (a, b) =>
      RANK[a.presence.type] - RANK[b.presence.type] ||
      (b.last_used ?? 0) - (a.last_used ?? 0) ||
      a.name.localeCompare(b.name) ||
      a.id.localeCompare(b.id),
  );
}

/** Keeps an order a person is looking at: known ones stay where they are, new ones go to the end. */
export function keepOrder(devices: Device[], before: string[]): Device[] {
  const place = new Map(before.map((id, index) => [id, index]));
  return inOrder(devices).sort(
    (a, b) => (place.get(a.id) ?? before.length) - (place.get(b.id) ?? before.length),
  );
}

/** Devices a folder can be shared with, or files be sent to without a question first. */
export function verified(devices: Device[]): Device[] {
  return inOrder(devices.filter((device) => device.trust === "verified"));
}
