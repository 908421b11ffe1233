//! What happened in a world: a hash that must be the same for the same seed, and lines for people.

use std::collections::BTreeMap;
use std::fmt::{self, Debug, Write as _};
use std::sync::Arc;

use shoal_engine::effect::Effect;
use shoal_engine::event::Event;
use shoal_engine::id::DeviceId;

use super::content::Content;
use super::shorten::{shorten, with_contents};
use super::wire;

/// Longest line shown.
const LINE_CHARS_MAX: usize = 700;

/// The record of a world.
#[derive(Debug)]
pub struct Trace {
    hash: Option<u64>,
    lines: Option<Vec<String>>,
    names: Vec<(String, String)>,
    contents: BTreeMap<String, String>,
}

impl Trace {
    /// A trace that keeps lines, a hash, both or nothing: most worlds need neither.
    pub fn new(has_lines: bool, has_hash: bool) -> Self {
        Trace {
            hash: has_hash.then_some(0xcbf2_9ce4_8422_2325),
            lines: has_lines.then(Vec::new),
            names: Vec::new(),
            contents: BTreeMap::new(),
        }
    }

    /// Whether lines are kept.
    pub fn has_lines(&self) -> bool {
        self.lines.is_some()
    }

    /// The hash so far; 0 if none is kept.
    pub fn hash(&self) -> u64 {
        self.hash.unwrap_or(0)
    }

    /// The lines so far.
    pub fn lines(&self) -> &[String] {
        self.lines.as_deref().unwrap_or(&[])
    }

    /// Shows what prints as `text` under another name from now on.
    pub fn name(&mut self, id: &dyn Debug, name: String) {
        if self.has_lines() {
            self.names.push((format!("{id:?}"), name));
        }
    }

    /// Shows a content under its number from now on.
    pub fn name_content(&mut self, content: &Content) {
        if self.has_lines() {
            self.contents.insert(format!("{:?}", content.id), format!("c{}", content.number));
        }
    }

    /// Mixes a number into the hash.
    pub fn mix(&mut self, number: u64) {
        if let Some(hash) = &mut self.hash {
            *hash = (hash.rotate_left(5) ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        }
    }

    /// Mixes bytes into the hash.
    pub fn mix_bytes(&mut self, bytes: &[u8]) {
        for part in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..part.len()].copy_from_slice(part);
            self.mix(u64::from_le_bytes(word));
        }
    }

    /// Writes a line, if lines are kept.
    pub fn say(&mut self, now: u64, who: &str, what: fmt::Arguments<'_>) {
        if self.lines.is_none() {
            return;
        }
        let mut line = format!("{:>9.3} {who} {what}", now as f64 / 1000.0);
        for (id, name) in &self.names {
            line = line.replace(id.as_str(), name);
        }
        line = with_contents(&shorten(&line), |word| self.contents.get(word).cloned());
        if let Some((at, _)) = line.char_indices().nth(LINE_CHARS_MAX) {
            line.truncate(at);
            line.push('…');
        }
        if let Some(lines) = &mut self.lines {
            lines.push(line);
        }
    }

    /// Records an event that an engine hears.
    pub fn event(&mut self, now: u64, to: usize, event: &Event) {
        if self.hash.is_some() {
            self.mix(now << 8 | to as u64);
            mix_event(self, event);
        }
        if self.has_lines() {
            let text = if let Event::Received { from, frame } = event {
                format!("Received from {from:?} {}", show_frame(frame))
            } else if let Event::Asked { from, ask, header } = event {
                format!("Asked {ask} by {from:?} {:?}", wire::read_request(header))
            } else {
                format!("{event:?}")
            };
            self.say(now, &format!("D{to} ->"), format_args!("{text}"));
        }
    }

    /// Records an effect that an engine wants.
    pub fn effect(&mut self, now: u64, of: usize, effect: &Effect) {
        if self.hash.is_some() {
            self.mix(now << 8 | 0x80 | of as u64);
            mix_effect(self, effect);
        }
        if self.has_lines() {
            let text = if let Effect::Send { to, frame } = effect {
                format!("Send to {to:?} {}", show_frame(frame))
            } else if let Effect::Append { folder: _, work, records } = effect {
                let keys: Vec<_> =
                    records.iter().map(|(key, bytes)| format!("{key:?} {} bytes", bytes.len())).collect();
                format!("Append {work} {}", keys.join(", "))
            } else {
                format!("{effect:?}")
            };
            self.say(now, &format!("D{of} <-"), format_args!("{text}"));
        }
    }
}

fn show_frame(frame: &[u8]) -> String {
    use shoal_engine::message::Message;
    match wire::read(frame) {
        Some(Message::Records { folder: _, records, has_more }) => {
            let sizes: Vec<usize> = records.iter().map(Vec::len).collect();
            format!("Records of {sizes:?} bytes, more {has_more}")
        }
        Some(Message::Invitation { memberships, .. }) => format!("Invitation, {} memberships", memberships.len()),
        other => format!("{other:?}"),
    }
}

/// Hashes what `Debug` writes, without keeping it.
struct Sink<'a>(&'a mut Trace);

impl fmt::Write for Sink<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.mix_bytes(text.as_bytes());
        Ok(())
    }
}

fn mix_debug(trace: &mut Trace, what: &dyn Debug) {
    // Writing to a sink cannot fail.
    let _ = write!(Sink(trace), "{what:?}");
}

fn mix_id(trace: &mut Trace, id: &DeviceId) {
    trace.mix_bytes(&id.0[..8]);
}

/// Frequent events are mixed by hand: printing them would cost more than simulating them.
fn mix_event(trace: &mut Trace, event: &Event) {
    match event {
        Event::Tick => trace.mix(1),
        Event::Received { from, frame } => {
            mix_id(trace, from);
            trace.mix_bytes(frame);
        }
        Event::Asked { from, ask, header } => {
            mix_id(trace, from);
            trace.mix(*ask);
            trace.mix_bytes(header);
        }
        Event::Connected { device } | Event::Disconnected { device } => mix_id(trace, device),
        Event::ManifestFetched { content, manifest, .. } => {
            trace.mix_bytes(&content.0[..8]);
            trace.mix(Arc::as_ref(manifest).chunks.len() as u64);
        }
        Event::Prepared { content, .. } => trace.mix_bytes(&content.0[..8]),
        Event::Fetched { fetch, content, chunks } => {
            trace.mix(*fetch);
            trace.mix_bytes(&content.0[..8]);
            chunks.iter().for_each(|chunk| trace.mix(u64::from(*chunk)));
        }
        Event::Looked { work, seen, root, .. } => {
            trace.mix(*work << 1 | u64::from(root.is_ok()));
            seen.iter().for_each(|(path, _)| trace.mix_bytes(path.as_str().as_bytes()));
        }
        Event::Listing { work, entries, .. } => {
            trace.mix(*work);
            entries.iter().flatten().for_each(|entry| trace.mix_bytes(entry.path.as_str().as_bytes()));
        }
        Event::Appended { work, is_durable, .. } => trace.mix(*work << 1 | u64::from(*is_durable)),
        Event::Merged { work, merged, .. } => {
            trace.mix(*work);
            merged.iter().for_each(|(content, _)| trace.mix_bytes(&content.0[..8]));
        }
        Event::KeptGone { contents, .. } => trace.mix(contents.len() as u64),
        Event::Reloaded { records, .. } => records.iter().for_each(|record| trace.mix_bytes(record)),
        Event::Hashed { work, files, .. } => {
            trace.mix(*work);
            for (path, hashed) in files {
                trace.mix_bytes(path.as_str().as_bytes());
                trace.mix(hashed.as_ref().map_or(0, |hashed| hashed.print.inode));
            }
        }
        Event::User(_)
        | Event::FetchEnded { .. }
        | Event::RootOpened { .. }
        | Event::Noticed { .. }
        | Event::Walked { .. }
        | Event::Applied { .. } => mix_debug(trace, event),
    }
}

fn mix_effect(trace: &mut Trace, effect: &Effect) {
    match effect {
        Effect::Send { to, frame } => {
            mix_id(trace, to);
            trace.mix_bytes(frame);
        }
        Effect::Append { work, records, .. } => {
            trace.mix(*work);
            records.iter().for_each(|(_, bytes)| trace.mix_bytes(bytes));
        }
        Effect::Look { work, paths, .. } => {
            trace.mix(*work);
            paths.iter().for_each(|path| trace.mix_bytes(path.as_str().as_bytes()));
        }
        Effect::Remember { paths, .. } => paths.iter().for_each(|(path, _)| trace.mix_bytes(path.as_str().as_bytes())),
        Effect::Walk { work, .. } | Effect::Merge { work, .. } => trace.mix(*work),
        Effect::Hash { work, files, .. } => {
            trace.mix(*work);
            files.iter().for_each(|(path, _)| trace.mix_bytes(path.as_str().as_bytes()));
        }
        Effect::Prepare { content, .. } | Effect::Unstage { content, .. } => trace.mix_bytes(&content.0[..8]),
        Effect::Disconnect { .. }
        | Effect::SendRecords { .. }
        | Effect::Fetch { .. }
        | Effect::CancelFetch { .. }
        | Effect::Serve { .. }
        | Effect::Refuse { .. }
        | Effect::OpenRoot { .. }
        | Effect::CloseRoot { .. }
        | Effect::NoteWitness { .. }
        | Effect::Apply { .. }
        | Effect::Reload { .. }
        | Effect::SaveTrust(_)
        | Effect::DropTrust(_)
        | Effect::SaveFolder(_)
        | Effect::DropFolder(_)
        | Effect::SaveOffer(_)
        | Effect::DropOffer(_)
        | Effect::ForgetDisk { .. }
        | Effect::Tell(_) => mix_debug(trace, effect),
    }
}
