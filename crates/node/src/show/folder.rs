//! Folders: what this computer does in one, and how far each other device is.

use std::path::Path;

use shoal_engine::status::{
    ConflictStatus, FolderState as State, FolderStatus, HoldStatus, MemberState as Far, MemberStatus,
};

use super::names::Names;
use super::{count, moment, number, place, progress, role, trouble};
use crate::snapshot::{FolderFacts, Snapshot};
use crate::view::{Conflict, ErrorCode, Folder, FolderState, Hold, Member, MemberState, Problem, Role, Trouble};

/// Draws all folders.
pub(crate) fn show_all(snapshot: &Snapshot, names: &Names) -> Vec<Folder> {
    let folders = snapshot.status.folders.iter();
    folders.map(|status| show(snapshot, names, status)).collect()
}

fn show(snapshot: &Snapshot, names: &Names, status: &FolderStatus) -> Folder {
    let facts = snapshot.folders.get(&status.folder).cloned().unwrap_or_default();
    let problem = |(path, code): &(String, _)| Problem { path: path.clone(), trouble: trouble::of_path(path, *code) };
    let place = place::shown(Path::new(&status.place));
    Folder {
        id: status.folder.to_string(),
        name: status.name.clone(),
        role: status.role.map_or(Role::Viewer, role),
        state: state(status, &facts, &place),
        reading: facts.reading.map(progress),
        copying: facts.copying.map(progress),
        files: number(status.files),
        bytes: number(status.bytes),
        members: status.members.iter().map(|one| member(names, one)).collect(),
        problems: status.problems.iter().map(problem).collect(),
        problem_count: count(status.problem_count),
        conflicts: status.conflicts.iter().map(conflict).collect(),
        conflict_count: count(status.conflict_count),
        hold: status.hold.as_ref().map(|one| hold(names, one)),
        kept: facts.kept,
        merges: status.merges,
        place,
    }
}

fn state(status: &FolderStatus, facts: &FolderFacts, place: &str) -> FolderState {
    let (files_left, bytes_left) = (number(status.lacking.0), number(status.lacking.1));
    if status.role.is_none() {
        let trouble = Trouble::plain(ErrorCode::NotMember).text("folder", &status.name);
        return FolderState::Stopped { trouble };
    }
    match status.state {
        State::Scanning { done } => FolderState::Scanning {
            done: number(done),
            total: Some(number(status.files)).filter(|total| *total > 0 && *total >= done),
            speed: facts.looking.map_or(0, |looking| number(looking.speed)),
            eta_s: facts.looking.and_then(|looking| looking.eta_s),
        },
        State::Syncing => FolderState::Syncing {
            files_left,
            bytes_left,
            bytes_total: number(facts.bytes_down.saturating_add(bytes_left)),
            speed: number(facts.speed_down),
            eta_s: facts.eta_s,
        },
        State::Waiting => FolderState::Waiting { files_left, bytes_left },
        State::Full => FolderState::NoRoom { files_left, bytes_left },
        State::Held => FolderState::Hold,
        State::UpToDate => FolderState::UpToDate,
        State::Paused => FolderState::Paused,
        State::Stopped(stop) => FolderState::Stopped { trouble: trouble::of_stop(&status.name, place, stop) },
    }
}

fn member(names: &Names, status: &MemberStatus) -> Member {
    let name = Some(status.name.clone()).filter(|name| !name.is_empty());
    Member {
        device: status.device.to_string(),
        name: name.unwrap_or_else(|| names.of(status.device)),
        role: role(status.role),
        state: match status.state {
            Far::UpToDate => MemberState::UpToDate,
            Far::Behind { files, bytes } => MemberState::Behind { files: number(files), bytes: number(bytes) },
            Far::Away { since } => MemberState::Away { since: moment(since), files: None },
            Far::Unknown => MemberState::Unknown,
            Far::Invited => MemberState::Invited,
        },
    }
}

fn conflict(status: &ConflictStatus) -> Conflict {
    Conflict { path: status.path.to_string(), copy: status.copy.to_string(), by: status.by.clone(), at: None }
}

fn hold(names: &Names, status: &HoldStatus) -> Hold {
    Hold {
        by: status.by.map(|device| names.of(device)),
        removes: number(status.removes),
        replaces: number(status.rewrites),
        of: number(status.of),
        examples: status.examples.iter().map(ToString::to_string).collect(),
        asked_at: number(status.since.0),
    }
}
