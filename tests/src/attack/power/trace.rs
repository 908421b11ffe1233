//! What a program did to a directory, as strace saw it, and which part of it a power cut may take.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::process::{Command, Stdio};

use super::image::{Disk, Inode, Name};

/// Where the index is, which is only a help: what is done there is left out.
pub const INDEX: &str = "data/index";
/// A removal of something with such a name, which never is there, says that the program was given a promise.
pub const PROMISE: &str = "promise-";

const CALLS: &str = "trace=openat,openat2,write,pwrite64,ftruncate,rename,renameat,renameat2,link,linkat,unlink,unlinkat,mkdir,mkdirat,rmdir,fsync,fdatasync,syncfs";

/// One thing that was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    Create { name: Name, inode: Inode },
    Write { inode: Inode, at: usize, bytes: Vec<u8> },
    Resize { inode: Inode, size: usize },
    Link { from: Name, to: Name },
    Remove { name: Name },
    Rename { from: Name, to: Name, is_exchange: bool },
    MakeDirectory { name: Name },
    SyncFile(Inode),
    SyncDirectory(Name),
    SyncAll,
    Promise(String),
}

/// All that was done.
#[derive(Debug, Default)]
pub struct Recorded {
    pub ops: Vec<Op>,
    /// The inode that was first in each slot of the swap directory.
    pub slots: HashMap<String, Inode>,
}

/// Something that a power cut may take or leave.
#[derive(Clone, Copy, Debug)]
pub struct Choice {
    op: usize,
    /// In how many ways it may be found: not at all, whole, and for a write torn or as zeros.
    pub variants: u64,
}

/// Lets a program do a scene's deeds under strace.
pub fn record(program: &Path, scene: &str, place: &Path, notes: &Path, before: &Disk) -> Option<Recorded> {
    let mut command = Command::new("strace");
    command.args(["-f", "-y", "-xx", "-s", "1000000", "-e", CALLS, "-o"]).arg(notes).arg("--");
    command.arg(program).args(["--act", scene]).arg(place).stdin(Stdio::null());
    if !command.status().ok()?.success() {
        return None;
    }
    let text = std::fs::read_to_string(notes).ok()?;
    let mut recorder =
        Recorder { place: format!("{}/", place.display()), disk: before.clone(), recorded: Recorded::default() };
    let mut begun: HashMap<&str, String> = HashMap::new();
    for line in text.lines() {
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let rest = rest.trim_start();
        if let Some(start) = rest.strip_suffix("<unfinished ...>") {
            begun.insert(thread, start.trim_end().to_owned());
        } else if let Some((_, end)) = rest.split_once("resumed>").filter(|_| rest.starts_with("<...")) {
            let whole = format!("{}{end}", begun.remove(thread).unwrap_or_default());
            recorder.take(&whole);
        } else {
            recorder.take(rest);
        }
    }
    Some(recorder.recorded)
}

struct Recorder {
    place: String,
    /// As if no power cut came: to know what a handle is.
    disk: Disk,
    recorded: Recorded,
}

impl Recorder {
    fn take(&mut self, line: &str) {
        let Some((call, rest)) = line.split_once('(') else { return };
        let Some((args, result)) = rest.rsplit_once(") = ").or_else(|| rest.rsplit_once(" = ")) else { return };
        let args: Vec<&str> = args.trim_end().trim_end_matches(')').split(", ").collect();
        let is_done = !result.trim_start().starts_with('-');
        let op = if is_done { self.op(call, &args) } else { self.promise(call, &args) };
        if let Some(op) = op {
            apply(&mut self.disk, &op, 1);
            self.note_slots();
            self.recorded.ops.push(op);
        }
    }

    fn promise(&self, call: &str, args: &[&str]) -> Option<Op> {
        let path = args.iter().find(|arg| arg.starts_with('"')).map(|arg| quoted(arg))?;
        let text = path.rsplit('/').next()?.strip_prefix(PROMISE)?.to_owned();
        call.starts_with("unlink").then_some(Op::Promise(text))
    }

    fn op(&self, call: &str, args: &[&str]) -> Option<Op> {
        match call {
            "openat" => self.opened(args),
            "write" => {
                let inode = self.inode(args.first()?)?;
                let at = self.disk.bytes[&inode].len();
                Some(Op::Write { inode, at, bytes: unescape(args.get(1)?.trim_matches('"')) })
            }
            "pwrite64" => {
                let at = args.last()?.parse().ok()?;
                Some(Op::Write {
                    inode: self.inode(args.first()?)?,
                    at,
                    bytes: unescape(args.get(1)?.trim_matches('"')),
                })
            }
            "ftruncate" => Some(Op::Resize { inode: self.inode(args.first()?)?, size: args.get(1)?.parse().ok()? }),
            "rename" => {
                self.renamed(&self.inside(&quoted(args.first()?))?, &self.inside(&quoted(args.get(1)?))?, false)
            }
            "renameat" | "renameat2" => {
                let is_exchange = args.get(4).is_some_and(|flags| flags.contains("EXCHANGE"));
                self.renamed(&self.at(args, 0)?, &self.at(args, 2)?, is_exchange)
            }
            "linkat" => Some(Op::Link { from: self.at(args, 0)?, to: self.at(args, 2)? }),
            "unlink" | "rmdir" => Some(Op::Remove { name: self.inside(&quoted(args.first()?))? }),
            "unlinkat" => Some(Op::Remove { name: self.at(args, 0)? }),
            "mkdir" => Some(Op::MakeDirectory { name: self.inside(&quoted(args.first()?))? }),
            "mkdirat" => Some(Op::MakeDirectory { name: self.at(args, 0)? }),
            "fsync" | "fdatasync" => {
                let path = handle(args.first()?)?;
                let name = self.inside(&path)?;
                Some(
                    self.disk
                        .names
                        .get(&name)
                        .map_or_else(|| Op::SyncDirectory(name.clone()), |inode| Op::SyncFile(*inode)),
                )
            }
            "syncfs" => self.inside(&handle(args.first()?)?).map(|_| Op::SyncAll),
            _ => None,
        }
    }

    fn opened(&self, args: &[&str]) -> Option<Op> {
        let name = self.at(args, 0)?;
        let flags = args.get(2)?;
        match self.disk.names.get(&name) {
            None if flags.contains("O_CREAT") => Some(Op::Create { name, inode: 1000 + self.recorded.ops.len() }),
            Some(inode) if flags.contains("O_TRUNC") => Some(Op::Resize { inode: *inode, size: 0 }),
            _ => None,
        }
    }

    fn renamed(&self, from: &str, to: &str, is_exchange: bool) -> Option<Op> {
        Some(Op::Rename { from: from.to_owned(), to: to.to_owned(), is_exchange })
    }

    fn note_slots(&mut self) {
        for (name, inode) in &self.disk.names {
            if let Some((_, slot)) = name.split_once("/.shoal/swap/") {
                self.recorded.slots.entry(slot.to_owned()).or_insert(*inode);
            }
        }
    }

    fn inode(&self, arg: &str) -> Option<Inode> {
        self.disk.names.get(&self.inside(&handle(arg)?)?).copied()
    }

    /// The name that a handle and a path mean.
    fn at(&self, args: &[&str], first: usize) -> Option<Name> {
        let path = quoted(args.get(first + 1)?);
        if path.starts_with('/') {
            self.inside(&path)
        } else {
            self.inside(&format!("{}/{path}", handle(args.get(first)?)?))
        }
    }

    fn inside(&self, path: &str) -> Option<Name> {
        if format!("{path}/") == self.place {
            return Some(String::new());
        }
        let name = path.strip_prefix(&self.place)?.trim_end_matches("/.").to_owned();
        (!name.starts_with(INDEX)).then_some(name)
    }
}

/// The path of a handle, `5<\x2f…>`.
fn handle(arg: &str) -> Option<String> {
    let path = arg.split_once('<')?.1.strip_suffix('>')?;
    Some(String::from_utf8_lossy(&unescape(path)).into_owned())
}

fn quoted(arg: &str) -> String {
    String::from_utf8_lossy(&unescape(arg.trim_matches('"'))).into_owned()
}

fn unescape(text: &str) -> Vec<u8> {
    text.split("\\x").filter_map(|pair| u8::from_str_radix(pair.get(..2)?, 16).ok()).collect()
}

impl Recorded {
    /// What was promised before a moment.
    pub fn promises(&self, moment: usize) -> Vec<String> {
        let promise = |op: &Op| if let Op::Promise(text) = op { Some(text.clone()) } else { None };
        self.ops[..moment].iter().filter_map(promise).collect()
    }

    /// What a power cut at a moment may take or leave.
    pub fn choices(&self, moment: usize) -> Vec<Choice> {
        let certain = self.certain(moment);
        let open = (0..moment).filter(|at| !certain.contains(at));
        open.filter_map(|op| {
            let variants = match &self.ops[op] {
                Op::Write { .. } => 4,
                Op::Create { .. } | Op::Resize { .. } | Op::Link { .. } | Op::Remove { .. } => 2,
                Op::Rename { .. } | Op::MakeDirectory { .. } => 2,
                Op::SyncFile(_) | Op::SyncDirectory(_) | Op::SyncAll | Op::Promise(_) => return None,
            };
            Some(Choice { op, variants })
        })
        .collect()
    }

    /// The disk after a power cut, with what was picked of each choice.
    pub fn disk_at(&self, before: &Disk, moment: usize, choices: &[Choice], picks: &[u64]) -> Disk {
        let picked: HashMap<usize, u64> = choices.iter().map(|choice| choice.op).zip(picks.iter().copied()).collect();
        let mut disk = before.clone();
        let mut taken: Vec<&Op> = Vec::new();
        for (at, op) in self.ops[..moment].iter().enumerate() {
            // What happens to a name happens in order: without the one before, the next one did not happen either.
            let pick = picked.get(&at).copied().unwrap_or(1);
            if pick == 0 || taken.iter().any(|before| share_a_name(before, op)) {
                taken.push(op);
            } else {
                apply(&mut disk, op, pick);
            }
        }
        disk
    }

    /// What is durable at a moment, with all that it stands on.
    fn certain(&self, moment: usize) -> BTreeSet<usize> {
        let mut certain = BTreeSet::new();
        for at in (0..moment).rev() {
            let later = &self.ops[at + 1..moment];
            let is_synced = later.iter().any(|sync| is_covered(&self.ops[at], sync));
            let is_needed = || certain.iter().any(|needs: &usize| share_a_name(&self.ops[at], &self.ops[*needs]));
            if is_synced || is_needed() {
                certain.insert(at);
            }
        }
        certain
    }
}

/// Whether a sync makes something durable. A rename is when the directory that gained the name is synced.
fn is_covered(op: &Op, sync: &Op) -> bool {
    let dir = |name: &Name| name.rsplit_once('/').map_or("", |(dir, _)| dir).to_owned();
    match (op, sync) {
        (Op::Promise(_) | Op::SyncFile(_) | Op::SyncDirectory(_) | Op::SyncAll, _) => false,
        (_, Op::SyncAll) => true,
        (Op::Write { inode, .. } | Op::Resize { inode, .. }, Op::SyncFile(synced)) => inode == synced,
        (Op::Create { name, .. } | Op::Remove { name } | Op::MakeDirectory { name }, Op::SyncDirectory(synced)) => {
            dir(name) == *synced
        }
        (Op::Link { to, .. }, Op::SyncDirectory(synced)) => dir(to) == *synced,
        (Op::Rename { from, to, is_exchange }, Op::SyncDirectory(synced)) => {
            dir(to) == *synced || (*is_exchange && dir(from) == *synced)
        }
        _ => false,
    }
}

/// Whether one directory change stands on another: they touch the same name.
fn share_a_name(one: &Op, other: &Op) -> bool {
    let names = |op: &Op| match op {
        Op::Create { name, .. } | Op::Remove { name } | Op::MakeDirectory { name } => vec![name.clone()],
        Op::Link { from, to } | Op::Rename { from, to, .. } => vec![from.clone(), to.clone()],
        Op::Write { .. } | Op::Resize { .. } | Op::SyncFile(_) | Op::SyncDirectory(_) => Vec::new(),
        Op::SyncAll | Op::Promise(_) => Vec::new(),
    };
    let (one, other) = (names(one), names(other));
    let is_above = |dir: &Name, name: &Name| name.strip_prefix(dir.as_str()).is_some_and(|rest| rest.starts_with('/'));
    one.iter().any(|name| other.iter().any(|there| name == there || is_above(name, there)))
}

/// Does something to a disk, as far as it can be done: 1 whole, 2 torn, 3 as zeros.
fn apply(disk: &mut Disk, op: &Op, pick: u64) {
    match op {
        Op::Create { name, inode } => {
            disk.names.insert(name.clone(), *inode);
            disk.bytes.entry(*inode).or_default();
        }
        Op::Write { inode, at, bytes } => {
            let there = disk.bytes.entry(*inode).or_default();
            let length = if pick == 2 { bytes.len() / 2 } else { bytes.len() };
            if there.len() < at + length {
                there.resize(at + length, 0);
            }
            if pick != 3 {
                there[*at..at + length].copy_from_slice(&bytes[..length]);
            }
        }
        Op::Resize { inode, size } => disk.bytes.entry(*inode).or_default().resize(*size, 0),
        Op::Link { from, to } => {
            if let Some(inode) = disk.names.get(from).copied() {
                disk.names.insert(to.clone(), inode);
            }
        }
        Op::Remove { name } => {
            disk.names.remove(name);
            disk.dirs.remove(name);
        }
        Op::Rename { from, to, is_exchange } => {
            let (Some(moved), there) = (disk.names.get(from).copied(), disk.names.get(to).copied()) else { return };
            match (is_exchange, there) {
                (true, Some(there)) => _ = disk.names.insert(from.clone(), there),
                (true, None) => return,
                (false, _) => _ = disk.names.remove(from),
            }
            disk.names.insert(to.clone(), moved);
        }
        Op::MakeDirectory { name } => _ = disk.dirs.insert(name.clone()),
        Op::SyncFile(_) | Op::SyncDirectory(_) | Op::SyncAll | Op::Promise(_) => {}
    }
}
