//! The witness: a small file beside the marker that says how far this device's own records of the folder are.

use std::os::fd::AsFd;

use rustix::io::Errno;
use shoal_engine::observe::{Code, Witness};

use crate::error::code_of;
use crate::root::Root;
use crate::unix;

pub(crate) const WITNESS: &str = "witness";
/// Four numbers of sixteen hexadecimal digits, three spaces and a line feed: always as long, so that writing over it
/// leaves either the old text or the new one.
const BYTES: usize = 4 * 16 + 4;

impl Root {
    /// What was noted last; `None` if nothing was, or if it cannot be read.
    pub fn witness(&self) -> Option<Witness> {
        let dirs = self.own().ok()?;
        let file = unix::open_own(dirs.base.as_fd(), WITNESS, false).ok()?;
        let mut bytes = [0; BYTES];
        let read = unix::read_at(file.as_fd(), 0, &mut bytes).ok()?;
        parse(&bytes[..read])
    }

    /// Notes how far our records are. Not synced: what a power cut takes of it costs nothing.
    pub fn note_witness(&self, witness: Witness) -> Result<(), Code> {
        let dirs = self.own()?;
        let file = match unix::open_own(dirs.base.as_fd(), WITNESS, true) {
            Err(Errno::NOENT) => unix::create_own(dirs.base.as_fd(), WITNESS),
            other => other,
        };
        let Witness { incarnation, blocks, memberships, records } = witness;
        let text = format!("{incarnation:016x} {blocks:016x} {memberships:016x} {records:016x}\n");
        file.and_then(|file| unix::write_at(file.as_fd(), 0, text.as_bytes())).map_err(code_of)
    }
}

fn parse(bytes: &[u8]) -> Option<Witness> {
    let text = std::str::from_utf8(bytes).ok().filter(|text| text.len() == BYTES)?.strip_suffix('\n')?;
    let mut numbers = text.split(' ').map(|number| u64::from_str_radix(number, 16).ok());
    let (incarnation, blocks) = (numbers.next()??, numbers.next()??);
    let (memberships, records) = (numbers.next()??, numbers.next()??);
    numbers.next().is_none().then_some(Witness { incarnation, blocks, memberships, records })
}
