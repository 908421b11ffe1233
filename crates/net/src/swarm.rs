//! The network task: drives the swarm, hears wishes, commands and notices, and forwards to whom it concerns.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use futures::StreamExt;
use libp2p::core::transport::ListenerId;
use libp2p::swarm::{ConnectionId, SwarmEvent};
use libp2p::{Multiaddr, Swarm, identify, ping};
use shoal_engine::id::DeviceId;
use tokio::sync::{Notify, mpsc, oneshot};

use crate::behaviour::{self, Behaviour, BehaviourEvent};
use crate::connections::{Connection, Dial};
use crate::discovery::Discovery;
use crate::error::NetError;
use crate::guard::{Mode, SharedMode};
use crate::identity::Identity;
use crate::limits::{
    COMMANDS_MAX, DIALS_WAITING_MAX, GOODBYE_WAIT, HINTS_MAX, INBOUND_WAITING_MAX, NETWORK_QUIET, SLEPT_AFTER, TICK,
};
use crate::rendezvous::Rendezvous;
use crate::shared::{Notice, Shared};
use crate::streams::Opened;
use crate::targets::Targets;
use crate::{Net, NetConfig, NetEvent, PairedDevice, address, connections, listen};

/// Calls that wait for an answer.
pub(crate) enum Command {
    OpenBulk { device: DeviceId, connection: ConnectionId, opened: Opened },
    Shutdown { done: oneshot::Sender<()> },
}

/// What the handles want, newest first: nothing here queues without bound, and nothing waits.
#[derive(Default)]
pub(crate) struct Wishes {
    wanted: Mutex<Wanted>,
    changed: Notify,
}

/// See [`Wishes`].
#[derive(Default)]
pub(crate) struct Wanted {
    pub(crate) paired: Option<Vec<PairedDevice>>,
    pub(crate) blocked: Option<Vec<DeviceId>>,
    pub(crate) nearby_open: Option<bool>,
    pub(crate) mode: Option<Mode>,
    dials: VecDeque<(Option<DeviceId>, Vec<String>)>,
    disconnects: BTreeSet<DeviceId>,
}

impl Wishes {
    pub(crate) fn change(&self, change: impl FnOnce(&mut Wanted)) {
        change(&mut self.wanted.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_one();
    }

    pub(crate) fn dial(&self, device: Option<DeviceId>, addresses: Vec<String>) {
        self.change(|wanted| {
            if wanted.dials.len() < DIALS_WAITING_MAX {
                wanted.dials.push_back((device, addresses));
            } else {
                tracing::warn!("dropped a dial: too many wait");
            }
        });
    }

    pub(crate) fn disconnect(&self, device: DeviceId) {
        self.change(|wanted| {
            wanted.disconnects.insert(device);
        });
    }

    fn take(&self) -> Wanted {
        std::mem::take(&mut self.wanted.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The network task's state.
pub(crate) struct NetTask {
    pub(crate) swarm: Swarm<Behaviour>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) mode: SharedMode,
    pub(crate) connections: HashMap<ConnectionId, Connection>,
    pub(crate) dials: HashMap<ConnectionId, Dial>,
    pub(crate) targets: Targets,
    pub(crate) discovery: Discovery,
    pub(crate) rendezvous: Rendezvous,
    /// What devices with a link told before they were paired here.
    pub(crate) told_early: HashMap<DeviceId, Vec<Multiaddr>>,
    pub(crate) listening: Vec<(ListenerId, Multiaddr)>,
    listen_ips: Vec<IpAddr>,
    port: u16,
    is_listening_told: bool,
    outbox: VecDeque<NetEvent>,
    wishes: Arc<Wishes>,
    commands: mpsc::Receiver<Command>,
    notices: mpsc::Receiver<Notice>,
    clock: (Instant, SystemTime),
    network_changed_at: Option<Instant>,
    started_at: Instant,
}

/// Starts the thread and waits until it listens.
pub(crate) async fn spawn(
    config: NetConfig,
    identity: Identity,
    events: mpsc::Sender<NetEvent>,
) -> Result<Net, NetError> {
    let (started, answer) = oneshot::channel();
    let run = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = match runtime {
            Ok(runtime) => runtime,
            Err(error) => {
                // Nobody waits any more if this cannot be told.
                let _ = started.send(Err(NetError::Start { what: error.to_string() }));
                return;
            }
        };
        let done = runtime.block_on(async move {
            let (task, result) = match NetTask::build(config, identity, events) {
                Ok((task, net)) => (Some(task), Ok(net)),
                Err(error) => (None, Err(error)),
            };
            match (started.send(result), task) {
                (Ok(()), Some(task)) => task.run().await,
                (Ok(()), None) | (Err(_), _) => None,
            }
        });
        // The caller goes on when every socket is closed, so that the same port can be taken again.
        runtime.shutdown_timeout(GOODBYE_WAIT);
        if let Some(done) = done {
            let _ = done.send(());
        }
    };
    std::thread::Builder::new()
        .name("shoal-net".into())
        .spawn(run)
        .map_err(|error| NetError::Start { what: error.to_string() })?;
    answer.await.map_err(|_| NetError::Start { what: "the network thread died".into() })?
}

impl NetTask {
    fn build(
        config: NetConfig,
        identity: Identity,
        events: mpsc::Sender<NetEvent>,
    ) -> Result<(NetTask, Net), NetError> {
        let mut instance = [0; 16];
        getrandom::fill(&mut instance).map_err(|error| NetError::Start { what: error.to_string() })?;
        let (notify, notices) = mpsc::channel(COMMANDS_MAX);
        let (command, commands) = mpsc::channel(COMMANDS_MAX);
        let (accept, accepted) = mpsc::channel(INBOUND_WAITING_MAX);
        let me = identity.device_id();
        let shared = Arc::new(Shared::new(me, instance, events, notify));
        let mode = SharedMode::default();
        let swarm = behaviour::swarm(&identity, mode.clone(), accept, config.kademlia)?;
        tokio::spawn(connections::accept(shared.clone(), accepted));
        let wishes = Arc::new(Wishes::default());
        let now = Instant::now();
        let listen_ips = if config.listen_ips.is_empty() { listen::everywhere() } else { config.listen_ips.clone() };
        let port = listen::choose_port(&listen_ips, config.listen_port);
        let net = Net { shared: shared.clone(), commands: command, wishes: wishes.clone(), port };
        let mut task = NetTask {
            swarm,
            shared,
            mode,
            connections: HashMap::new(),
            dials: HashMap::new(),
            targets: Targets::new(me, now),
            discovery: Discovery::new(&config, me),
            rendezvous: Rendezvous::new(&config, now),
            told_early: HashMap::new(),
            listening: Vec::new(),
            port,
            listen_ips,
            is_listening_told: true,
            outbox: VecDeque::new(),
            wishes,
            commands,
            notices,
            clock: (now, SystemTime::now()),
            network_changed_at: None,
            started_at: now,
        };
        task.listen()?;
        task.start_mdns();
        Ok((task, net))
    }

    /// Listens on every address and both transports; one that works is enough.
    pub(crate) fn listen(&mut self) -> Result<(), NetError> {
        let mut is_any = false;
        for ip in self.listen_ips.clone() {
            let socket = (ip, self.port).into();
            for address in [address::tcp(socket), address::quic(socket)] {
                match self.swarm.listen_on(address.clone()) {
                    Ok(_) => is_any = true,
                    Err(error) => tracing::warn!(%address, %error, "cannot listen"),
                }
            }
        }
        if is_any { Ok(()) } else { Err(NetError::Listen) }
    }

    /// Tells the node something it can do without if it is far behind.
    pub(crate) fn hint(&mut self, event: NetEvent) {
        if self.outbox.len() < HINTS_MAX {
            self.outbox.push_back(event);
        } else {
            tracing::debug!(?event, "dropped a hint: the node is behind");
        }
    }

    async fn run(mut self) -> Option<oneshot::Sender<()>> {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut interfaces = if_watch::tokio::IfWatcher::new().ok().map(StreamExt::fuse);
        let events = self.shared.events.clone();
        let wishes = self.wishes.clone();
        loop {
            tokio::select! {
                event = self.swarm.select_next_some() => self.on_swarm_event(event),
                Some(notice) = self.notices.recv() => self.on_notice(notice),
                () = wishes.changed.notified() => self.on_wishes(),
                command = self.commands.recv() => match command {
                    Some(Command::OpenBulk { device, connection, opened }) => self.open_bulk(device, connection, opened),
                    Some(Command::Shutdown { done }) => return self.shutdown(Some(done)).await,
                    None => return self.shutdown(None).await,
                },
                permit = events.reserve(), if !self.outbox.is_empty() => match (permit, self.outbox.pop_front()) {
                    (Ok(permit), Some(event)) => permit.send(event),
                    (Err(_), _) => return self.shutdown(None).await,
                    (Ok(_), None) => {}
                },
                Some(_) = next_change(&mut interfaces) => self.network_changed_at = Some(Instant::now()),
                _ = tick.tick() => self.on_tick(Instant::now()),
            }
        }
    }

    fn on_swarm_event(&mut self, event: SwarmEvent<BehaviourEvent>) {
        #[allow(clippy::wildcard_enum_match_arm, reason = "libp2p's list is open; what is not named needs no act")]
        match event {
            SwarmEvent::Behaviour(event) => self.on_behaviour_event(event),
            SwarmEvent::ConnectionEstablished { peer_id, connection_id, endpoint, .. } => {
                self.on_established(peer_id, connection_id, &endpoint);
            }
            SwarmEvent::ConnectionClosed { connection_id, cause, .. } => {
                let cause = cause.map(|cause| cause.to_string());
                self.on_closed(connection_id, cause);
            }
            SwarmEvent::OutgoingConnectionError { connection_id, error, .. } => {
                self.on_dial_error(connection_id, error);
            }
            SwarmEvent::IncomingConnectionError { send_back_addr, error, .. } => {
                tracing::debug!(remote = %send_back_addr, %error, "refused or lost an inbound connection");
            }
            SwarmEvent::NewListenAddr { listener_id, address } => {
                self.listening.push((listener_id, address));
                self.is_listening_told = false;
            }
            SwarmEvent::ExpiredListenAddr { listener_id, address } => {
                self.listening.retain(|known| *known != (listener_id, address.clone()));
                self.is_listening_told = false;
            }
            SwarmEvent::ListenerClosed { listener_id, .. } => {
                self.listening.retain(|(id, _)| *id != listener_id);
                self.is_listening_told = false;
            }
            SwarmEvent::ListenerError { error, .. } => tracing::warn!(%error, "a listener has trouble"),
            _ => {}
        }
    }

    fn on_behaviour_event(&mut self, event: BehaviourEvent) {
        match event {
            BehaviourEvent::Ping(event) => self.on_ping(event),
            BehaviourEvent::Mdns(event) => self.on_mdns(event),
            BehaviourEvent::Identify(identify::Event::Received { connection_id, info, .. }) => {
                self.on_identified(connection_id, &info);
            }
            BehaviourEvent::Identify(
                identify::Event::Sent { .. } | identify::Event::Pushed { .. } | identify::Event::Error { .. },
            ) => {}
            BehaviourEvent::Kad(event) => self.on_kad(event),
            BehaviourEvent::Limits(never) | BehaviourEvent::Counts(never) | BehaviourEvent::Streams(never) => {
                match never {}
            }
            BehaviourEvent::Blocked(never) => match never {},
        }
    }

    fn on_ping(&mut self, ping::Event { connection, result, .. }: ping::Event) {
        let Some(device) = self.connections.get(&connection).map(|connection| connection.device) else { return };
        match result {
            Ok(time) => {
                let is_linked = self.shared.session(&device).is_some_and(|session| session.connection == connection);
                if is_linked {
                    let millis = u32::try_from(time.as_millis()).unwrap_or(u32::MAX);
                    self.hint(NetEvent::Rtt { device, millis });
                }
            }
            Err(ping::Failure::Unsupported) => {}
            Err(error @ (ping::Failure::Timeout | ping::Failure::Other { .. })) => {
                // libp2p only reports this; a peer that is gone without a word would stay "here" for ever.
                tracing::info!(%device, %connection, %error, "no answer to a ping: closing the connection");
                self.swarm.close_connection(connection);
            }
        }
    }

    fn on_wishes(&mut self) {
        let wanted = self.wishes.take();
        let now = Instant::now();
        if let Some(blocked) = wanted.blocked {
            self.block(&blocked);
        }
        if let Some(paired) = wanted.paired {
            self.set_paired(paired, now);
        }
        if let Some(mode) = wanted.mode {
            self.set_mode(mode);
        }
        if let Some(is_open) = wanted.nearby_open {
            self.set_nearby_open(is_open);
        }
        for device in wanted.disconnects {
            self.disconnect(&device, now);
        }
        for (device, addresses) in wanted.dials {
            self.dial(device, &addresses, now);
        }
        self.dial_due(now);
    }

    fn set_paired(&mut self, paired: Vec<PairedDevice>, now: Instant) {
        let peers: std::collections::HashSet<_> =
            paired.iter().filter_map(|paired| address::peer_of(&paired.device)).collect();
        let behaviour = self.swarm.behaviour_mut();
        for connection in self.connections.values() {
            behaviour.counts.remove_peer_id(&connection.peer);
        }
        for peer in &self.discovery.paired {
            behaviour.counts.remove_peer_id(peer);
        }
        for peer in &peers {
            behaviour.counts.bypass_peer_id(peer);
        }
        behaviour.limits.set_paired(peers.clone());
        self.discovery.paired = peers;
        let known: Vec<_> =
            paired.iter().map(|paired| (paired.device, address::parse_all(&paired.addresses))).collect();
        self.targets.set_paired(&known, now);
        self.rendezvous.set_paired(&paired, now);
        self.want_paired(now);
        self.tell_paired();
    }

    fn on_tick(&mut self, now: Instant) {
        if self.slept(now) {
            tracing::info!("the computer slept");
            self.network_changed_at = Some(now - NETWORK_QUIET);
        }
        if self.network_changed_at.is_some_and(|at| now.duration_since(at) >= NETWORK_QUIET) {
            self.network_changed_at = None;
            self.on_network_changed(now);
        }
        if !self.is_listening_told {
            self.is_listening_told = true;
            self.tell_listening();
            self.rendezvous.addresses_changed(now);
        }
        self.reopen_due(now);
        self.discover(now);
        self.dial_due(now);
        self.meet(now);
    }

    fn on_network_changed(&mut self, now: Instant) {
        // The first interfaces are no change.
        if now.duration_since(self.started_at) < Duration::from_secs(1) {
            return;
        }
        self.hint(NetEvent::NetworkChanged);
        self.targets.wake(now);
        self.rendezvous.wake(now);
        self.probe_links();
    }

    fn slept(&mut self, now: Instant) -> bool {
        let wall = SystemTime::now();
        let (then, wall_then) = std::mem::replace(&mut self.clock, (now, wall));
        let passed = wall.duration_since(wall_then).unwrap_or_default();
        passed > now.duration_since(then) + SLEPT_AFTER
    }

    fn tell_listening(&mut self) {
        let mut addresses: Vec<String> = Vec::new();
        for (_, address) in &self.listening {
            let text = address.to_string();
            if !addresses.contains(&text) {
                addresses.push(text);
            }
        }
        tracing::info!(?addresses, "listening");
        self.choose_mdns_family();
        self.discovery.announce(&self.listening);
        self.shared.set_listening(self.listening.iter().map(|(_, address)| address.clone()).collect());
        self.outbox.retain(|event| !matches!(event, NetEvent::Listening { .. }));
        self.hint(NetEvent::Listening { addresses });
    }

    async fn shutdown(mut self, done: Option<oneshot::Sender<()>>) -> Option<oneshot::Sender<()>> {
        self.discovery.withdraw();
        for session in self.shared.sessions() {
            session.goodbye.cancel();
        }
        let deadline = tokio::time::sleep(GOODBYE_WAIT);
        tokio::pin!(deadline);
        while !self.shared.sessions().is_empty() {
            tokio::select! {
                event = self.swarm.select_next_some() => self.on_swarm_event(event),
                Some(notice) = self.notices.recv() => self.on_notice(notice),
                () = &mut deadline => break,
            }
        }
        tracing::info!("the network stops");
        done
    }
}

async fn next_change(
    interfaces: &mut Option<futures::stream::Fuse<if_watch::tokio::IfWatcher>>,
) -> Option<if_watch::IfEvent> {
    match interfaces {
        Some(interfaces) => loop {
            match interfaces.next().await {
                Some(Ok(change)) => return Some(change),
                Some(Err(error)) => tracing::debug!(%error, "cannot watch interfaces"),
                None => return std::future::pending().await,
            }
        },
        None => std::future::pending().await,
    }
}
