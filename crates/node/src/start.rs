//! Opens everything a node stands on, in order, and sets the loop going.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use shoal_engine::codec;
use shoal_engine::engine::{Dice, Engine};
use shoal_engine::event::Event;
use shoal_engine::id::Scope;
use shoal_engine::saved::Saved;
use shoal_net::{Identity, Mode, Net, NetConfig, NetEvent};
use shoal_store::{Opened, Settings, Store, StoreDirs};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::contacts::{self, Contacts};
use crate::guard::{Guard, GuardError};
use crate::home::{Home, HomeError};
use crate::node::{NodeConfig, NodeError, Running};
use crate::offers::Offers;
use crate::perform::{Hands, Pauses, State, Suggested, Turn};
use crate::picks::random;
use crate::run::{ASKS_WAITING_MAX, Ask, Desk, Inputs, OUTSIDE_WAITING_MAX, TURNS_WAITING_MAX};
use crate::transfer::meter::Counters;
use crate::view::{ErrorCode, Trouble};
use crate::worker::{Crowd, Worker};

/// The device key's file in the configuration directory.
const KEY_FILE: &str = "device.key";

/// The file that says where the last run listened, in the state directory.
const PORT_FILE: &str = "port";

/// How often kept versions are looked at again: a program may still write into one.
const REVISIT_EVERY: Duration = Duration::from_secs(15);

/// Every how many of those times old copies of texts go: every five minutes, and soon after the start.
const TRIM_EVERY: u32 = 300 / 15;

/// Every how many of those times old versions go and leftovers are swept: every six hours, and soon after the start.
const LET_GO_EVERY: u32 = 6 * 3600 / 15;

/// Starts a node.
pub(crate) async fn start(config: NodeConfig) -> Result<Running, NodeError> {
    let home = config.home.clone();
    let opened = tokio::task::spawn_blocking(move || open_home(&home));
    let opened = opened.await.map_err(|error| NodeError::Store { reason: error.to_string() })??;
    let settings = opened.store.settings();
    let (net, events) = open_net(&config, &settings, opened.identity).await?;
    let (turns, turns_in) = mpsc::channel(TURNS_WAITING_MAX);
    let (outside, outside_in) = mpsc::channel(OUTSIDE_WAITING_MAX);
    let (asks, asks_in) = mpsc::channel(ASKS_WAITING_MAX);
    remember_port(&config.home, net.port());
    let chosen = config.listen_port.unwrap_or(settings.listen_port);
    let taken = (chosen != 0 && net.port() != chosen).then(|| port_taken(chosen, net.port()));
    let hands = hands(&config, &settings, (opened.store, net), (turns, outside));
    hands.contacts.set_troubles(taken.into_iter().collect());
    tell_mended(&hands, &opened.mended, &opened.saved);
    let mut saved = opened.saved;
    saved.name = crate::survey::settings(&hands).name;
    know(&hands, &saved);
    let engine = Engine::restore(opened.seed, Dice::from_seed(random()), saved);
    let first = crate::publish::view(&crate::survey::snapshot(&engine, &hands));
    let (view, views) = watch::channel(Arc::new(first));
    let stop = CancellationToken::new();
    let inputs = Inputs { turns: turns_in, outside: outside_in, asks: asks_in, stop: stop.clone() };
    let desk = tokio::spawn(Desk::new(engine, Arc::clone(&hands), view).run(inputs));
    let carrying = tokio::spawn(contacts::carry(Arc::clone(&hands), events));
    tokio::spawn(tend(Arc::clone(&hands), asks.clone(), stop.clone()));
    Ok(Running { hands, asks, views, stop, desk, carrying, guard: opened.guard })
}

/// What the home holds.
struct OpenHome {
    guard: Guard,
    store: Store,
    mended: Opened,
    saved: Saved,
    identity: Identity,
    seed: [u8; 32],
}

fn open_home(home: &Home) -> Result<OpenHome, NodeError> {
    home.make().map_err(|error| match error {
        HomeError::Directory { path, source } => NodeError::Home { path, source },
        HomeError::NotOurs { path } => NodeError::Home { path, source: std::io::ErrorKind::PermissionDenied.into() },
        HomeError::NoHome => NodeError::Home { path: PathBuf::new(), source: std::io::ErrorKind::NotFound.into() },
    })?;
    let guard = Guard::take(home).map_err(|error| match error {
        GuardError::AlreadyRunning => NodeError::AlreadyRunning { home: home.data.clone() },
        GuardError::Lock { path, source } => NodeError::Home { path, source },
    })?;
    let failed = |error: shoal_store::StoreError| NodeError::Store { reason: error.to_string() };
    let dirs = StoreDirs { config: home.config.clone(), data: home.data.clone() };
    let (store, mended) = Store::open(&dirs).map_err(failed)?;
    let saved = store.load(&codec::decode_materialised).map_err(failed)?;
    // Others know this device: another key would be another device, silently.
    let is_known = !saved.trust.is_empty() || !saved.folders.is_empty() || !mended.unreadable.is_empty();
    let identity = shoal_net::load_or_create_identity(&home.config.join(KEY_FILE), is_known);
    let identity = identity.map_err(|error| NodeError::Net { reason: error.to_string() })?;
    let seed = *identity.signing_seed();
    Ok(OpenHome { guard, store, mended, saved, identity, seed })
}

async fn open_net(
    config: &NodeConfig,
    settings: &Settings,
    identity: Identity,
) -> Result<(Net, mpsc::Receiver<NetEvent>), NodeError> {
    let mdns = config.mdns.unwrap_or(settings.mdns);
    let bootstrap = if config.bootstrap.is_empty() { settings.bootstrap.clone() } else { config.bootstrap.clone() };
    let net_config = NetConfig {
        key_file: config.home.config.join(KEY_FILE),
        listen_port: preferred_port(config, settings),
        listen_ips: config.listen_ips.clone(),
        mdns,
        kademlia: settings.kademlia,
        bootstrap,
        loopback_list: mdns.then(|| config.home.user_run.clone()),
    };
    let started = shoal_net::start(net_config, identity).await;
    let (net, events) = started.map_err(|error| NodeError::Net { reason: error.to_string() })?;
    net.set_mode(mode(settings, settings.name.is_some() || !mdns));
    Ok((net, events))
}

/// The port that was asked for, else the one of the last run: whoever knew where we were finds us there again.
fn preferred_port(config: &NodeConfig, settings: &Settings) -> u16 {
    let last = || std::fs::read_to_string(config.home.state.join(PORT_FILE)).ok()?.trim().parse().ok();
    match (config.listen_port, settings.listen_port) {
        (Some(port), _) => port,
        (None, 0) => last().unwrap_or(0),
        (None, port) => port,
    }
}

fn remember_port(home: &Home, port: u16) {
    if let Err(error) = std::fs::write(home.state.join(PORT_FILE), format!("{port}\n")) {
        tracing::warn!(%error, "the port was not remembered");
    }
}

/// How far the network may go: nothing is announced before the first run is over.
pub(crate) fn mode(settings: &Settings, is_set_up: bool) -> Mode {
    match (is_set_up, settings.lan_only) {
        (false, _) => Mode::Off,
        (true, true) => Mode::LanOnly,
        (true, false) => Mode::Normal,
    }
}

fn hands(
    config: &NodeConfig,
    settings: &Settings,
    (store, net): (Store, Net),
    (turns, outside): (mpsc::Sender<Turn>, mpsc::Sender<Event>),
) -> Arc<Hands> {
    let crowd = Crowd::default();
    let state = State::default();
    let hands = Hands {
        clock: Arc::new(Clock::start()),
        store: Arc::new(store),
        runtime: tokio::runtime::Handle::current(),
        counters: Counters::default(),
        offers: Offers::open(&config.home.state),
        pauses: Pauses::default(),
        memory: Worker::start("memory", &crowd),
        crowd,
        benches: Default::default(),
        lines: Default::default(),
        turns,
        outside,
        me: net.device_id(),
        net,
        home: config.home.clone(),
        suggested: suggested(config),
        contacts: Contacts::new(),
        changes: Default::default(),
        state,
    };
    hands.set_settings(settings.clone());
    Arc::new(hands)
}

fn suggested(config: &NodeConfig) -> Suggested {
    let home = std::env::home_dir().unwrap_or_else(|| config.home.data.clone());
    let downloads = config.downloads.clone().unwrap_or_else(|| home.join("Downloads").join("Shoal"));
    let name = config.name.clone().unwrap_or_else(computer_name);
    Suggested { name, downloads, shared: home.join("Shared") }
}

/// What the system calls this computer.
fn computer_name() -> String {
    let read = |path: &str| std::fs::read_to_string(path).ok();
    let asked = ["COMPUTERNAME", "HOSTNAME"].iter().find_map(|name| std::env::var(name).ok());
    let found = asked.or_else(|| read("/proc/sys/kernel/hostname")).or_else(|| read("/etc/hostname"));
    let name: String = found.unwrap_or_default().trim().chars().take(60).collect();
    if name.is_empty() { "Computer".to_owned() } else { name }
}

/// What the engine will speak of must be known here first: whom we trust, where folders are, what is paused.
fn know(hands: &Arc<Hands>, saved: &Saved) {
    hands.trust(|trusted| trusted.extend(saved.trust.iter().map(|record| (record.device, record.clone()))));
    for folder in &saved.folders {
        hands.place_folder(&folder.record);
    }
    let mut needed = Vec::new();
    for offer in &saved.offers {
        let noted = hands.offers.get(offer.offer).unwrap_or_default();
        hands.pauses.set(Scope::Offer(offer.offer), noted.is_paused);
        needed.extend(noted.upload);
    }
    crate::uploads::sweep(&hands.home.cache, |dir| needed.iter().any(|needed| needed == dir));
}

fn port_taken(preferred: u16, other: u16) -> Trouble {
    tracing::warn!(port = preferred, other, "the port is taken");
    let trouble = Trouble::plain(ErrorCode::PortTaken).number("port", u64::from(preferred));
    if other == 0 { trouble } else { trouble.number("other", u64::from(other)) }
}

fn tell_mended(hands: &Hands, mended: &Opened, saved: &Saved) {
    if let Some(reason) = &mended.index_rebuilt {
        tracing::warn!(reason, "the index is being rebuilt");
        hands.trouble(Trouble::plain(ErrorCode::IndexRebuilt));
    }
    let folders = hands.store.mended_ledgers();
    for folder in saved.folders.iter().filter(|folder| folders.contains(&folder.record.folder)) {
        let place = crate::show::place::shown(std::path::Path::new(&folder.record.place));
        hands.trouble(Trouble::plain(ErrorCode::HistoryMended).text("path", place));
    }
    for path in &mended.unreadable {
        tracing::error!(path = %path.display(), "a file could not be read and was set aside");
        let code = match path.parent().is_some_and(|parent| parent.ends_with("folders")) {
            true => ErrorCode::FolderForgotten,
            false => ErrorCode::DiskUnreliable,
        };
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        hands.trouble(Trouble::plain(code).text("file", file));
    }
    for (is_restored, file) in [(mended.config_restored, "config.json"), (mended.trust_restored, "trust.json")] {
        // What has no older version either is among the unreadable ones.
        if is_restored && !mended.unreadable.iter().any(|path| path.ends_with(file)) {
            tracing::warn!(reason = file, "an older version of a file was restored");
            hands.trouble(Trouble::plain(ErrorCode::DiskUnreliable).text("file", file));
        }
    }
}

/// Tends kept versions, now and then.
async fn tend(hands: Arc<Hands>, asks: mpsc::Sender<Ask>, stop: CancellationToken) {
    for times in 0_u32.. {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(REVISIT_EVERY) => {}
        }
        hands.revisit_kept();
        if times.is_multiple_of(TRIM_EVERY) {
            hands.trim_bases();
        }
        if times.is_multiple_of(LET_GO_EVERY) {
            hands.let_go_everywhere();
            sweep_stages(&hands, &asks).await;
        }
    }
}

/// Sweeps the stage of every folder that lacks nothing: what is there was fetched for what is not wanted any more.
async fn sweep_stages(hands: &Arc<Hands>, asks: &mpsc::Sender<Ask>) {
    for folder in hands.folders() {
        let sweeping = Arc::clone(hands);
        let look = move |engine: &Engine| {
            if let Some(needed) = engine.stage_needs(folder) {
                sweeping.sweep_stage(folder, needed);
            }
        };
        // If the loop is gone, so is everything else.
        let _ = asks.send(Ask::Look(Box::new(look))).await;
    }
}
