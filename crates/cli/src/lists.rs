//! What there is, in lines for people: devices, folders, requests and transfers.

use shoal_node::view::{
    Device, DeviceWarning, Direction, Folder, FolderState, Invitation, ItemWarning, Member, MemberState, NetworkState,
    Offer, OfferItem, Pairing, PairingSide, PairingStage, Presence, Progress, Request, Transfer, TransferState, Trust,
    View,
};

use crate::sentence;
use crate::text::{self, plain};

/// Everything at a glance.
pub(crate) fn status(view: &View) -> Vec<String> {
    let mut lines = vec![format!("{} · {}", plain(&view.me.name), network(view))];
    if view.me.first_run {
        lines.push("Not set up yet: nothing is announced. Choose a name with: shoal config set name NAME".to_owned());
    }
    lines.extend(view.network.troubles.iter().map(|trouble| format!("! {}", sentence::of(trouble))));
    lines.extend(view.notices.iter().map(|notice| format!("! {}", sentence::of(&notice.trouble))));
    section(&mut lines, "Needs you", needs_you(view));
    section(&mut lines, "Devices", devices(view));
    section(&mut lines, "Folders", folders(view));
    section(&mut lines, "Transfers", transfers(view));
    lines
}

fn network(view: &View) -> String {
    let here = view.devices.iter().filter(|device| matches!(device.presence, Presence::Here { .. })).count();
    let state = match view.network.state {
        NetworkState::Starting => "starting".to_owned(),
        NetworkState::None => "not on a network".to_owned(),
        NetworkState::Up => format!("{here} here"),
    };
    format!("{state} · ↓ {}/s · ↑ {}/s", text::bytes(view.rates.down), text::bytes(view.rates.up))
}

fn section(lines: &mut Vec<String>, title: &str, rows: Vec<String>) {
    if !rows.is_empty() {
        lines.push(format!("\n{title}"));
        lines.extend(rows.into_iter().map(|row| format!("  {row}")));
    }
}

fn needs_you(view: &View) -> Vec<String> {
    let held = view.folders.iter().filter(|folder| folder.hold.is_some());
    let held = held.map(|folder| format!("held in {}: see shoal held", plain(&folder.name)));
    inbox(view).into_iter().chain(held).collect()
}

/// Devices, one a line.
pub(crate) fn devices(view: &View) -> Vec<String> {
    let row = |device: &Device| {
        vec![
            text::short(&device.id).to_owned(),
            device_name(device),
            text::platform(device.platform).to_owned(),
            trust(device.trust).to_owned(),
            presence(device, view.now),
            warnings(device),
        ]
    };
    text::columns(&view.devices.iter().map(row).collect::<Vec<_>>())
}

fn device_name(device: &Device) -> String {
    let suffix = device.suffix.as_ref().map_or_else(String::new, |suffix| format!(" ({suffix})"));
    format!("{}{suffix}", plain(&device.name))
}

fn trust(trust: Trust) -> &'static str {
    match trust {
        Trust::Verified => "verified",
        Trust::NotPaired => "not paired",
        Trust::KeyChanged => "key changed",
    }
}

fn presence(device: &Device, now: u64) -> String {
    match &device.presence {
        Presence::Here { rtt_ms, path } => {
            let trip = rtt_ms.map_or_else(String::new, |ms| format!(", {ms} ms"));
            format!("here ({}{trip})", text::path(*path))
        }
        Presence::Away { since: Some(since) } => format!("away since {}", text::since(*since, now)),
        Presence::Away { since: None } => "away".to_owned(),
        Presence::Found { trouble: None } => "found, connecting".to_owned(),
        Presence::Found { trouble: Some(trouble) } => sentence::of(trouble),
    }
}

fn warnings(device: &Device) -> String {
    let words = device.warnings.iter().map(|warning| match warning {
        DeviceWarning::NameOfVerified => format!("! not the {} you verified", plain(&device.name)),
        DeviceWarning::TooOld => "! its version is too old".to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Pairings under way, one a line.
pub(crate) fn pairings(view: &View) -> Vec<String> {
    view.pairing.iter().map(pairing).collect()
}

fn pairing(one: &Pairing) -> String {
    let name = plain(&one.name);
    let id = text::short(&one.device);
    match (&one.stage, one.side, &one.code) {
        (PairingStage::Failed { trouble }, _, _) => format!("{id}  {name}: {}", sentence::of(trouble)),
        (PairingStage::Done, _, _) => format!("{id}  {name}: paired"),
        (PairingStage::Asking, _, _) => format!("{id}  {name}: connecting"),
        (PairingStage::Matched, _, _) => format!("{id}  {name}: the code matches; they have to allow it"),
        (PairingStage::WaitingConfirm, _, _) => {
            format!("{id}  {name}: does their screen say “Matches”? Then: shoal pair --answer {id} yes")
        }
        (_, PairingSide::Showing, Some(code)) => format!("{id}  {name}: read this code to them: {}", grouped(code)),
        (_, PairingSide::Showing | PairingSide::Typing, _) => {
            format!("{id}  {name}: type the code they see: shoal pair {id} --code …")
        }
    }
}

/// Six digits, three and three.
fn grouped(code: &str) -> String {
    match code.split_at_checked(3) {
        Some((first, rest)) => format!("{first} {rest}"),
        None => code.to_owned(),
    }
}

/// What waits, one or more lines each.
pub(crate) fn inbox(view: &View) -> Vec<String> {
    let lines = view.inbox.iter().map(|request| match request {
        Request::Offer(offer) => vec![offer_line(offer)],
        Request::Invitation(one) => vec![format!(
            "{}  {} invites you to {}: {}; you {}",
            text::short(&one.folder),
            plain(&one.from.name),
            plain(&one.name),
            invited_to(one),
            text::role(one.role),
        )],
        Request::Pairing { device, .. } => {
            let under_way = view.pairing.iter().filter(|pairing| pairing.device == *device);
            under_way.map(pairing).collect()
        }
    });
    lines.flatten().collect()
}

/// "12 files, 3 MB", or that there may be more.
fn invited_to(one: &Invitation) -> String {
    let counted = format!("{}, {}", text::count(one.files, "file", "files"), text::bytes(one.bytes));
    match (one.counting, one.files) {
        (false, _) => counted,
        (true, 0) => "its files are still being counted".to_owned(),
        (true, _) => format!("at least {counted}, still counting"),
    }
}

fn offer_line(offer: &Offer) -> String {
    let verified = if offer.from.trust == Trust::Verified { "" } else { " (not paired)" };
    let note = offer.note.as_ref().map_or_else(String::new, |note| format!(": “{}”", plain(note)));
    let warned = offer.items.iter().filter(|item| !item.warnings.is_empty()).count() as u64;
    let warning = if warned > 0 {
        format!(" ! {}", text::count(warned, "item to look at", "items to look at"))
    } else {
        String::new()
    };
    let state = if offer.complete { "" } else { " (list still arrives)" };
    format!(
        "{}  {}{verified} wants to send {}, {}{note}{warning}{state}",
        text::short(&offer.id),
        plain(&offer.from.name),
        text::count(u64::from(offer.item_count), "file", "files"),
        text::bytes(offer.bytes),
    )
}

/// Items of an offer, one a line.
pub(crate) fn items(items: &[OfferItem]) -> Vec<String> {
    let row = |item: &OfferItem| {
        let words = item.warnings.iter().map(|warning| match warning {
            ItemWarning::Program => "! a program: runs if opened",
            ItemWarning::DoubleExtension => "! two endings",
            ItemWarning::HiddenCharacters => "! hidden characters in its name",
        });
        vec![plain(&item.path), text::bytes(item.size), words.collect::<Vec<_>>().join(" ")]
    };
    text::columns(&items.iter().map(row).collect::<Vec<_>>())
}

/// Folders with their members, some lines each.
pub(crate) fn folders(view: &View) -> Vec<String> {
    view.folders.iter().flat_map(|one| folder(one, view.now)).collect()
}

/// One folder with its members.
pub(crate) fn folder(one: &Folder, now: u64) -> Vec<String> {
    let head = format!(
        "{}  {}: {} · {}, {} · {} · {}",
        text::short(&one.id),
        plain(&one.name),
        folder_state(&one.state),
        text::count(one.files, "file", "files"),
        text::bytes(one.bytes),
        plain(&one.place),
        text::role(one.role),
    );
    let rows: Vec<Vec<String>> = one.members.iter().map(|member| member_row(member, now)).collect();
    let members = text::columns(&rows).into_iter().map(|line| format!("    {line}"));
    let mut lines: Vec<String> = std::iter::once(head).chain(members).collect();
    for (words, work) in [("reading", one.reading), ("copying", one.copying)] {
        lines.extend(work.map(|work| format!("    {}", progress(words, work))));
    }
    if one.kept.versions > 0 {
        lines.push(format!("    {}", crate::keep::line(&one.kept)));
    }
    if one.conflict_count > 0 {
        let number = text::count(u64::from(one.conflict_count), "conflict", "conflicts");
        lines.push(format!("    ! {number}, see: shoal conflicts {}", typed(one)));
    }
    if one.problem_count > 0 {
        let number = text::count(u64::from(one.problem_count), "problem", "problems");
        lines.push(format!("    ! {number}, see: shoal folders {}", typed(one)));
    }
    lines
}

/// A folder as an argument: by its name if that can be typed, else by the beginning of its id.
fn typed(one: &Folder) -> String {
    text::argument(&one.name).unwrap_or_else(|| text::short(&one.id).to_owned())
}

/// "reading 1.2 GB of 3 GB at 310 MB/s, about 6 s left".
fn progress(words: &str, work: Progress) -> String {
    let left = work.eta_s.map_or_else(String::new, |seconds| format!(", {}", text::left(seconds)));
    format!("{words} {} of {} at {}/s{left}", text::bytes(work.done), text::bytes(work.total), text::bytes(work.speed))
}

fn folder_state(state: &FolderState) -> String {
    match state {
        FolderState::UpToDate => "has everything it knows of".to_owned(),
        FolderState::Scanning { done, eta_s, .. } => format!(
            "looking, {}{}",
            text::count(*done, "file", "files"),
            eta_s.map_or_else(String::new, |seconds| format!(", {}", text::left(seconds)))
        ),
        FolderState::Syncing { files_left: 0, .. } => "writing down what changed".to_owned(),
        FolderState::Syncing { files_left, bytes_left, speed, eta_s, .. } => format!(
            "{} to go, {} at {}/s{}",
            text::count(*files_left, "file", "files"),
            text::bytes(*bytes_left),
            text::bytes(*speed),
            eta_s.map_or_else(String::new, |seconds| format!(", {}", text::left(seconds)))
        ),
        FolderState::Waiting { files_left, .. } => format!("waits for {}", text::count(*files_left, "file", "files")),
        FolderState::NoRoom { files_left, bytes_left } => format!(
            "no room on this disk: {}, {} to go",
            text::count(*files_left, "file", "files"),
            text::bytes(*bytes_left)
        ),
        FolderState::Paused => "paused".to_owned(),
        FolderState::Stopped { trouble } => format!("stopped: {}", sentence::of(trouble)),
        FolderState::Hold => "waits for your yes: see shoal held".to_owned(),
    }
}

fn member_row(member: &Member, now: u64) -> Vec<String> {
    let state = match &member.state {
        MemberState::UpToDate => "up to date".to_owned(),
        MemberState::Behind { files, bytes } => {
            format!("{} to go, {}", text::count(*files, "file", "files"), text::bytes(*bytes))
        }
        MemberState::Away { since: Some(since), .. } => format!("away since {}", text::since(*since, now)),
        MemberState::Away { since: None, .. } => "away".to_owned(),
        MemberState::Unknown => "here, has not said yet what it has".to_owned(),
        MemberState::Invited => "has not answered the invitation".to_owned(),
        MemberState::Declined => "declined the invitation".to_owned(),
    };
    vec![plain(&member.name), text::role(member.role).to_owned(), state]
}

/// Transfers, one a line.
pub(crate) fn transfers(view: &View) -> Vec<String> {
    text::columns(&view.transfers.iter().map(transfer_row).collect::<Vec<_>>())
}

fn transfer_row(one: &Transfer) -> Vec<String> {
    let names: Vec<String> = one.devices.iter().map(|device| plain(&device.name)).collect();
    let arrow = match one.direction {
        Direction::Up => "↑",
        Direction::Down => "↓",
    };
    let percent = (u128::from(one.bytes_done) * 100).checked_div(u128::from(one.bytes_total)).unwrap_or(0);
    let more = one.files_total.saturating_sub(1);
    let title = match more {
        0 => plain(&one.title),
        more => format!("{} and {more} more", plain(&one.title)),
    };
    vec![text::short(&one.id).to_owned(), format!("{arrow} {title}"), names.join(", "), transfer_state(one, percent)]
}

fn transfer_state(one: &Transfer, percent: u128) -> String {
    let moving = || {
        let left = one.eta_s.map_or_else(String::new, |seconds| format!(", {}", text::left(seconds)));
        format!("{percent} % of {} at {}/s{left}", text::bytes(one.bytes_total), text::bytes(one.speed))
    };
    match &one.state {
        TransferState::Asking { .. } => "waits for their answer".to_owned(),
        TransferState::Waiting { name, .. } => format!("waits: {} is away, {percent} %", plain(name)),
        TransferState::Sending | TransferState::Receiving => moving(),
        TransferState::Checking => "checking".to_owned(),
        TransferState::Done { .. } => {
            let place = one.place.as_ref().map_or_else(String::new, |place| format!(" in {}", plain(place)));
            format!("done, {}{place}", text::bytes(one.bytes_total))
        }
        TransferState::Paused => format!("paused at {percent} %"),
        TransferState::Declined => "declined".to_owned(),
        TransferState::Failed { trouble } => format!("failed: {}", sentence::of(trouble)),
        TransferState::Withdrawn => "withdrawn".to_owned(),
    }
}
