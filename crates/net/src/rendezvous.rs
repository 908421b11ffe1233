//! Meets paired devices over the DHT: publishes where we are, looks up where they are, serves others.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use libp2p::kad::store::RecordStore;
use libp2p::kad::{self, QueryId, Quorum, Record};
use libp2p::swarm::ConnectionId;
use libp2p::{Multiaddr, identify};
use shoal_engine::id::DeviceId;

use crate::address::{self, Reach, reach};
use crate::behaviour::KADEMLIA;
use crate::connections::Purpose;
use crate::dht::{self, Key, Secret, Whereabouts};
use crate::guard::Mode;
use crate::limits::{
    ADDRESSES_MAX, LOOKUP_FIRST, LOOKUP_MAX, PAIRED_MAX, PUBLISH_EVERY, PUBLISH_QUIET, QUERIES_MAX, RECORD_LIFE,
    REDIAL_FIRST, REDIAL_MAX,
};
use crate::swarm::NetTask;
use crate::targets::Source;
use crate::{NetConfig, PairedDevice};

/// One paired device, as the DHT sees it.
struct Pair {
    secret: Secret,
    lookup_at: Option<Instant>,
    lookup_pause: Duration,
    /// The newest record seen; older ones are replays or leftovers.
    newest_millis: u64,
}

/// A question of ours to the DHT.
enum Query {
    Publish(DeviceId),
    Lookup(DeviceId, Key),
}

/// What the meeting place remembers.
pub(crate) struct Rendezvous {
    is_on: bool,
    bootstrap: Vec<(Multiaddr, Option<DeviceId>)>,
    bootstrap_at: Option<Instant>,
    bootstrap_pause: Duration,
    /// A peer that serves the DHT has been met.
    is_usable: bool,
    pairs: HashMap<DeviceId, Pair>,
    to_publish: BTreeSet<DeviceId>,
    publish_at: Option<Instant>,
    queries: HashMap<QueryId, Query>,
}

impl Rendezvous {
    pub(crate) fn new(config: &NetConfig, now: Instant) -> Self {
        let parsed = config.bootstrap.iter().filter_map(|text| {
            let parsed = address::parse(text);
            if parsed.is_none() {
                tracing::warn!(address = %text, "not a bootstrap address");
            }
            parsed
        });
        let each = parsed.flat_map(|(addresses, device)| addresses.into_iter().map(move |address| (address, device)));
        Rendezvous {
            is_on: config.kademlia,
            bootstrap: each.collect(),
            bootstrap_at: Some(now),
            bootstrap_pause: REDIAL_FIRST,
            is_usable: false,
            pairs: HashMap::new(),
            to_publish: BTreeSet::new(),
            publish_at: None,
            queries: HashMap::new(),
        }
    }

    pub(crate) fn set_paired(&mut self, devices: &[PairedDevice], now: Instant) {
        let mut old = std::mem::take(&mut self.pairs);
        for paired in devices.iter().take(PAIRED_MAX) {
            let known = old.remove(&paired.device).filter(|pair| *pair.secret == *paired.secret);
            if known.is_none() {
                self.to_publish.insert(paired.device);
            }
            let pair = known.unwrap_or_else(|| Pair {
                secret: paired.secret.clone(),
                lookup_at: Some(now),
                lookup_pause: LOOKUP_FIRST,
                newest_millis: 0,
            });
            self.pairs.insert(paired.device, pair);
        }
        self.to_publish.retain(|device| self.pairs.contains_key(device));
    }

    pub(crate) fn addresses_changed(&mut self, now: Instant) {
        self.publish_at = Some(now + PUBLISH_QUIET);
    }

    /// Nearer ways are tried first; the DHT follows.
    pub(crate) fn disconnected(&mut self, device: &DeviceId, now: Instant) {
        if let Some(pair) = self.pairs.get_mut(device) {
            pair.lookup_pause = LOOKUP_FIRST;
            pair.lookup_at = Some(now + LOOKUP_FIRST);
        }
    }

    /// The network changed, or the DHT can be reached from now on: everything is asked again.
    pub(crate) fn wake(&mut self, now: Instant) {
        self.bootstrap_at = Some(now);
        self.bootstrap_pause = REDIAL_FIRST;
        self.publish_at = Some(self.publish_at.map_or(now, |at| at.min(now)));
        for pair in self.pairs.values_mut() {
            pair.lookup_pause = LOOKUP_FIRST;
            pair.lookup_at = Some(now);
        }
    }

    fn lookups_due(&mut self, now: Instant, is_linked: impl Fn(&DeviceId) -> bool) -> Vec<(DeviceId, Secret)> {
        let mut due = Vec::new();
        for (device, pair) in &mut self.pairs {
            // Two days are asked for each device.
            if self.queries.len() + 2 * (due.len() + 1) > QUERIES_MAX {
                break;
            }
            if pair.lookup_at.is_some_and(|at| at <= now) && !is_linked(device) {
                pair.lookup_at = Some(now + pair.lookup_pause);
                pair.lookup_pause = (pair.lookup_pause * 2).min(LOOKUP_MAX);
                due.push((*device, pair.secret.clone()));
            }
        }
        due
    }
}

fn now_millis() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

impl NetTask {
    pub(crate) fn meet(&mut self, now: Instant) {
        if !self.rendezvous.is_on || self.mode.get() != Mode::Normal {
            return;
        }
        if !self.rendezvous.is_usable {
            self.bootstrap_due(now);
            return;
        }
        if self.rendezvous.publish_at.is_some_and(|at| at <= now) {
            self.rendezvous.publish_at = Some(now + PUBLISH_EVERY);
            self.rendezvous.to_publish = self.rendezvous.pairs.keys().copied().collect();
        }
        self.publish_due();
        let shared = self.shared.clone();
        for (device, secret) in self.rendezvous.lookups_due(now, |device| shared.session(device).is_some()) {
            self.look_up(device, &secret);
        }
    }

    fn bootstrap_due(&mut self, now: Instant) {
        let rendezvous = &mut self.rendezvous;
        if rendezvous.bootstrap_at.is_none_or(|at| at > now) {
            return;
        }
        rendezvous.bootstrap_at = Some(now + rendezvous.bootstrap_pause);
        rendezvous.bootstrap_pause = (rendezvous.bootstrap_pause * 2).min(REDIAL_MAX);
        let mut known: HashMap<DeviceId, Vec<Multiaddr>> = HashMap::new();
        let mut unknown = Vec::new();
        for (address, device) in rendezvous.bootstrap.clone() {
            match device {
                Some(device) if device == self.shared.me => {}
                Some(device) => known.entry(device).or_default().push(address),
                None => unknown.push(address),
            }
        }
        for (device, addresses) in known {
            self.dial_device(device, addresses, Purpose::Dht);
        }
        self.dial_unknown(unknown, Vec::new(), Purpose::Dht);
    }

    /// A peer said what it speaks: if it serves the DHT and we know where it listens, it joins our table.
    pub(crate) fn on_identified(&mut self, connection: ConnectionId, info: &identify::Info) {
        let Some(known) = self.connections.get(&connection) else { return };
        if !info.protocols.contains(&KADEMLIA) {
            return;
        }
        // What we dialled is an address that works; an inbound one says nothing of where they listen.
        let mut addresses = if known.is_dialled { vec![known.remote.clone()] } else { Vec::new() };
        if self.shared.is_paired(&known.device) {
            addresses.extend(self.targets.addresses(&known.device));
        }
        let peer = known.peer;
        let Some(kad) = self.swarm.behaviour_mut().kad.as_mut() else { return };
        let is_any = !addresses.is_empty();
        for address in addresses {
            kad.add_address(&peer, address);
        }
        if is_any && !self.rendezvous.is_usable {
            tracing::info!(%peer, "the DHT can be reached");
            // An error means an empty table, which it is not.
            let _ = kad.bootstrap();
            self.rendezvous.is_usable = true;
            self.rendezvous.wake(Instant::now());
        }
    }

    fn publish_due(&mut self) {
        let addresses = self.addresses_to_publish();
        if addresses.is_empty() {
            return;
        }
        while self.rendezvous.queries.len() < QUERIES_MAX {
            let Some(device) = self.rendezvous.to_publish.pop_first() else { return };
            let Some(pair) = self.rendezvous.pairs.get(&device) else { continue };
            let at_millis = now_millis();
            let key = dht::record_key(&pair.secret, dht::day_of(at_millis), &self.shared.me);
            let whereabouts = Whereabouts { at_millis, addresses: addresses.clone() };
            let Some(value) = dht::seal(&pair.secret, &key, &whereabouts) else { return };
            let mut record = Record::new(key.to_vec(), value);
            record.expires = Some(Instant::now() + RECORD_LIFE);
            self.make_room();
            let Some(kad) = self.swarm.behaviour_mut().kad.as_mut() else { return };
            match kad.put_record(record, Quorum::One) {
                Ok(id) => drop(self.rendezvous.queries.insert(id, Query::Publish(device))),
                Err(error) => tracing::debug!(%error, "cannot publish"),
            }
        }
    }

    /// Only a computer that has nothing else tells its loopback addresses: they mean nothing elsewhere.
    fn addresses_to_publish(&self) -> Vec<Multiaddr> {
        let all: Vec<&Multiaddr> = self.listening.iter().map(|(_, address)| address).collect();
        let outside = all.iter().any(|address| reach(address) != Reach::Loopback);
        let mut chosen: Vec<Multiaddr> =
            all.into_iter().filter(|address| !outside || reach(address) != Reach::Loopback).cloned().collect();
        chosen.sort_by_key(|address| std::cmp::Reverse(reach(address)));
        chosen.dedup();
        chosen.truncate(ADDRESSES_MAX);
        chosen
    }

    fn look_up(&mut self, device: DeviceId, secret: &Secret) {
        let Some(kad) = self.swarm.behaviour_mut().kad.as_mut() else { return };
        let today = dht::day_of(now_millis());
        for day in [today, today.saturating_sub(1)] {
            let key = dht::record_key(secret, day, &device);
            let id = kad.get_record(kad::RecordKey::from(key.to_vec()));
            self.rendezvous.queries.insert(id, Query::Lookup(device, key));
        }
    }

    pub(crate) fn on_kad(&mut self, event: kad::Event) {
        match event {
            kad::Event::InboundRequest { request: kad::InboundRequest::PutRecord { record: Some(record), .. } } => {
                self.keep(record);
            }
            kad::Event::OutboundQueryProgressed { id, result, step, .. } => {
                self.on_answer(id, result);
                if step.last {
                    self.rendezvous.queries.remove(&id);
                }
            }
            kad::Event::InboundRequest { .. }
            | kad::Event::RoutingUpdated { .. }
            | kad::Event::UnroutablePeer { .. }
            | kad::Event::RoutablePeer { .. }
            | kad::Event::PendingRoutablePeer { .. }
            | kad::Event::ModeChanged { .. } => {}
        }
    }

    fn on_answer(&mut self, id: QueryId, result: kad::QueryResult) {
        #[allow(clippy::wildcard_enum_match_arm, reason = "all other queries belong to the DHT itself")]
        match (self.rendezvous.queries.get(&id), result) {
            (
                Some(Query::Lookup(device, key)),
                kad::QueryResult::GetRecord(Ok(kad::GetRecordOk::FoundRecord(found))),
            ) => {
                let (device, key) = (*device, *key);
                self.found_record(device, &key, &found.record.value);
            }
            (Some(Query::Publish(device)), kad::QueryResult::PutRecord(Err(error))) => {
                tracing::debug!(%device, %error, "could not publish");
                let soon = Instant::now() + LOOKUP_FIRST * 5;
                let at = self.rendezvous.publish_at.map_or(soon, |at| at.min(soon));
                self.rendezvous.publish_at = Some(at);
            }
            _ => {}
        }
    }

    fn found_record(&mut self, device: DeviceId, key: &Key, value: &[u8]) {
        let Some(pair) = self.rendezvous.pairs.get_mut(&device) else { return };
        let Some(whereabouts) = dht::open(&pair.secret, key, value) else {
            tracing::debug!(%device, "a record was forged or damaged");
            return;
        };
        if whereabouts.at_millis < pair.newest_millis {
            return;
        }
        pair.newest_millis = whereabouts.at_millis;
        tracing::debug!(%device, addresses = ?whereabouts.addresses, "found over the DHT");
        self.sighted(device, Source::Dht, whereabouts.addresses, Instant::now());
    }

    /// Keeps a record for others, if it has our form and there is room.
    fn keep(&mut self, mut record: Record) {
        if !dht::is_well_formed(record.key.as_ref(), &record.value) {
            tracing::debug!("refused a record of another form");
            return;
        }
        let latest = Instant::now() + RECORD_LIFE;
        record.expires = Some(record.expires.map_or(latest, |expires| expires.min(latest)));
        // Who publishes is nobody's business.
        record.publisher = None;
        self.make_room();
        let Some(kad) = self.swarm.behaviour_mut().kad.as_mut() else { return };
        if let Err(error) = kad.store_mut().put(record) {
            tracing::debug!(%error, "no room for a record");
        }
    }

    /// Nothing else removes what has expired.
    fn make_room(&mut self) {
        let now = Instant::now();
        if let Some(kad) = self.swarm.behaviour_mut().kad.as_mut() {
            kad.store_mut().retain(|_, record| !record.is_expired(now));
        }
    }
}
