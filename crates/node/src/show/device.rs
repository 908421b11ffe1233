//! Devices: who is here, who is verified, and who only says so.

use shoal_engine::id::DeviceId;
use shoal_engine::status::DeviceStatus;
use shoal_engine::time::Timestamp;

use super::names::{Names, look};
use super::{moment, number, platform};
use crate::snapshot::{FoundFacts, Snapshot};
use crate::view::{
    BlockedDevice, Device, DeviceWarning, ErrorCode, PathKind, Platform, Presence, Sender, Traffic, Trouble, Trust,
};

/// How long a device may be "found, connecting", in milliseconds, before the reason is said.
const CONNECTING_MS_MAX: u64 = 10_000;

/// What every device in the snapshot is called, this one included.
pub(crate) fn names(snapshot: &Snapshot) -> Names {
    let status = &snapshot.status;
    let known = status.devices.iter().map(|device| (device.device, device.name.clone()));
    let found = snapshot.net.found.keys().map(|device| (*device, String::new()));
    let me = [(snapshot.me, snapshot.settings.name.clone())];
    // Later ones win: what is known of a device outweighs that it was merely announced.
    Names::new(found.chain(known).chain(me))
}

/// Draws all devices but this one and blocked ones.
pub(crate) fn show_all(snapshot: &Snapshot, names: &Names) -> Vec<Device> {
    let known = &snapshot.status.devices;
    let is_known = |device: &DeviceId| known.iter().any(|known| known.device == *device);
    let strangers = snapshot.net.found.keys();
    let unknown = strangers.filter(|device| !is_known(device) && **device != snapshot.me);
    let listed = known.iter().filter(|known| !known.is_blocked && known.device != snapshot.me);
    listed
        .map(|status| show(snapshot, names, status.device, Some(status)))
        .chain(unknown.map(|device| show(snapshot, names, *device, None)))
        .collect()
}

/// Draws the blocked ones.
pub(crate) fn blocked(snapshot: &Snapshot, names: &Names) -> Vec<BlockedDevice> {
    let blocked = snapshot.status.devices.iter().filter(|device| device.is_blocked);
    let draw = |device: &DeviceStatus| BlockedDevice {
        id: device.device.to_string(),
        name: names.of(device.device),
        blocked_at: number(device.last_seen.0),
    };
    blocked.map(draw).collect()
}

/// Draws whoever asks for something.
pub(crate) fn sender(snapshot: &Snapshot, names: &Names, device: DeviceId) -> Sender {
    let status = status_of(snapshot, device);
    Sender {
        device: device.to_string(),
        name: names.of(device),
        suffix: names.suffix(device),
        trust: trust(snapshot, device, status),
        verified_at: status.and_then(|status| status.verified).and_then(moment),
        path: snapshot.net.links.get(&device).map(|link| link.path),
    }
}

/// Whether a device answers now.
pub(crate) fn is_here(snapshot: &Snapshot, device: DeviceId) -> bool {
    status_of(snapshot, device).is_some_and(|status| status.is_here)
}

fn status_of(snapshot: &Snapshot, device: DeviceId) -> Option<&DeviceStatus> {
    snapshot.status.devices.iter().find(|status| status.device == device)
}

fn show(snapshot: &Snapshot, names: &Names, device: DeviceId, status: Option<&DeviceStatus>) -> Device {
    let name = names.of(device);
    let own_name = status.map(|status| status.own_name.clone());
    Device {
        id: device.to_string(),
        own_name: own_name.filter(|own| !own.is_empty() && *own != name),
        suffix: names.suffix(device),
        platform: status.map_or(Platform::Other, |status| platform(&status.platform)),
        trust: trust(snapshot, device, status),
        verified_at: status.and_then(|status| status.verified).and_then(moment),
        presence: presence(snapshot, device, &name, status),
        last_used: snapshot.last_used.get(&device).copied().and_then(moment),
        warnings: warnings(snapshot, device, status),
        address: snapshot.net.last_addresses.get(&device).cloned(),
        traffic: snapshot.traffic.get(&device).map(|(down, up)| Traffic { down: number(*down), up: number(*up) }),
        name,
    }
}

fn presence(snapshot: &Snapshot, device: DeviceId, name: &str, status: Option<&DeviceStatus>) -> Presence {
    let found = snapshot.net.found.get(&device);
    match (status, snapshot.net.links.get(&device), found) {
        (Some(status), link, _) if status.is_here => Presence::Here {
            rtt_ms: link.and_then(|link| link.rtt_ms),
            path: link.map_or(PathKind::Lan, |link| link.path),
        },
        (_, Some(_), _) => Presence::Found { trouble: None },
        (_, None, Some(found)) => Presence::Found { trouble: reason(snapshot.now, found, name) },
        (status, None, None) => Presence::Away { since: status.and_then(|status| moment(status.last_seen)) },
    }
}

/// Why an announced device is not reached, once it took too long.
fn reason(now: Timestamp, found: &FoundFacts, name: &str) -> Option<Trouble> {
    let waited = now.0.saturating_sub(found.since.0);
    (found.has_failed && waited > CONNECTING_MS_MAX)
        .then(|| Trouble::plain(ErrorCode::Unreachable).text("device", name))
}

fn trust(snapshot: &Snapshot, device: DeviceId, status: Option<&DeviceStatus>) -> Trust {
    match status {
        Some(status) if status.verified.is_some() => Trust::Verified,
        // The one we verified answers under its own key: whoever else has the name is just another device.
        _ => match impersonated(snapshot, device, status) {
            Some(known) if !known.is_here => Trust::KeyChanged,
            Some(_) | None => Trust::NotPaired,
        },
    }
}

fn warnings(snapshot: &Snapshot, device: DeviceId, status: Option<&DeviceStatus>) -> Vec<DeviceWarning> {
    let is_verified = status.is_some_and(|status| status.verified.is_some());
    let is_impostor = !is_verified && impersonated(snapshot, device, status).is_some();
    is_impostor.then_some(DeviceWarning::NameOfVerified).into_iter().collect()
}

/// The verified device whose name, given or own, this other one bears.
fn impersonated<'a>(
    snapshot: &'a Snapshot,
    device: DeviceId,
    status: Option<&DeviceStatus>,
) -> Option<&'a DeviceStatus> {
    let name = look(&status?.own_name);
    let bears = |known: &&DeviceStatus| {
        known.device != device
            && known.verified.is_some()
            && [&known.name, &known.own_name].into_iter().any(|of_known| look(of_known) == name)
    };
    snapshot.status.devices.iter().find(bears).filter(|_| !name.is_empty())
}
