//! The handle that everybody else holds: start, act, ask, watch, stop.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use shoal_engine::engine::Engine;
use shoal_engine::id::{DeviceId, FolderId, OfferId};
use shoal_engine::request::Request;
use shoal_engine::status::Status;
use tokio::io::AsyncRead;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::command::{Answer, Command, DropId, Picked, Question};
use crate::guard::Guard;
use crate::home::Home;
use crate::inspect::Counts;
use crate::perform::Hands;
use crate::picks::Picks;
use crate::run::Ask;
use crate::start;
use crate::view::{ErrorCode, Trouble, View};

/// Longest time to stop: a system that shuts down gives little more.
const STOP_MAX: Duration = Duration::from_secs(5);

/// How often it is seen whether everything has let go.
const LET_GO_POLL: Duration = Duration::from_millis(5);

/// What a node starts with; settings of the home fill what is `None`.
#[derive(Clone, Debug)]
pub struct NodeConfig {
    /// Where it keeps what is its own.
    pub home: Home,
    /// The port to listen on, TCP and UDP; 0 for any.
    pub listen_port: Option<u16>,
    /// Addresses to listen on; empty for all.
    pub listen_ips: Vec<IpAddr>,
    /// Whether to announce and look around on the local network.
    pub mdns: Option<bool>,
    /// Addresses of devices through which others are found.
    pub bootstrap: Vec<String>,
    /// The name to use when none was set.
    pub name: Option<String>,
    /// Where received files go when nothing was set.
    pub downloads: Option<PathBuf>,
}

/// Why a node could not start.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// Another Shoal has this home.
    #[error("another Shoal runs with {home}")]
    AlreadyRunning {
        /// Its data directory.
        home: PathBuf,
    },
    /// A directory or file of the home cannot be used.
    #[error("cannot use {path}")]
    Home {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// What must be remembered cannot be opened.
    #[error("cannot open the memory: {reason}")]
    Store {
        /// Why.
        reason: String,
    },
    /// The network cannot be opened.
    #[error("cannot open the network: {reason}")]
    Net {
        /// Why.
        reason: String,
    },
}

/// Files that were dropped or uploaded, as shown to people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// What commands name it by.
    pub drop: DropId,
    /// The last part of each path, at most 50.
    pub names: Vec<String>,
    /// How many there are.
    pub count: u32,
    /// Bytes of the plain files among them; folders are counted by `InspectPick`.
    pub bytes: u64,
    /// A folder is among them.
    pub has_folder: bool,
}

/// One file a browser will upload, or an empty directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UploadFile {
    /// Its path inside the drop, from outside.
    pub path: String,
    /// Its length in bytes.
    pub size: u64,
    /// When it was changed, in milliseconds since 1970, if that is known.
    pub modified: Option<u64>,
    /// An empty directory: nothing follows for it.
    pub is_directory: bool,
}

/// One running device; clones are the same device.
#[derive(Clone)]
pub struct Node(Arc<Inner>);

struct Inner {
    hands: Arc<Hands>,
    picks: Picks,
    counts: Counts,
    asks: mpsc::Sender<Ask>,
    views: watch::Receiver<Arc<View>>,
    stop: CancellationToken,
    quit: CancellationToken,
    ending: Mutex<Option<Ending>>,
}

/// What is waited for when it stops.
struct Ending {
    desk: JoinHandle<()>,
    carrying: JoinHandle<()>,
    guard: Guard,
}

/// What `start` set going.
pub(crate) struct Running {
    pub(crate) hands: Arc<Hands>,
    pub(crate) asks: mpsc::Sender<Ask>,
    pub(crate) views: watch::Receiver<Arc<View>>,
    pub(crate) stop: CancellationToken,
    pub(crate) desk: JoinHandle<()>,
    pub(crate) carrying: JoinHandle<()>,
    pub(crate) guard: Guard,
}

impl Node {
    /// Locks the home, opens the memory and the network, and begins.
    pub async fn start(config: NodeConfig) -> Result<Node, NodeError> {
        let Running { hands, asks, views, stop, desk, carrying, guard } = start::start(config).await?;
        let ending = Mutex::new(Some(Ending { desk, carrying, guard }));
        let (picks, counts, quit) = (Picks::default(), Counts::default(), CancellationToken::new());
        Ok(Node(Arc::new(Inner { hands, picks, counts, asks, views, stop, quit, ending })))
    }

    /// Which device this is.
    pub fn me(&self) -> DeviceId {
        self.0.hands.me
    }

    /// Does what a person wants; what comes of it is seen in the view.
    pub async fn act(&self, command: Command) -> Result<Answer, Trouble> {
        crate::act::act(self, command).await
    }

    /// Answers without changing anything.
    pub async fn ask(&self, question: Question) -> Result<Answer, Trouble> {
        crate::look::answer(self, question).await
    }

    /// The newest view, at most ten a second.
    pub fn watch(&self) -> watch::Receiver<Arc<View>> {
        self.0.views.clone()
    }

    /// Remembers paths chosen in a native picker.
    pub fn pick_paths(&self, paths: Vec<PathBuf>) -> Picked {
        self.0.picks.pick(paths)
    }

    /// Remembers paths dropped on the window.
    pub fn drop_paths(&self, paths: Vec<PathBuf>) -> Dropped {
        self.0.picks.drop(paths)
    }

    /// Announces files that a browser will upload; each then comes by [`Node::upload_file`].
    pub async fn upload(&self, files: Vec<UploadFile>) -> Result<DropId, Trouble> {
        let node = self.clone();
        blocking(move || crate::uploads::announce(&node.0.hands.home.cache, &node.0.picks, &files)).await?
    }

    /// Takes the bytes of one announced file, by its place in the list.
    pub async fn upload_file(
        &self,
        drop: &DropId,
        index: usize,
        bytes: impl AsyncRead + Unpin + Send,
    ) -> Result<(), Trouble> {
        crate::uploads::take(&self.0.picks, drop, index, bytes).await
    }

    /// Where a folder is, for "show in folder".
    pub fn place_of_folder(&self, folder: &str) -> Option<PathBuf> {
        self.0.hands.folder_record(FolderId::parse(folder)?).map(|(place, _)| place)
    }

    /// Where a transfer's files are, for "show in folder".
    pub fn place_of_transfer(&self, transfer: &str) -> Option<PathBuf> {
        let noted = self.0.hands.offers.get(OfferId::parse(transfer)?)?;
        let source = || noted.sources.values().next().and_then(|path| path.parent()).map(PathBuf::from);
        noted.place.clone().or_else(source)
    }

    /// Tries an address by hand; whoever answers there proves who it is.
    pub fn dial(&self, address: &str) {
        self.0.hands.net.dial(None, vec![address.to_owned()]);
    }

    /// Resolves when somebody asked the node to quit (`Command::Quit`).
    pub async fn quit_asked(&self) {
        self.0.quit.cancelled().await;
    }

    /// Stops within 5 s; everything goes on at the next start.
    pub async fn stop(&self) {
        let ending = self.0.ending.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Ending { desk, carrying, guard }) = ending else { return };
        self.0.stop.cancel();
        let hands = Arc::clone(&self.0.hands);
        let stopping = async {
            // An error means that it ended by a panic: it ended.
            let _ = desk.await;
            hands.net.shutdown().await;
            // Its channel stays open as long as anybody can speak to the network.
            carrying.abort();
            hands.put_away().await;
            // Ours and the handle's: then every task and thread has let go, and the home can be opened again.
            while Arc::strong_count(&hands) > 2 {
                tokio::time::sleep(LET_GO_POLL).await;
            }
        };
        if timeout(STOP_MAX, stopping).await.is_err() {
            tracing::warn!("stopped before everything was put away; the next start goes on from there");
        }
        drop(guard);
    }

    pub(crate) fn hands(&self) -> &Arc<Hands> {
        &self.0.hands
    }

    pub(crate) fn picks(&self) -> &Picks {
        &self.0.picks
    }

    pub(crate) fn counts(&self) -> &Counts {
        &self.0.counts
    }

    pub(crate) fn quit(&self) {
        self.0.quit.cancel();
    }

    /// Hands a wish to the engine; returns when its effects have begun and the view shows what it changed.
    pub(crate) async fn request(&self, request: Request) -> Result<(), Trouble> {
        let (done, is_done) = oneshot::channel();
        self.0.asks.send(Ask::Request(Box::new(request), done)).await.map_err(|_| stopped())?;
        is_done.await.map_err(|_| stopped())
    }

    /// Looks at the engine; `look` must do bounded work.
    pub(crate) async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Engine) -> T + Send + 'static,
    ) -> Result<T, Trouble> {
        let (done, found) = oneshot::channel();
        let look = move |engine: &Engine| {
            // Whoever asked may have gone.
            let _ = done.send(look(engine));
        };
        self.0.asks.send(Ask::Look(Box::new(look))).await.map_err(|_| stopped())?;
        found.await.map_err(|_| stopped())
    }

    /// Everything at a glance, now.
    pub(crate) async fn status(&self) -> Result<Status, Trouble> {
        let now = self.0.hands.clock.now();
        self.look(move |engine| engine.status(now)).await
    }
}

/// Does something that blocks, aside.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Trouble> {
    tokio::task::spawn_blocking(work).await.map_err(|_| stopped())
}

fn stopped() -> Trouble {
    Trouble::plain(ErrorCode::EngineStopped)
}
