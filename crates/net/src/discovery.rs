//! Hints of who is near: mDNS and the list of instances on this computer.

use std::collections::{BTreeMap, HashSet};
use std::time::Instant;

use libp2p::core::transport::ListenerId;
use libp2p::swarm::behaviour::NewListenAddr;
use libp2p::swarm::behaviour::toggle::Toggle;
use libp2p::swarm::{FromSwarm, NetworkBehaviour};
use libp2p::{Multiaddr, PeerId, mdns};
use shoal_engine::id::DeviceId;

use crate::address::{Reach, device_of, ip_of, is_dialable, reach, split_device};
use crate::guard::Mode;
use crate::limits::{LOOPBACK_POLL, MDNS_PAUSE, MDNS_RECORDS_MAX};
use crate::loopback_list::{Change, LoopbackList};
use crate::swarm::NetTask;
use crate::targets::Source;
use crate::{NetConfig, NetEvent, lan};

/// What discovery remembers.
pub(crate) struct Discovery {
    pub(crate) paired: HashSet<PeerId>,
    with_mdns: bool,
    is_nearby_open: bool,
    has_ipv4: bool,
    mdns_back_at: Option<Instant>,
    list: Option<LoopbackList>,
    list_read_at: Option<Instant>,
}

impl Discovery {
    pub(crate) fn new(config: &NetConfig, me: DeviceId) -> Self {
        let list = config.loopback_list.as_deref().and_then(|directory| {
            LoopbackList::open(directory, me)
                .inspect_err(|error| tracing::warn!(%error, "no list of instances on this computer"))
                .ok()
        });
        Discovery {
            paired: HashSet::new(),
            with_mdns: config.mdns,
            is_nearby_open: false,
            has_ipv4: true,
            mdns_back_at: None,
            list,
            list_read_at: None,
        }
    }

    pub(crate) fn announce(&self, listening: &[(ListenerId, Multiaddr)]) {
        let addresses = listening.iter().map(|(_, address)| address);
        if let Some(Err(error)) = self.list.as_ref().map(|list| list.announce(addresses)) {
            tracing::warn!(%error, "cannot join the list of instances on this computer");
        }
    }

    pub(crate) fn withdraw(&self) {
        if let Some(list) = &self.list {
            list.withdraw();
        }
    }
}

impl NetTask {
    /// Starts mDNS afresh, which also asks at once.
    pub(crate) fn start_mdns(&mut self) {
        if !self.discovery.with_mdns || self.mode.get() == Mode::Off {
            return;
        }
        let me = *self.swarm.local_peer_id();
        match lan::Behaviour::new(me, self.discovery.is_nearby_open, self.discovery.has_ipv4) {
            Ok(mut mdns) => {
                // A behaviour that comes late has missed where we listen, and would announce nothing.
                for (listener_id, addr) in &self.listening {
                    let event = NewListenAddr { listener_id: *listener_id, addr };
                    mdns.on_swarm_event(FromSwarm::NewListenAddr(event));
                }
                self.swarm.behaviour_mut().mdns = Toggle::from(Some(mdns));
            }
            Err(error) => tracing::warn!(%error, "no mDNS"),
        }
    }

    pub(crate) fn stop_mdns(&mut self) {
        self.swarm.behaviour_mut().mdns = Toggle::from(None);
    }

    pub(crate) fn set_nearby_open(&mut self, is_open: bool) {
        if self.discovery.is_nearby_open != is_open {
            self.discovery.is_nearby_open = is_open;
            self.start_mdns();
        }
    }

    pub(crate) fn on_mdns(&mut self, event: mdns::Event) {
        match event {
            mdns::Event::Discovered(found) => {
                let now = Instant::now();
                for (device, addresses) in by_device(found) {
                    self.sighted(device, Source::Mdns, addresses, now);
                }
                self.bound_mdns(now);
            }
            mdns::Event::Expired(gone) => {
                for (device, addresses) in by_device(gone) {
                    self.unsighted(device, Source::Mdns, &addresses);
                }
            }
        }
    }

    /// mDNS keeps all it hears in a list without bound: a flood is answered by starting over, later.
    fn bound_mdns(&mut self, now: Instant) {
        let mdns = &self.swarm.behaviour().mdns;
        if mdns.as_ref().is_some_and(|mdns| mdns.records() > MDNS_RECORDS_MAX) {
            tracing::warn!("too many mDNS records: pausing");
            self.stop_mdns();
            self.discovery.mdns_back_at = Some(now + MDNS_PAUSE);
        }
    }

    pub(crate) fn discover(&mut self, now: Instant) {
        if self.discovery.mdns_back_at.is_some_and(|at| at <= now) {
            self.discovery.mdns_back_at = None;
            self.start_mdns();
        }
        let is_due = self.discovery.list_read_at.is_none_or(|at| now.duration_since(at) >= LOOPBACK_POLL);
        if is_due && self.mode.get() != Mode::Off {
            self.discovery.list_read_at = Some(now);
            let changes = self.discovery.list.as_mut().map(LoopbackList::poll).unwrap_or_default();
            for change in changes {
                match change {
                    Change::Here(device, addresses) => self.sighted(device, Source::Loopback, addresses, now),
                    Change::Gone(device) => self.unsighted(device, Source::Loopback, &[]),
                }
            }
        }
    }

    /// Which family mDNS asks in follows from the addresses we have.
    pub(crate) fn choose_mdns_family(&mut self) {
        let outside = |address: &Multiaddr| reach(address) != Reach::Loopback;
        let mut ips = self.listening.iter().map(|(_, address)| address).filter(|a| outside(a)).filter_map(ip_of);
        let has_ipv4 = ips.clone().any(|ip| ip.is_ipv4()) || !ips.any(|ip| ip.is_ipv6());
        if has_ipv4 != self.discovery.has_ipv4 {
            self.discovery.has_ipv4 = has_ipv4;
            self.start_mdns();
        }
    }

    pub(crate) fn sighted(&mut self, device: DeviceId, source: Source, addresses: Vec<Multiaddr>, now: Instant) {
        if self.targets.sight(device, source, addresses, now) {
            let addresses = self.targets.addresses(&device).iter().map(ToString::to_string).collect();
            self.hint(NetEvent::Found { device, addresses });
        }
    }

    fn unsighted(&mut self, device: DeviceId, source: Source, addresses: &[Multiaddr]) {
        if self.targets.unsight(&device, source, addresses) {
            self.hint(NetEvent::Lost { device });
        }
    }
}

fn by_device(records: Vec<(PeerId, Multiaddr)>) -> BTreeMap<DeviceId, Vec<Multiaddr>> {
    let mut devices: BTreeMap<DeviceId, Vec<Multiaddr>> = BTreeMap::new();
    for (peer, address) in records {
        let Some(device) = device_of(&peer) else { continue };
        match split_device(address) {
            Some((address, named)) if named.is_none_or(|named| named == device) && is_dialable(&address) => {
                devices.entry(device).or_default().push(address);
            }
            _ => {}
        }
    }
    devices
}
