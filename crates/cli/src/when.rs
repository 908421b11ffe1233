//! Times as people type them: a date, a clock time of today, or how long ago.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, Zoned};

use crate::failure::Failure;

/// The moment that is meant, in milliseconds since 1970.
///
/// A time given in whole seconds means the end of that second, since that is how times are printed.
pub(crate) fn parse(text: &str) -> Result<u64, Failure> {
    let now = Zoned::now();
    let found = of(text.trim(), &now).and_then(|stamp| u64::try_from(stamp.as_millisecond()).ok());
    found.ok_or_else(|| {
        Failure::usage(
            "That is no time. Examples: \"2026-11-23 14:02\", 14:02:05, 2026-11-23 (its beginning), \"2h ago\", 3d.",
        )
    })
}

fn of(text: &str, now: &Zoned) -> Option<Timestamp> {
    let local = |time: DateTime| time.to_zoned(TimeZone::system()).ok().map(|zoned| zoned.timestamp());
    if let Ok(stamp) = text.parse::<Timestamp>() {
        return Some(stamp);
    }
    let is_date = text.get(..10).is_some_and(|date| date.parse::<Date>().is_ok());
    if is_date {
        let (date, rest) = (text.get(..10)?.parse::<Date>().ok()?, text.get(10..)?.trim_start_matches(['T', ' ']));
        let time = if rest.is_empty() { Time::midnight() } else { clock(rest)? };
        return local(date.to_datetime(time));
    }
    if text.contains(':') {
        return local(now.date().to_datetime(clock(text)?));
    }
    let span: Span = text.trim_end_matches("ago").trim().parse().ok()?;
    now.checked_sub(span.abs()).ok().map(|zoned| zoned.timestamp())
}

/// `14:02`, `14:02:05` or `14:02:05.250`.
fn clock(text: &str) -> Option<Time> {
    let time: Time = text.parse().ok()?;
    let is_whole = text.matches(':').count() == 2 && !text.contains('.');
    if is_whole { time.with().millisecond(999).build().ok() } else { Some(time) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_type_is_a_time() {
        let now: Zoned = DateTime::constant(2026, 11, 23, 15, 0, 0, 0).to_zoned(TimeZone::system()).expect("a time");
        let at = |text: &str| {
            of(text, &now).map(|stamp| stamp.to_zoned(TimeZone::system()).strftime("%F %T%.3f").to_string())
        };
        for (text, time) in [
            ("2026-11-20", "2026-11-20 00:00:00.000"),
            ("2026-11-20 14:02", "2026-11-20 14:02:00.000"),
            ("2026-11-20T14:02:05", "2026-11-20 14:02:05.999"),
            ("14:02", "2026-11-23 14:02:00.000"),
            ("2h", "2026-11-23 13:00:00.000"),
            ("2h ago", "2026-11-23 13:00:00.000"),
            ("3d", "2026-11-20 15:00:00.000"),
        ] {
            assert_eq!(at(text).as_deref(), Some(time), "{text}");
        }
        for text in ["", "soon", "25:00", "2026-13-01"] {
            assert_eq!(at(text), None, "{text}");
        }
    }
}
