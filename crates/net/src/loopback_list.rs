//! The list of instances on this computer: one small file each, since mDNS skips loopback.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use libp2p::Multiaddr;
use shoal_engine::id::DeviceId;

use crate::address::{Reach, is_dialable, reach};
use crate::limits::{ADDRESSES_MAX, LOOPBACK_FILE_BYTES_MAX, LOOPBACK_INSTANCES_MAX};

/// Our place in the list, and what was last read there.
pub(crate) struct LoopbackList {
    directory: PathBuf,
    me: DeviceId,
    seen: BTreeMap<DeviceId, (Option<SystemTime>, Vec<Multiaddr>)>,
}

/// What changed in the list.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Here(DeviceId, Vec<Multiaddr>),
    Gone(DeviceId),
}

impl LoopbackList {
    /// Opens the directory, which must be ours alone.
    pub(crate) fn open(directory: &Path, me: DeviceId) -> io::Result<Self> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(directory)?;
        check_private(directory)?;
        Ok(LoopbackList { directory: directory.to_owned(), me, seen: BTreeMap::new() })
    }

    /// Says where we can be reached. Only loopback addresses are told.
    pub(crate) fn announce<'a>(&self, addresses: impl Iterator<Item = &'a Multiaddr>) -> io::Result<()> {
        let mut text = format!("{}\n", std::process::id());
        for address in addresses.filter(|address| reach(address) == Reach::Loopback).take(ADDRESSES_MAX) {
            text.push_str(&format!("{address}\n"));
        }
        let temporary = self.directory.join(format!(".{}.new", self.me));
        // A leftover of a crash.
        let _ = fs::remove_file(&temporary);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(&temporary)?.write_all(text.as_bytes())?;
        fs::rename(&temporary, self.directory.join(self.me.to_string()))
    }

    /// Takes us off the list, unless another run of ours has put itself there.
    pub(crate) fn withdraw(&self) {
        let path = self.directory.join(self.me.to_string());
        if read_entry(&path).is_some_and(|(pid, _)| pid == std::process::id()) {
            // If it cannot be removed, others see that its process is gone.
            let _ = fs::remove_file(path);
        }
    }

    /// Reads the list and says what changed since the last time.
    pub(crate) fn poll(&mut self) -> Vec<Change> {
        let mut now = BTreeMap::new();
        for (device, path) in self.files() {
            let modified = fs::metadata(&path).and_then(|metadata| metadata.modified()).ok();
            match read_entry(&path) {
                Some((pid, addresses)) if is_alive(pid) => {
                    now.insert(device, (modified, addresses));
                }
                Some(_) => {
                    let _ = fs::remove_file(&path);
                }
                None => {}
            }
        }
        let mut changes: Vec<Change> =
            self.seen.keys().filter(|device| !now.contains_key(device)).map(|device| Change::Gone(*device)).collect();
        for (device, entry) in &now {
            if self.seen.get(device) != Some(entry) {
                changes.push(Change::Here(*device, entry.1.clone()));
            }
        }
        self.seen = now;
        changes
    }

    fn files(&self) -> Vec<(DeviceId, PathBuf)> {
        let Ok(entries) = fs::read_dir(&self.directory) else { return Vec::new() };
        let named = entries.flatten().filter_map(|entry| {
            let device = DeviceId::parse(entry.file_name().to_str()?)?;
            (device != self.me).then(|| (device, entry.path()))
        });
        named.take(LOOPBACK_INSTANCES_MAX).collect()
    }
}

#[cfg(unix)]
fn check_private(directory: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let metadata = fs::symlink_metadata(directory)?;
    if !metadata.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    // A directory others may write to could send us anywhere; the secure channel holds, but why ask for it.
    if metadata.permissions().mode() & 0o077 != 0 {
        fs::set_permissions(directory, fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_private(_directory: &Path) -> io::Result<()> {
    Ok(())
}

fn read_entry(path: &Path) -> Option<(u32, Vec<Multiaddr>)> {
    let mut text = String::new();
    File::open(path).ok()?.take(LOOPBACK_FILE_BYTES_MAX).read_to_string(&mut text).ok()?;
    let mut lines = text.lines();
    let pid = lines.next()?.parse().ok()?;
    let addresses = lines
        .filter_map(|line| line.parse().ok())
        .filter(|address| is_dialable(address) && reach(address) == Reach::Loopback)
        .take(ADDRESSES_MAX)
        .collect();
    Some((pid, addresses))
}

/// Whether a process lives. One that belongs to somebody else does.
#[cfg(unix)]
fn is_alive(pid: u32) -> bool {
    let Some(pid) = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw) else { return false };
    !matches!(rustix::process::test_kill_process(pid), Err(rustix::io::Errno::SRCH))
}

/// Elsewhere the file is taken at its word; a dial that fails costs little.
#[cfg(not(unix))]
fn is_alive(_pid: u32) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(number: u8) -> DeviceId {
        DeviceId([number; 32])
    }

    fn address(text: &str) -> Multiaddr {
        text.parse().expect("an address")
    }

    #[test]
    fn instances_see_each_other_come_and_go() {
        let home = tempfile::tempdir().expect("a temporary directory");
        let ann = LoopbackList::open(&home.path().join("run"), device(1)).expect("opened");
        let mut ben = LoopbackList::open(&home.path().join("run"), device(2)).expect("opened");
        assert_eq!(ben.poll(), []);
        let here = address("/ip4/127.0.0.1/tcp/7400");
        ann.announce([&here, &address("/ip4/192.168.1.1/tcp/7400")].into_iter()).expect("announced");
        assert_eq!(ben.poll(), [Change::Here(device(1), vec![here])]);
        assert_eq!(ben.poll(), []);
        ann.withdraw();
        assert_eq!(ben.poll(), [Change::Gone(device(1))]);
    }

    #[cfg(unix)]
    #[test]
    fn what_a_dead_process_left_is_removed() {
        let home = tempfile::tempdir().expect("a temporary directory");
        let mut ben = LoopbackList::open(home.path(), device(2)).expect("opened");
        let stale = home.path().join(device(1).to_string());
        fs::write(&stale, "2147483647\n/ip4/127.0.0.1/tcp/7400\n").expect("written");
        assert_eq!(ben.poll(), []);
        assert!(!stale.exists());
    }

    #[cfg(unix)]
    #[test]
    fn the_list_is_private() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().expect("a temporary directory");
        let run = home.path().join("run");
        let ann = LoopbackList::open(&run, device(1)).expect("opened");
        ann.announce(std::iter::empty()).expect("announced");
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!(mode(&run), 0o700);
        assert_eq!(mode(&run.join(device(1).to_string())), 0o600);
    }
}
