//! Talks to the running Shoal of a home over its local socket.

use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use shoal_node::Home;
use shoal_node::command::{Answer, Command, Picked, Question};
use shoal_node::view::{ErrorCode, Trouble, View};

use crate::failure::Failure;

/// Largest answer that is read, in bytes: a view with a thousand devices has room.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// How long connecting may take: the socket is local, so a late answer means a stuck program.
const CONNECT_MAX: Duration = Duration::from_secs(5);

/// The running Shoal of one home.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    home: Home,
}

impl Client {
    pub(crate) fn new(home: Home) -> Self {
        Self { home }
    }

    /// Does something.
    pub(crate) async fn act(&self, command: &Command) -> Result<Answer, Failure> {
        self.call(Method::POST, "/api/act", command).await
    }

    /// Looks at something.
    pub(crate) async fn ask(&self, question: &Question) -> Result<Answer, Failure> {
        self.call(Method::POST, "/api/ask", question).await
    }

    /// The newest view.
    pub(crate) async fn view(&self) -> Result<View, Failure> {
        self.call(Method::GET, "/api/view", &()).await
    }

    /// All views from now on.
    pub(crate) async fn watch(&self) -> Result<Views, Failure> {
        let response = self.send(Method::GET, "/api/watch", &()).await?;
        Ok(Views { body: Box::pin(response.into_body()), line: Vec::new() })
    }

    /// Turns a path on this computer into a pick.
    pub(crate) async fn pick(&self, path: &std::path::Path) -> Result<Picked, Failure> {
        let question = Question::PickTyped { path: text_of(path)? };
        picked(self.ask(&question).await?)
    }

    /// The same for several paths that are there.
    pub(crate) async fn pick_all(&self, paths: &[std::path::PathBuf]) -> Result<Picked, Failure> {
        let paths: Result<Vec<String>, Failure> = paths.iter().map(|path| text_of(path)).collect();
        let question = Question::PickTypedFiles { paths: paths? };
        picked(self.ask(&question).await?)
    }

    async fn call<Body: Serialize, Out: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &Body,
    ) -> Result<Out, Failure> {
        let response = self.send(method, path, body).await?;
        let is_success = response.status().is_success();
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
        let bytes = body.map_err(|_| Failure::NotRunning)?.to_bytes();
        if is_success {
            return serde_json::from_slice(&bytes).map_err(|_| Failure::Strange);
        }
        Err(match serde_json::from_slice::<Trouble>(&bytes) {
            Ok(trouble) => Failure::Refused(trouble),
            Err(_) => Failure::Strange,
        })
    }

    async fn send<Body: Serialize>(
        &self,
        method: Method,
        path: &str,
        body: &Body,
    ) -> Result<Response<Incoming>, Failure> {
        let text = serde_json::to_vec(body).map_err(|_| Failure::Strange)?;
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "shoal")
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(text)))
            .map_err(|_| Failure::Strange)?;
        let mut sender = self.connect().await?;
        sender.send_request(request).await.map_err(|_| Failure::NotRunning)
    }

    #[cfg(unix)]
    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, Failure> {
        let connecting = tokio::net::UnixStream::connect(&self.home.socket);
        let stream = tokio::time::timeout(CONNECT_MAX, connecting).await;
        let stream = stream.map_err(|_| Failure::NotRunning)?.map_err(|_| Failure::NotRunning)?;
        let shaken = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
        let (sender, connection) = shaken.map_err(|_| Failure::NotRunning)?;
        tokio::spawn(connection);
        Ok(sender)
    }

    #[cfg(not(unix))]
    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, Failure> {
        Err(Failure::Refused(Trouble::plain(ErrorCode::NotHere)))
    }
}

/// Views as they come.
pub(crate) struct Views {
    body: Pin<Box<Incoming>>,
    line: Vec<u8>,
}

impl Views {
    /// The next view; fails when Shoal stopped.
    pub(crate) async fn next(&mut self) -> Result<View, Failure> {
        loop {
            if let Some(end) = self.line.iter().position(|byte| *byte == b'\n') {
                let rest = self.line.split_off(end + 1);
                let line = std::mem::replace(&mut self.line, rest);
                return serde_json::from_slice(&line).map_err(|_| Failure::Strange);
            }
            if self.line.len() > ANSWER_BYTES_MAX {
                return Err(Failure::Strange);
            }
            let frame = self.body.frame().await.ok_or(Failure::NotRunning)?;
            let frame = frame.map_err(|_| Failure::NotRunning)?;
            if let Some(bytes) = frame.data_ref() {
                self.line.extend_from_slice(bytes);
            }
        }
    }
}

fn picked(answer: Answer) -> Result<Picked, Failure> {
    if let Answer::Picked { picked: Some(picked) } = answer {
        Ok(picked)
    } else {
        Err(Failure::Refused(Trouble::plain(ErrorCode::NotThere)))
    }
}

/// A path as the running Shoal reads it: it stands in another directory than we do.
pub(crate) fn text_of(path: &std::path::Path) -> Result<String, Failure> {
    let absolute = std::path::absolute(path).map_err(|_| Failure::said("There is no such path."))?;
    let text = absolute.into_os_string().into_string();
    text.map_err(|_| Failure::said("This path is not valid text."))
}
