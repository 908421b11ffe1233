//! Tests of `serve`.

use std::collections::BTreeMap;
use std::sync::Mutex;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::*;
use crate::command::{Answer, Command, DropId, Question};
use crate::node::UploadFile;
use crate::socket::Socket;
use crate::view::{ErrorCode, Trouble, View};

/// A node that remembers what it was asked.
#[derive(Clone)]
struct Recorder {
    acts: Arc<Mutex<Vec<Command>>>,
    files: Arc<Mutex<BTreeMap<usize, Vec<u8>>>>,
    views: watch::Sender<Arc<View>>,
}

impl Surface for Recorder {
    async fn act(&self, command: Command) -> Result<Answer, Trouble> {
        if matches!(command, Command::Pause { .. }) {
            return Err(Trouble::plain(ErrorCode::NotThere));
        }
        self.acts.lock().expect("free").push(command);
        Ok(Answer::Done)
    }

    async fn ask(&self, _question: Question) -> Result<Answer, Trouble> {
        Ok(Answer::Picked { picked: None })
    }

    fn watch(&self) -> watch::Receiver<Arc<View>> {
        self.views.subscribe()
    }

    async fn upload(&self, files: Vec<UploadFile>) -> Result<DropId, Trouble> {
        Ok(DropId(format!("drop-{}", files.len())))
    }

    async fn upload_file(
        &self,
        _drop: &DropId,
        index: usize,
        mut bytes: impl AsyncRead + Unpin + Send,
    ) -> Result<(), Trouble> {
        let mut all = Vec::new();
        bytes.read_to_end(&mut all).await.expect("bytes");
        self.files.lock().expect("free").insert(index, all);
        Ok(())
    }
}

struct World {
    _dir: tempfile::TempDir,
    home: Home,
    node: Recorder,
    serving: Serving,
}

fn empty_view() -> View {
    serde_json::from_value(serde_json::json!({
        "now": 1, "network": {"state": "up", "name": null, "troubles": [], "dht_peers": null},
        "me": {"id": "a", "name": "Ana", "home_label": null, "platform": "linux", "version": "0", "first_run": false,
               "downloads": "~", "addresses": [], "theme": "system"},
        "devices": [], "blocked": [], "pairing": [], "inbox": [], "folders": [], "transfers": [],
        "rates": {"down": 0, "up": 0}, "notices": [],
    }))
    .expect("a view")
}

impl World {
    async fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let home = Home::at(dir.path()).expect("a home");
        home.make().expect("made");
        let node =
            Recorder { acts: Arc::default(), files: Arc::default(), views: watch::channel(Arc::new(empty_view())).0 };
        let serving = Serving::open(&home, node.clone(), Some(0)).await.expect("served");
        Self { _dir: dir, home, node, serving }
    }

    fn token(&self) -> String {
        std::fs::read_to_string(self.home.token()).expect("a token")
    }

    fn host(&self) -> String {
        self.serving.address().to_string()
    }

    /// Sends one request with these header lines and returns the whole answer as text.
    async fn call(&self, line: &str, headers: &str, body: &str) -> String {
        let length = body.len();
        let request =
            format!("{line} HTTP/1.1\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}");
        let mut stream = TcpStream::connect(self.serving.address()).await.expect("connected");
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.expect("an answer");
        String::from_utf8_lossy(&answer).into_owned()
    }

    async fn act(&self, headers: &str, body: &str) -> String {
        let headers = format!("{headers}content-type: application/json\r\n");
        self.call("POST /api/act", &headers, body).await
    }

    /// Signs in as a browser and returns its cookie.
    async fn cookie(&self) -> String {
        let (host, token) = (self.host(), self.token());
        let headers = format!("host: {host}\r\norigin: http://{host}\r\nauthorization: Bearer {token}\r\n");
        let answer = self.call("POST /api/session", &headers, "").await;
        assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
        let line = answer.lines().find(|line| line.starts_with("set-cookie: ")).expect("a cookie");
        assert!(line.contains("HttpOnly") && line.contains("SameSite=Strict"), "{line}");
        line.trim_start_matches("set-cookie: ").split(';').next().expect("a pair").to_owned()
    }
}

const QUIT: &str = r#"{"type":"quit"}"#;

#[tokio::test]
async fn only_who_has_the_token_or_its_cookie_gets_in() {
    let world = World::new().await;
    let (host, token, cookie) = (world.host(), world.token(), world.cookie().await);
    let at_home = format!("host: {host}\r\norigin: http://{host}\r\n");
    for (more, status) in [
        (String::new(), "401"),
        (format!("cookie: {cookie}\r\n"), "200"),
        (format!("cookie: a=b; {cookie}\r\n"), "200"),
        (format!("cookie: {cookie}0\r\n"), "401"),
        (format!("authorization: Bearer {token}\r\n"), "200"),
        (format!("authorization: Bearer {token}0\r\n"), "401"),
    ] {
        let answer = world.act(&format!("{at_home}{more}"), QUIT).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{more}: {answer}");
    }
    assert_eq!(world.node.acts.lock().expect("free").len(), 3);
}

#[tokio::test]
async fn another_site_in_the_same_browser_gets_nothing() {
    let world = World::new().await;
    let (host, cookie) = (world.host(), world.cookie().await);
    let port = world.serving.address().port();
    let cases = [
        // DNS rebinding: a stranger's name that resolves to this computer.
        (format!("host: evil.example:{port}\r\norigin: http://evil.example:{port}\r\n"), "403"),
        (format!("host: 127.0.0.1.evil.example:{port}\r\n"), "403"),
        (format!("host: localhost.:{port}\r\n"), "403"),
        (format!("host: {host}\r\norigin: http://evil.example\r\n"), "403"),
        (format!("host: {host}\r\norigin: null\r\n"), "403"),
        (format!("host: {host}\r\norigin: http://127.0.0.1:1\r\n"), "403"),
        (format!("host: {host}\r\norigin: http://{host}\r\nsec-fetch-site: cross-site\r\n"), "403"),
        // A cookie without an origin is no page of ours.
        (format!("host: {host}\r\n"), "401"),
        (format!("host: localhost:{port}\r\norigin: http://localhost:{port}\r\n"), "200"),
    ];
    for (headers, status) in cases {
        let answer = world.act(&format!("{headers}cookie: {cookie}\r\n"), QUIT).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{headers}: {answer}");
    }
    let answer = world.call("GET /api/view", "", "").await;
    assert!(answer.starts_with("HTTP/1.1 403") || answer.starts_with("HTTP/1.1 400"), "{answer}");
}

#[tokio::test]
async fn a_guess_takes_a_second_and_the_sixth_is_not_looked_at() {
    let world = World::new().await;
    let headers = format!("host: {}\r\nauthorization: Bearer guess\r\n", world.host());
    let start = Instant::now();
    let tries = (0..5).map(|_| world.call("POST /api/session", &headers, ""));
    for answer in futures::future::join_all(tries).await {
        assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    }
    assert!(start.elapsed() >= WRONG_DELAY);
    let right = format!("host: {}\r\nauthorization: Bearer {}\r\n", world.host(), world.token());
    let answer = world.call("POST /api/session", &right, "").await;
    assert!(answer.starts_with("HTTP/1.1 429"), "{answer}");
}

#[tokio::test]
async fn every_answer_has_the_headers_that_keep_the_page_alone() {
    let world = World::new().await;
    let headers = format!("host: {}\r\n", world.host());
    for line in ["GET /", "GET /nothing", "GET /api/view", "POST /api/act", "GET /../../etc/passwd"] {
        let answer = world.call(line, &headers, "").await;
        for wanted in ["frame-ancestors 'none'", "nosniff", "no-referrer"] {
            assert!(answer.contains(wanted), "{line}: {answer}");
        }
        assert!(!answer.contains("access-control-allow"), "{line}");
    }
    let page = world.call("GET /", &format!("{headers}sec-fetch-site: cross-site\r\n"), "").await;
    assert!(page.starts_with("HTTP/1.1 200") && page.contains("Shoal"), "a link elsewhere may open the page");
    let view = world.call("GET /api/view", &headers, "").await;
    assert!(view.contains("no-store") && view.contains("WEB-01"), "{view}");
}

#[tokio::test]
async fn acts_refusals_and_uploads_travel() {
    let world = World::new().await;
    let (host, cookie) = (world.host(), world.cookie().await);
    let headers = format!("host: {host}\r\norigin: http://{host}\r\ncookie: {cookie}\r\n");
    let refused = world.act(&headers, r#"{"type":"pause","folder":"x"}"#).await;
    assert!(refused.starts_with("HTTP/1.1 404") && refused.contains("APP-04"), "{refused}");
    let malformed = world.act(&headers, r#"{"type":"burn"}"#).await;
    assert!(malformed.starts_with("HTTP/1.1 400") && malformed.contains("APP-03"), "{malformed}");
    let shell = world.act(&headers, r#"{"type":"show_folder","folder":"x"}"#).await;
    assert!(shell.contains("APP-06"), "{shell}");

    let json = format!("{headers}content-type: application/json\r\n");
    let list = r#"{"files":[{"path":"a/b","size":5},{"path":"c","size":0}]}"#;
    let taken = world.call("POST /api/drop", &json, list).await;
    assert!(taken.ends_with(r#"{"drop":"drop-2"}"#), "{taken}");
    let put = world.call("PUT /api/drop/drop-2/0", &headers, "hello").await;
    assert!(put.starts_with("HTTP/1.1 204"), "{put}");
    assert_eq!(world.node.files.lock().expect("free").get(&0).map(Vec::as_slice), Some(b"hello".as_slice()));
}

#[tokio::test]
async fn views_come_over_a_websocket_of_our_own_page_only() {
    let world = World::new().await;
    let (host, cookie) = (world.host(), world.cookie().await);
    let upgrade = format!(
        "host: {host}\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\ncookie: {cookie}\r\n"
    );
    for (origin, status) in [("http://evil.example", "403"), ("", "401")] {
        let origin = if origin.is_empty() { String::new() } else { format!("origin: {origin}\r\n") };
        let answer = world.call("GET /api/watch", &format!("{upgrade}{origin}"), "").await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
    }
    let request = format!("GET /api/watch HTTP/1.1\r\n{upgrade}origin: http://{host}\r\nconnection: Upgrade\r\n\r\n");
    let mut stream = TcpStream::connect(world.serving.address()).await.expect("connected");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut seen = String::new();
    while !seen.contains(r#""notices":[]}"#) {
        let mut piece = [0; 4096];
        let count = stream.read(&mut piece).await.expect("an answer");
        assert!(count > 0, "closed after {seen}");
        seen.push_str(&String::from_utf8_lossy(&piece[..count]));
    }
    assert!(seen.starts_with("HTTP/1.1 101"), "{seen}");
}

#[cfg(unix)]
#[tokio::test]
async fn the_local_socket_is_private_and_streams_lines() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new().await;
    let socket = Socket::open(&world.home, world.node.clone()).expect("open");
    let mode = std::fs::metadata(&world.home.socket).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let mut stream = tokio::net::UnixStream::connect(&world.home.socket).await.expect("connected");
    stream.write_all(b"GET /api/watch HTTP/1.1\r\nhost: shoal\r\n\r\n").await.expect("sent");
    let mut seen = String::new();
    while !seen.contains("\"notices\":[]}\n") {
        let mut piece = [0; 4096];
        let count = stream.read(&mut piece).await.expect("an answer");
        assert!(count > 0, "closed after {seen}");
        seen.push_str(&String::from_utf8_lossy(&piece[..count]));
    }
    socket.close().await;
    assert!(!world.home.socket.exists());
}

#[tokio::test]
async fn nothing_is_left_of_a_page_that_ended() {
    let world = World::new().await;
    assert!(world.serving.url().contains(&format!("#token={}", world.token())));
    world.serving.close().await;
    assert!(!world.home.token().exists());
}
