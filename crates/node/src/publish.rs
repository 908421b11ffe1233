//! Turns a snapshot into the view: everything a person sees, drawn whole.

use crate::show::{device, folder, inbox, number, pairing, place, platform, transfer};
use crate::snapshot::Snapshot;
use crate::view::{Me, Network, Rates, View};

/// Draws everything a person sees.
pub(crate) fn view(snapshot: &Snapshot) -> View {
    let names = device::names(snapshot);
    let pairings = snapshot.status.pairings.iter();
    View {
        now: number(snapshot.now.0),
        me: me(snapshot),
        network: Network {
            state: snapshot.net.state,
            name: None,
            troubles: snapshot.net.troubles.clone(),
            dht_peers: snapshot.net.dht_peers,
        },
        devices: device::show_all(snapshot, &names),
        blocked: device::blocked(snapshot, &names),
        pairing: pairings.map(|one| pairing::show(one, &names)).collect(),
        inbox: inbox::show_all(snapshot, &names),
        folders: folder::show_all(snapshot, &names),
        transfers: transfer::show_all(snapshot, &names),
        rates: Rates { down: number(snapshot.rates.0), up: number(snapshot.rates.1) },
        notices: snapshot.notices.clone(),
    }
}

fn me(snapshot: &Snapshot) -> Me {
    let settings = &snapshot.settings;
    Me {
        id: snapshot.me.to_string(),
        name: settings.name.clone(),
        home_label: snapshot.home_label.clone(),
        platform: platform(std::env::consts::OS),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        first_run: !settings.is_set_up,
        downloads: place::shown(&settings.downloads),
        addresses: snapshot.net.addresses.clone(),
        theme: settings.theme,
    }
}

#[cfg(test)]
mod tests;
