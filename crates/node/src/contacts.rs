//! What the network told of other devices: who is linked, who was announced, where each was reached.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use shoal_engine::event::Event;
use shoal_engine::id::DeviceId;
use shoal_net::{DialFailure, NetEvent};
use tokio::sync::{broadcast, mpsc};

use crate::perform::Hands;
use crate::snapshot::{FoundFacts, LinkFacts, NetFacts};
use crate::view::{NetworkState, PathKind, Trouble};

/// Most announced devices that are shown: more in one network are not people.
const FOUND_MAX: usize = 256;

/// Most pieces of news that a slow listener may miss: only who dials by hand listens.
const NEWS_MAX: usize = 64;

/// What somebody who dials waits for.
#[derive(Clone, Debug)]
pub(crate) enum News {
    Linked { device: DeviceId, remote: String },
    Reached { device: DeviceId, address: String },
    Failed { device: Option<DeviceId>, address: String, reason: DialFailure },
}

/// Everything known of the network.
pub(crate) struct Contacts {
    facts: Mutex<NetFacts>,
    news: broadcast::Sender<News>,
}

impl Contacts {
    pub(crate) fn new() -> Self {
        let facts = NetFacts {
            state: NetworkState::Starting,
            addresses: Vec::new(),
            links: Default::default(),
            found: Default::default(),
            last_addresses: Default::default(),
            // The network does not tell how many it knows.
            dht_peers: None,
            troubles: Vec::new(),
        };
        Contacts { facts: Mutex::new(facts), news: broadcast::channel(NEWS_MAX).0 }
    }

    /// What is in the way of being found.
    pub(crate) fn set_troubles(&self, troubles: Vec<Trouble>) {
        self.lock().troubles = troubles;
    }

    pub(crate) fn facts(&self) -> NetFacts {
        self.lock().clone()
    }

    /// Where this device can be reached.
    pub(crate) fn addresses(&self) -> Vec<String> {
        self.lock().addresses.clone()
    }

    pub(crate) fn is_linked(&self, device: DeviceId) -> bool {
        self.lock().links.contains_key(&device)
    }

    pub(crate) fn listen(&self) -> broadcast::Receiver<News> {
        self.news.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, NetFacts> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, news: News) {
        // Nobody may be listening.
        let _ = self.news.send(news);
    }
}

/// Carries what the network says to the engine, until the network ends.
pub(crate) async fn carry(hands: Arc<Hands>, mut events: mpsc::Receiver<NetEvent>) {
    while let Some(event) = events.recv().await {
        take(&hands, event).await;
        hands.changed();
    }
}

async fn take(hands: &Arc<Hands>, event: NetEvent) {
    let contacts = &hands.contacts;
    match event {
        NetEvent::Listening { addresses } => {
            let mut facts = contacts.lock();
            facts.state = if addresses.is_empty() { NetworkState::None } else { NetworkState::Up };
            let me = hands.me.to_string();
            facts.addresses = addresses.into_iter().map(|address| with_device(address, &me)).collect();
        }
        NetEvent::Found { device, addresses } => found(hands, device, &addresses).await,
        NetEvent::Lost { device } => _ = contacts.lock().found.remove(&device),
        NetEvent::Connected { device, path } => {
            let kind = match path.kind {
                shoal_net::PathKind::Lan => PathKind::Lan,
                shoal_net::PathKind::Direct => PathKind::Direct,
                shoal_net::PathKind::Relay => PathKind::Relayed,
            };
            let (remote, is_dialled) = (path.remote, path.is_dialled);
            {
                let mut facts = contacts.lock();
                facts.links.insert(device, LinkFacts { rtt_ms: None, path: kind });
                facts.last_addresses.insert(device, remote.clone());
                facts.found.entry(device).and_modify(|found| found.has_failed = false);
            }
            if is_dialled {
                reached(hands, device, std::slice::from_ref(&remote)).await;
            }
            hands.lines.open(device, &hands.net, &hands.runtime);
            hands.happened(Event::Connected { device }).await;
            contacts.tell(News::Linked { device, remote });
        }
        NetEvent::Told { device, addresses } => {
            {
                let mut facts = contacts.lock();
                if let Some(last) = facts.last_addresses.get_mut(&device)
                    && let Some(better) = dialable(last, &addresses)
                {
                    *last = better;
                }
            }
            reached(hands, device, &addresses).await;
        }
        NetEvent::Disconnected { device } => {
            contacts.lock().links.remove(&device);
            hands.lines.close(device);
            hands.happened(Event::Disconnected { device }).await;
        }
        NetEvent::Rtt { device, millis } => {
            contacts.lock().links.entry(device).and_modify(|link| link.rtt_ms = Some(millis));
        }
        NetEvent::Frame { device, frame } => hands.happened(Event::Received { from: device, frame }).await,
        NetEvent::Bulk { device, header, stream } => hands.asked(device, header, stream).await,
        NetEvent::Reached { device, address } => contacts.tell(News::Reached { device, address }),
        NetEvent::DialFailed { device, address, reason } => {
            tracing::debug!(?device, ?reason, "a dial failed");
            if let Some(device) = device {
                contacts.lock().found.entry(device).and_modify(|found| found.has_failed = true);
            }
            contacts.tell(News::Failed { device, address, reason });
        }
        NetEvent::NetworkChanged => tracing::info!("the network changed"),
    }
}

async fn found(hands: &Arc<Hands>, device: DeviceId, addresses: &[String]) {
    {
        let mut facts = hands.contacts.lock();
        let is_known = facts.found.contains_key(&device);
        if is_known || facts.found.len() < FOUND_MAX {
            let since = hands.clock.now();
            facts.found.entry(device).or_insert(FoundFacts { since, has_failed: false });
            if let Some(address) = addresses.first() {
                facts.last_addresses.entry(device).or_insert_with(|| address.clone());
            }
        }
    }
    reached(hands, device, addresses).await;
}

/// Remembers where a paired device is: those addresses come first from now on.
async fn reached(hands: &Arc<Hands>, device: DeviceId, fresh: &[String]) {
    if !hands.is_paired(device) {
        return;
    }
    let mut addresses = fresh.to_vec();
    let hands = Arc::clone(hands);
    // An address that is lost costs a later dial, nothing else: nobody waits for this.
    let saving = tokio::task::spawn_blocking(move || {
        for known in hands.store.addresses_of(device) {
            if !addresses.contains(&known) {
                addresses.push(known);
            }
        }
        if let Err(error) = hands.store.save_addresses(device, addresses) {
            tracing::warn!(%error, "an address was not remembered");
        }
    });
    let _ = saving.await;
}

/// The told address that stands for one that was seen, when that one is not among them: the port of an inbound
/// connection is none to dial.
fn dialable(seen: &str, told: &[String]) -> Option<String> {
    let host = |address: &str| address.split('/').take(3).map(str::to_owned).collect::<Vec<_>>();
    let is_same_host = |address: &&String| host(address) == host(seen);
    match told.iter().any(|address| address == seen) {
        true => None,
        false => told.iter().find(is_same_host).or(told.first()).cloned(),
    }
}

/// An address others can dial as it stands.
fn with_device(address: String, me: &str) -> String {
    match address {
        whole if whole.contains("/p2p/") => whole,
        bare => format!("{bare}/p2p/{me}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_nobody_listens_on_is_not_shown() {
        let told: Vec<String> = ["/ip4/172.17.0.1/tcp/7400", "/ip4/10.0.0.2/tcp/7400"].map(str::to_owned).to_vec();
        assert_eq!(dialable("/ip4/10.0.0.2/tcp/51234", &told), Some(told[1].clone()));
        assert_eq!(dialable("/ip4/10.0.0.2/tcp/7400", &told), None);
        assert_eq!(dialable("/ip4/203.0.113.7/tcp/51234", &told), Some(told[0].clone()));
        assert_eq!(dialable("/ip4/10.0.0.2/tcp/51234", &[]), None);
    }
}
