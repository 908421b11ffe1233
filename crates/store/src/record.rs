//! The engine's records as JSON: ids as text, secrets in hexadecimal, times in milliseconds since 1970.

use serde::{Deserialize, Serialize};
use shoal_engine::id::{ChainId, DeviceId, FolderId, OfferId};
use shoal_engine::message::OfferItem;
use shoal_engine::path::RelPath;
use shoal_engine::saved::{FolderRecord, OfferAnswer, OfferRecord, TrustRecord};
use shoal_engine::time::Timestamp;

use crate::config::Other;

/// `trust.json`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct TrustFile {
    /// One per device.
    pub(crate) devices: Vec<TrustText>,
    #[serde(flatten)]
    other: Other,
}

/// A [`TrustRecord`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct TrustText {
    device: String,
    name: String,
    platform: String,
    verified: Option<u64>,
    secret: String,
    last_seen: u64,
    #[serde(flatten)]
    other: Other,
}

/// A [`FolderRecord`], one file each.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct FolderText {
    folder: String,
    place: String,
    root_id: String,
    incarnation: String,
    is_paused: bool,
    invited: Vec<String>,
    never_hold: bool,
    #[serde(default)]
    never_merge: bool,
    #[serde(default)]
    is_founding: bool,
    /// Chain and blocks: device, incarnation in hexadecimal, number.
    #[serde(default)]
    mark: Vec<(String, String, u64)>,
    #[serde(flatten)]
    other: Other,
}

/// An [`OfferRecord`] but for its items, which are many and never change.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct OfferText {
    offer: String,
    from: String,
    to: Vec<(String, Answer)>,
    note: String,
    time: u64,
    place: Option<String>,
    /// Ranges `(first, count)`.
    open: Vec<(u32, u32)>,
    is_over: bool,
    #[serde(flatten)]
    other: Other,
}

/// An [`OfferItem`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ItemText {
    path: String,
    size: u64,
    is_directory: bool,
    executable: bool,
    modified: u64,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    Waiting,
    Accepted,
    Declined,
    Done,
}

impl TrustText {
    /// Writes a record, keeping what a newer version wrote into `before`.
    pub(crate) fn new(record: &TrustRecord, before: Option<&TrustText>) -> Self {
        TrustText {
            device: record.device.to_string(),
            name: record.name.clone(),
            platform: record.platform.clone(),
            verified: record.verified.map(|time| time.0),
            secret: hex(&record.secret),
            last_seen: record.last_seen.0,
            other: before.map(|before| before.other.clone()).unwrap_or_default(),
        }
    }

    /// Whose it is.
    pub(crate) fn is_of(&self, device: DeviceId) -> bool {
        self.device == device.to_string()
    }

    /// Reads it.
    pub(crate) fn record(&self) -> Option<TrustRecord> {
        Some(TrustRecord {
            device: DeviceId::parse(&self.device)?,
            name: self.name.clone(),
            platform: self.platform.clone(),
            verified: self.verified.map(Timestamp),
            secret: from_hex(&self.secret)?,
            last_seen: Timestamp(self.last_seen),
        })
    }
}

impl FolderText {
    /// Writes a record, keeping what a newer version wrote into `before`.
    pub(crate) fn new(record: &FolderRecord, before: Option<&FolderText>) -> Self {
        FolderText {
            folder: record.folder.to_string(),
            place: record.place.clone(),
            root_id: hex(&record.root_id),
            incarnation: hex(&record.incarnation.to_be_bytes()),
            is_paused: record.is_paused,
            invited: record.invited.iter().map(DeviceId::to_string).collect(),
            never_hold: record.never_hold,
            never_merge: record.never_merge,
            is_founding: record.is_founding,
            mark: record.mark.iter().map(|(chain, blocks)| mark_text(*chain, *blocks)).collect(),
            other: before.map(|before| before.other.clone()).unwrap_or_default(),
        }
    }

    /// Reads it.
    pub(crate) fn record(&self) -> Option<FolderRecord> {
        Some(FolderRecord {
            folder: FolderId::parse(&self.folder)?,
            place: self.place.clone(),
            root_id: from_hex(&self.root_id)?,
            incarnation: u64::from_be_bytes(from_hex(&self.incarnation)?),
            is_paused: self.is_paused,
            invited: self.invited.iter().map(|device| DeviceId::parse(device)).collect::<Option<_>>()?,
            never_hold: self.never_hold,
            never_merge: self.never_merge,
            is_founding: self.is_founding,
            mark: self
                .mark
                .iter()
                .map(|(device, incarnation, blocks)| mark(device, incarnation, *blocks))
                .collect::<Option<_>>()?,
        })
    }
}

fn mark_text(chain: ChainId, blocks: u64) -> (String, String, u64) {
    (chain.device.to_string(), hex(&chain.incarnation.to_be_bytes()), blocks)
}

fn mark(device: &str, incarnation: &str, blocks: u64) -> Option<(ChainId, u64)> {
    let incarnation = u64::from_be_bytes(from_hex(incarnation)?);
    Some((ChainId { device: DeviceId::parse(device)?, incarnation }, blocks))
}

impl OfferText {
    /// Writes a record without its items.
    pub(crate) fn new(record: &OfferRecord) -> Self {
        OfferText {
            offer: record.offer.to_string(),
            from: record.from.to_string(),
            to: record.to.iter().map(|(device, answer)| (device.to_string(), Answer::new(*answer))).collect(),
            note: record.note.clone(),
            time: record.time.0,
            place: record.place.clone(),
            open: ranges(&record.open),
            is_over: record.is_over,
            other: Other::new(),
        }
    }

    /// Reads it, with the items from their own file.
    pub(crate) fn record(&self, items: &[ItemText]) -> Option<OfferRecord> {
        let answer = |(device, answer): &(String, Answer)| Some((DeviceId::parse(device)?, answer.read()));
        Some(OfferRecord {
            offer: OfferId::parse(&self.offer)?,
            from: DeviceId::parse(&self.from)?,
            to: self.to.iter().map(answer).collect::<Option<_>>()?,
            items: items.iter().map(ItemText::item).collect::<Option<_>>()?,
            note: self.note.clone(),
            time: Timestamp(self.time),
            place: self.place.clone(),
            open: from_ranges(&self.open, items.len())?,
            is_over: self.is_over,
        })
    }
}

impl ItemText {
    /// Writes an item.
    pub(crate) fn new(item: &OfferItem) -> Self {
        ItemText {
            path: item.path.to_string(),
            size: item.size,
            is_directory: item.is_directory,
            executable: item.executable,
            modified: item.modified,
        }
    }

    fn item(&self) -> Option<OfferItem> {
        Some(OfferItem {
            path: RelPath::parse(&self.path).ok()?,
            size: self.size,
            is_directory: self.is_directory,
            executable: self.executable,
            modified: self.modified,
        })
    }
}

impl Answer {
    fn new(answer: OfferAnswer) -> Self {
        match answer {
            OfferAnswer::Waiting => Answer::Waiting,
            OfferAnswer::Accepted => Answer::Accepted,
            OfferAnswer::Declined => Answer::Declined,
            OfferAnswer::Done => Answer::Done,
        }
    }

    fn read(self) -> OfferAnswer {
        match self {
            Answer::Waiting => OfferAnswer::Waiting,
            Answer::Accepted => OfferAnswer::Accepted,
            Answer::Declined => OfferAnswer::Declined,
            Answer::Done => OfferAnswer::Done,
        }
    }
}

fn ranges(numbers: &[u32]) -> Vec<(u32, u32)> {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some((first, count)) if first.checked_add(*count) == Some(*number) => *count += 1,
            Some(_) | None => ranges.push((*number, 1)),
        }
    }
    ranges
}

fn from_ranges(ranges: &[(u32, u32)], limit: usize) -> Option<Vec<u32>> {
    let mut numbers = Vec::new();
    for (first, count) in ranges {
        let end = first.checked_add(*count)?;
        if usize::try_from(end).ok()? > limit {
            return None;
        }
        numbers.extend(*first..end);
    }
    (numbers.len() <= limit).then_some(numbers)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits: Vec<u8> =
        text.chars().map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok())).collect::<Option<_>>()?;
    let bytes: Vec<u8> = digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte * 16 + digit)).collect();
    if digits.len() == 2 * N { bytes.try_into().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_text_reads_back_and_other_text_does_not() {
        assert_eq!(from_hex(&hex(&[0, 1, 0xab, 0xff])), Some([0, 1, 0xab, 0xff]));
        for bad in ["", "0", "00112", "001122334", "0011223g", "+0112233", "0011 233"] {
            assert_eq!(from_hex::<4>(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn numbers_read_back_from_ranges() {
        for numbers in [vec![], vec![0], vec![0, 1, 2, 5, 9, 10], vec![7, 3, 4]] {
            assert_eq!(from_ranges(&ranges(&numbers), 11), Some(numbers));
        }
        assert_eq!(ranges(&[0, 1, 2, 5]), [(0, 3), (5, 1)]);
        assert_eq!(from_ranges(&[(0, u32::MAX)], 10), None);
        assert_eq!(from_ranges(&[(1, u32::MAX)], 10), None);
    }
}
