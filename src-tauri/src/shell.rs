//! What lives as long as the program: the window, the node behind it, and how both come and go.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use shoal_node::command::{Answer, Command, DropId, Question};
use shoal_node::router::Surface;
use shoal_node::socket::Socket;
use shoal_node::view::{ErrorCode, Trouble, View};
use shoal_node::{Home, Node, NodeConfig, NodeError, UploadFile};
use tauri::async_runtime::{JoinHandle, spawn};
use tauri::{AppHandle, Manager, RunEvent};
use tauri_plugin_dialog::{DialogExt, MessageDialogKind};
use tauri_plugin_window_state::StateFlags;
use tokio::io::AsyncRead;
use tokio::sync::watch;

use crate::drops::Drops;
use crate::instance::{self, First};
use crate::{commands, news, text, window};

/// How long a start waits for another one that holds the home already and opens its socket just now.
const OTHER_START_MAX: Duration = Duration::from_secs(5);

/// What commands and window events share.
pub(crate) struct Shell {
    pub(crate) home: Home,
    /// None until the node is up.
    node: watch::Sender<Option<Node>>,
    socket: Mutex<Option<Socket>>,
    /// Carries views to the page; a new page takes its place.
    pub(crate) follower: Mutex<Option<JoinHandle<()>>>,
    pub(crate) drops: Drops,
    pub(crate) has_painted: AtomicBool,
    pub(crate) has_tray: AtomicBool,
    is_ending: AtomicBool,
}

impl Shell {
    fn new(home: Home) -> Self {
        Self {
            home,
            node: watch::Sender::new(None),
            socket: Mutex::default(),
            follower: Mutex::default(),
            drops: Drops::default(),
            has_painted: AtomicBool::default(),
            has_tray: AtomicBool::default(),
            is_ending: AtomicBool::default(),
        }
    }

    /// The node, as soon as it is up.
    pub(crate) async fn node(&self) -> Result<Node, Trouble> {
        let mut node = self.node.subscribe();
        let found = node.wait_for(Option::is_some).await.ok().and_then(|node| node.clone());
        found.ok_or_else(|| Trouble::plain(ErrorCode::EngineStopped))
    }

    /// The node, if it is up.
    pub(crate) fn node_now(&self) -> Option<Node> {
        self.node.borrow().clone()
    }
}

/// Opens the window, starts the node behind it, and returns when the program was quit.
pub(crate) fn run(home: Home, is_hidden: bool) -> tauri::Result<()> {
    // The plugin joins this to its own directory, so an absolute path stays as it is: one per home.
    let window_file = home.state.join("window.json").to_string_lossy().into_owned();
    let remembered = StateFlags::SIZE | StateFlags::POSITION | StateFlags::MAXIMIZED;
    let window_state =
        tauri_plugin_window_state::Builder::new().with_state_flags(remembered).with_filename(window_file);
    let app = tauri::Builder::default()
        .plugin(tauri_plugin_dialog::init())
        .plugin(tauri_plugin_notification::init())
        .plugin(window_state.build())
        .manage(Shell::new(home))
        .invoke_handler(tauri::generate_handler![
            commands::send,
            commands::ask,
            commands::watch,
            commands::drops,
            commands::painted
        ])
        .setup(move |app| {
            window::open(app.handle(), is_hidden)?;
            spawn(begin(app.handle().clone()));
            spawn(quit_when_told(app.handle().clone()));
            Ok(())
        })
        .build(tauri::generate_context!())?;
    app.run(|app, event| {
        // Without a code nobody asked us to end: the last window is gone.
        if let RunEvent::ExitRequested { code: None, api, .. } = event {
            api.prevent_exit();
            quit(app);
        }
    });
    Ok(())
}

/// Starts the node and what hangs on it.
async fn begin(app: AppHandle) {
    let shell = app.state::<Shell>();
    let config = NodeConfig {
        home: shell.home.clone(),
        listen_port: None,
        listen_ips: Vec::new(),
        mdns: None,
        bootstrap: Vec::new(),
        name: None,
        downloads: None,
    };
    let node = match Node::start(config).await {
        Ok(node) => node,
        Err(NodeError::AlreadyRunning { home }) => {
            return hand_over(app.clone(), NodeError::AlreadyRunning { home }).await;
        }
        Err(error) => return give_up(&app, &error),
    };
    match Socket::open(&shell.home, Desk { app: app.clone(), node: node.clone() }) {
        Ok(socket) => *shell.socket.lock().unwrap_or_else(PoisonError::into_inner) = Some(socket),
        // The window works without; only the command line and a second start do not find us.
        Err(error) => tracing::warn!(reason = %error.kind(), "the local socket cannot be opened"),
    }
    shell.node.send_replace(Some(node.clone()));
    spawn(news::follow(app.clone(), node.clone()));
    node.quit_asked().await;
    quit(&app);
}

/// Another start was a moment faster: its window comes to the front, this one leaves.
async fn hand_over(app: AppHandle, error: NodeError) {
    let home = app.state::<Shell>().home.clone();
    let asking = async {
        loop {
            match instance::show_first(&home) {
                First::Shown => return,
                First::WithoutWindow => return instance::open_page(&home),
                First::None => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    };
    match tokio::time::timeout(OTHER_START_MAX, asking).await {
        Ok(()) => app.exit(0),
        Err(_) => give_up(&app, &error),
    }
}

/// Says why nothing can be shown, and ends.
fn give_up(app: &AppHandle, error: &NodeError) {
    let said = text::cannot_start(error);
    tracing::error!(%error, "the node cannot start");
    eprintln!("{said}");
    let app_to_end = app.clone();
    let dialog = app.dialog().message(said).title(text::APP).kind(MessageDialogKind::Error);
    dialog.show(move |_| app_to_end.exit(1));
}

/// Stops everything within the node's five seconds, and ends. Further calls change nothing.
pub(crate) fn quit(app: &AppHandle) {
    if app.state::<Shell>().is_ending.swap(true, Ordering::SeqCst) {
        return;
    }
    window::hide(app);
    let app = app.clone();
    spawn(async move {
        let shell = app.state::<Shell>();
        let socket = shell.socket.lock().unwrap_or_else(PoisonError::into_inner).take();
        let node = shell.node_now();
        let close = async {
            if let Some(socket) = socket {
                socket.close().await;
            }
        };
        let stop = async {
            if let Some(node) = node {
                node.stop().await;
            }
        };
        tokio::join!(close, stop);
        app.exit(0);
    });
}

/// Quits when the terminal or the system asks us to.
async fn quit_when_told(app: AppHandle) {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let (Ok(mut end), Ok(mut hang_up)) = (signal(SignalKind::terminate()), signal(SignalKind::hangup())) else {
            return;
        };
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = end.recv() => {}
            _ = hang_up.recv() => {}
        }
    }
    #[cfg(not(unix))]
    if tokio::signal::ctrl_c().await.is_err() {
        return;
    }
    quit(&app);
}

/// The node as the local socket sees it, with a window that can be shown.
#[derive(Clone)]
struct Desk {
    app: AppHandle,
    node: Node,
}

impl Surface for Desk {
    async fn act(&self, command: Command) -> Result<Answer, Trouble> {
        self.node.act(command).await
    }

    async fn ask(&self, question: Question) -> Result<Answer, Trouble> {
        self.node.ask(question).await
    }

    fn watch(&self) -> watch::Receiver<Arc<View>> {
        self.node.watch()
    }

    async fn upload(&self, files: Vec<UploadFile>) -> Result<DropId, Trouble> {
        self.node.upload(files).await
    }

    async fn upload_file(
        &self,
        drop: &DropId,
        index: usize,
        bytes: impl AsyncRead + Unpin + Send,
    ) -> Result<(), Trouble> {
        self.node.upload_file(drop, index, bytes).await
    }

    async fn show(&self) -> Result<(), Trouble> {
        window::show(&self.app);
        Ok(())
    }
}
