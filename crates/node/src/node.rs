//! The handle that everybody else holds: start, act, ask, watch, stop.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use shoal_engine::id::DeviceId;
use tokio::io::AsyncRead;
use tokio::sync::watch;

use crate::command::{Answer, Command, DropId, Picked, Question};
use crate::home::Home;
use crate::view::{Trouble, View};

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

/// One file a browser will upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadFile {
    /// Its path inside the drop, from outside.
    pub path: String,
    /// Its length in bytes.
    pub size: u64,
}

/// One running device; clones are the same device.
#[derive(Clone)]
pub struct Node {}

impl Node {
    /// Locks the home, opens the memory and the network, and begins.
    pub async fn start(_config: NodeConfig) -> Result<Node, NodeError> {
        todo!()
    }

    /// Which device this is.
    pub fn me(&self) -> DeviceId {
        todo!()
    }

    /// Does what a person wants; what comes of it is seen in the view.
    pub async fn act(&self, _command: Command) -> Result<Answer, Trouble> {
        todo!()
    }

    /// Answers without changing anything.
    pub async fn ask(&self, _question: Question) -> Result<Answer, Trouble> {
        todo!()
    }

    /// The newest view, at most ten a second.
    pub fn watch(&self) -> watch::Receiver<Arc<View>> {
        todo!()
    }

    /// Remembers paths chosen in a native picker.
    pub fn pick_paths(&self, _paths: Vec<PathBuf>) -> Picked {
        todo!()
    }

    /// Remembers paths dropped on the window.
    pub fn drop_paths(&self, _paths: Vec<PathBuf>) -> Dropped {
        todo!()
    }

    /// Announces files that a browser will upload; each then comes by [`Node::upload_file`].
    pub async fn upload(&self, _files: Vec<UploadFile>) -> Result<DropId, Trouble> {
        todo!()
    }

    /// Takes the bytes of one announced file, by its place in the list.
    pub async fn upload_file(&self, _drop: &DropId, _index: usize, _bytes: impl AsyncRead + Unpin + Send) -> Result<(), Trouble> {
        todo!()
    }

    /// Where a folder is, for "show in folder".
    pub fn place_of_folder(&self, _folder: &str) -> Option<PathBuf> {
        todo!()
    }

    /// Where a transfer's files are, for "show in folder".
    pub fn place_of_transfer(&self, _transfer: &str) -> Option<PathBuf> {
        todo!()
    }

    /// Resolves when somebody asked the node to quit (`Command::Quit`).
    pub async fn quit_asked(&self) {
        todo!()
    }

    /// Stops within 5 s; everything goes on at the next start.
    pub async fn stop(&self) {
        todo!()
    }
}
