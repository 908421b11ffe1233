//! Two nodes on loopback, each in a home of its own, driven like a person drives them.

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use shoal_node::command::{Answer, Command, Invitee, PickId};
use shoal_node::view::{PairingStage, Request, Role, Trust, View};
use shoal_node::{Home, Node, NodeConfig};

/// Longest wait for anything: a loaded machine is slow, a broken node is slower.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// One person with a computer.
pub struct Person {
    pub name: &'static str,
    pub dir: PathBuf,
    pub node: Node,
}

impl Person {
    pub async fn start(base: &Path, name: &'static str) -> Person {
        let dir = base.join(name);
        std::fs::create_dir_all(&dir).expect("made");
        if std::env::var_os("SHOAL_TEST_LOG").is_some() {
            let filter = tracing_subscriber::EnvFilter::from_env("SHOAL_TEST_LOG");
            let _ = tracing_subscriber::fmt().with_env_filter(filter).with_test_writer().try_init();
        }
        let node = Node::start(config(&dir, name)).await.expect("started");
        Person { name, dir, node }
    }

    pub async fn restart(self) -> Person {
        let Person { name, dir, node } = self;
        let begun = Instant::now();
        node.stop().await;
        assert!(begun.elapsed() < Duration::from_secs(4), "{name} let go late");
        drop(node);
        let node = Node::start(config(&dir, name)).await.expect("started again");
        Person { name, dir, node }
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.dir.join(path)
    }

    pub fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        std::fs::write(path, bytes).expect("written");
    }

    pub fn read(&self, path: &str) -> Option<Vec<u8>> {
        std::fs::read(self.path(path)).ok()
    }

    pub async fn act(&self, command: Command) -> Answer {
        let text = format!("{command:?}");
        self.node.act(command).await.unwrap_or_else(|trouble| panic!("{}: {text}: {trouble:?}", self.name))
    }

    pub fn pick(&self, path: &str) -> PickId {
        self.node.pick_paths(vec![self.path(path)]).pick
    }

    pub fn view(&self) -> Arc<View> {
        self.node.watch().borrow().clone()
    }

    /// Waits until the view shows something.
    pub async fn sees<T>(&self, what: &str, find: impl Fn(&View) -> Option<T>) -> T {
        let mut views = self.node.watch();
        let begun = Instant::now();
        loop {
            if let Some(found) = find(&views.borrow_and_update()) {
                return found;
            }
            let left = PATIENCE.saturating_sub(begun.elapsed());
            if tokio::time::timeout(left, views.changed()).await.is_err() {
                panic!("{} never saw {what}: {:#?}", self.name, self.view());
            }
        }
    }

    /// Waits until the disk shows something.
    pub async fn finds(&self, what: &str, is_so: impl Fn() -> bool) {
        let begun = Instant::now();
        while !is_so() {
            if begun.elapsed() > PATIENCE {
                panic!("{} never found {what}: {:#?}", self.name, self.view());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub async fn gets(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let what = format!("{path} with {} bytes", bytes.as_ref().len());
        self.finds(&what, || self.read(path).as_deref() == Some(bytes.as_ref())).await;
    }

    pub async fn loses(&self, path: &str) {
        self.finds(&format!("{path} gone"), || !self.path(path).exists()).await;
    }

    pub fn id(&self) -> String {
        self.node.me().to_string()
    }
}

pub fn config(dir: &Path, name: &str) -> NodeConfig {
    NodeConfig {
        home: Home::at(&dir.join("home")).expect("a home"),
        listen_port: Some(0),
        listen_ips: vec![IpAddr::V4(Ipv4Addr::LOCALHOST)],
        mdns: Some(false),
        bootstrap: Vec::new(),
        name: Some(name.to_owned()),
        downloads: Some(dir.join("Downloads")),
    }
}

/// Pairs two people: one reads the code from the other's screen.
pub async fn pair(ann: &Person, ben: &Person) {
    let address = ben.sees("an address", |view| view.me.addresses.first().cloned()).await;
    ann.act(Command::PairAddress { address }).await;
    let (me, other) = (ann.id(), ben.id());
    let code = ben.sees("a code", |view| view.pairing.iter().find(|one| one.device == me)?.code.clone()).await;
    ann.sees("where to type it", |view| {
        view.pairing.iter().find(|one| one.device == other && one.stage == PairingStage::EnterCode).map(|_| ())
    })
    .await;
    ann.act(Command::EnterCode { device: other.clone(), code }).await;
    ben.sees("a match", |view| {
        view.pairing.iter().find(|one| one.device == me && one.stage == PairingStage::WaitingConfirm).map(|_| ())
    })
    .await;
    ben.act(Command::ConfirmPair { device: me.clone(), yes: true }).await;
    for (person, device) in [(ann, &other), (ben, &me)] {
        person.sees("a verified device", |view| is_verified(view, device)).await;
    }
}

pub fn is_verified(view: &View, device: &str) -> Option<()> {
    view.devices.iter().find(|one| one.id == device && one.trust == Trust::Verified).map(|_| ())
}

/// Shares `folder` of Ann with Ben, who joins it under the same name.
pub async fn share(ann: &Person, ben: &Person, folder: &str) -> String {
    std::fs::create_dir_all(ann.path(folder)).expect("made");
    let invite = vec![Invitee { device: ben.id(), role: Role::Editor }];
    let answer = ann
        .act(Command::ShareFolder { pick: ann.pick(folder), name: folder.to_owned(), invite, take_over: false })
        .await;
    let Answer::Shared { folder: id } = answer else { panic!("not shared: {answer:?}") };
    let wanted = id.clone();
    ben.sees("an invitation", move |view| {
        view.inbox.iter().find(|one| matches!(one, Request::Invitation(one) if one.folder == wanted)).map(|_| ())
    })
    .await;
    std::fs::create_dir_all(ben.path(folder)).expect("made");
    ben.act(Command::AcceptInvitation { folder: id.clone(), pick: Some(ben.pick(folder)), take_over: false }).await;
    id
}

/// Bytes that do not compress and are the same for one seed.
pub fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}
