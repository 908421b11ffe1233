// Sizes, speeds and times as people read them.

const UNITS = ["B", "KB", "MB", "GB", "TB", "PB"] as const;

const numbers = new Intl.NumberFormat("en");

/** 12 410 rather than 12410. */
export function count(value: number): string {
  return numbers.format(value);
}

/** Decimal sizes with at most three digits: 8.2 GB, 214 MB, 0 B. */
export function bytes(value: number): string {
  let unit = 0;
  let amount = Math.max(0, value);
  while (amount >= 999.5 && unit < UNITS.length - 1) {
    amount /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || amount >= 99.5 ? 0 : 1;
  return `${amount.toFixed(digits).replace(/\.0$/, "")} ${UNITS[unit] ?? ""}`;
}

/** 24.1 MB/s. */
export function speed(bytesPerSecond: number): string {
  return `${bytes(bytesPerSecond)}/s`;
}

/** Time left, rounded so that it does not jump: "33 s", "about 4 min", "2 h 10 min". */
export function left(seconds: number): string {
  if (seconds < 60) return `${Math.max(1, seconds < 10 ? seconds : Math.round(seconds / 5) * 5)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  const rest = Math.round((minutes % 60) / 5) * 5;
  if (hours >= 48) return `${Math.round(hours / 24)} days`;
  return rest === 0 || rest === 60 ? `${hours + (rest === 60 ? 1 : 0)} h` : `${hours} h ${rest} min`;
}

/** A stopwatch: 0:42, 12:05, 1:02:03. */
export function elapsed(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const two = (value: number) => String(value).padStart(2, "0");
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  const tail = two(seconds % 60);
  return hours > 0 ? `${hours}:${two(minutes)}:${tail}` : `${minutes}:${tail}`;
}

/** A share of a whole, never 100 before it is. */
export function percent(done: number, total: number): number {
  if (total <= 0) return done > 0 ? 100 : 0;
  if (done >= total) return 100;
  return Math.min(99, Math.floor((done / total) * 100));
}

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const dayShort = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const dayLong = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "long", year: "numeric" });
const full = new Intl.DateTimeFormat("en-GB", { dateStyle: "long", timeStyle: "short" });

/** "14:02" today, "12 Nov, 14:02" before. */
export function moment(time: number, now: number): string {
  const isToday = new Date(time).toDateString() === new Date(now).toDateString();
  return isToday ? clock.format(time) : `${dayShort.format(time)}, ${clock.format(time)}`;
}

/** "3 May", with the year when it is another one. */
export function day(time: number, now: number): string {
  const sameYear = new Date(time).getFullYear() === new Date(now).getFullYear();
  return sameYear ? dayShort.format(time) : dayLong.format(time);
}

/** The whole date, for focus and hover. */
export function fullMoment(time: number): string {
  return full.format(time);
}

const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

/** "12 minutes ago" under a day, else the moment. */
export function ago(time: number, now: number): string {
  const minutes = Math.round((now - time) / 60_000);
  if (minutes < 1) return "just now";
  if (minutes < 60) return relative.format(-minutes, "minute");
  if (minutes < 24 * 60) return relative.format(-Math.round(minutes / 60), "hour");
  return moment(time, now);
}

/** Six digits in two groups, for the eye. */
export function grouped(code: string): string {
  return `${code.slice(0, 3)} ${code.slice(3)}`;
}

/** Six digits one by one, for the ear. */
export function spelled(code: string): string {
  return `${[...code.slice(0, 3)].join(" ")}, ${[...code.slice(3)].join(" ")}`;
}
