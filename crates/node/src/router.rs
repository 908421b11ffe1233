//! The one API of the local socket and of `shoal serve`: acts, questions, the view, and uploads.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::rejection::JsonRejection;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use futures::{Stream, StreamExt, stream};
use serde::{Deserialize, Serialize};
use tokio::io::AsyncRead;
use tokio::sync::watch;
use tokio_util::io::StreamReader;

use crate::command::{Answer, Command, DropId, Question};
use crate::node::{Node, UploadFile};
use crate::view::{ErrorCode, Trouble, View};

/// Largest command or question, in bytes: a code to enter or a thousand chosen items, with room.
const CALL_BYTES_MAX: usize = 1024 * 1024;

/// Largest list of files to upload, in bytes: 100 000 paths.
const LIST_BYTES_MAX: usize = 32 * 1024 * 1024;

/// What the API needs of a node.
pub trait Surface: Clone + Send + Sync + 'static {
    /// Does what a person wants.
    fn act(&self, command: Command) -> impl Future<Output = Result<Answer, Trouble>> + Send;
    /// Answers without changing anything.
    fn ask(&self, question: Question) -> impl Future<Output = Result<Answer, Trouble>> + Send;
    /// The newest view.
    fn watch(&self) -> watch::Receiver<Arc<View>>;
    /// Announces files that will be uploaded.
    fn upload(&self, files: Vec<UploadFile>) -> impl Future<Output = Result<DropId, Trouble>> + Send;
    /// Takes the bytes of one of them.
    fn upload_file(
        &self,
        drop: &DropId,
        index: usize,
        bytes: impl AsyncRead + Unpin + Send,
    ) -> impl Future<Output = Result<(), Trouble>> + Send;
    /// Brings the window to the front, where there is one.
    fn show(&self) -> impl Future<Output = Result<(), Trouble>> + Send {
        async { Err(Trouble::plain(ErrorCode::NotHere)) }
    }
}

impl Surface for Node {
    async fn act(&self, command: Command) -> Result<Answer, Trouble> {
        Node::act(self, command).await
    }

    async fn ask(&self, question: Question) -> Result<Answer, Trouble> {
        Node::ask(self, question).await
    }

    fn watch(&self) -> watch::Receiver<Arc<View>> {
        Node::watch(self)
    }

    async fn upload(&self, files: Vec<UploadFile>) -> Result<DropId, Trouble> {
        Node::upload(self, files).await
    }

    async fn upload_file(
        &self,
        drop: &DropId,
        index: usize,
        bytes: impl AsyncRead + Unpin + Send,
    ) -> Result<(), Trouble> {
        Node::upload_file(self, drop, index, bytes).await
    }
}

/// The routes, for whoever got in: who may is decided outside.
pub(crate) fn router<S: Surface>(surface: S) -> Router {
    let calls = Router::new()
        .route("/api/act", post(act::<S>))
        .route("/api/send", post(act::<S>))
        .route("/api/ask", post(ask::<S>))
        .route("/api/show", post(show::<S>))
        .layer(DefaultBodyLimit::max(CALL_BYTES_MAX));
    let lists = Router::new().route("/api/drop", post(announce::<S>)).layer(DefaultBodyLimit::max(LIST_BYTES_MAX));
    // Files have any length; the node stops at the length that was announced.
    let files = Router::new().route("/api/drop/{drop}/{index}", put(upload::<S>)).layer(DefaultBodyLimit::disable());
    Router::new()
        .merge(calls)
        .merge(lists)
        .merge(files)
        .route("/api/view", get(view::<S>))
        .route("/api/watch", get(follow::<S>))
        .with_state(surface)
}

/// A trouble as an answer over HTTP.
struct Refused(Trouble);

impl From<Trouble> for Refused {
    fn from(trouble: Trouble) -> Self {
        Self(trouble)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (status_of(self.0.code), Json(self.0)).into_response()
    }
}

/// The nearest HTTP status, for tools that know nothing of our codes.
fn status_of(code: ErrorCode) -> StatusCode {
    if code == ErrorCode::NotUnderstood {
        StatusCode::BAD_REQUEST
    } else if code == ErrorCode::NotThere {
        StatusCode::NOT_FOUND
    } else if code == ErrorCode::NotHere {
        StatusCode::NOT_IMPLEMENTED
    } else if code == ErrorCode::SessionEnded {
        StatusCode::UNAUTHORIZED
    } else if [ErrorCode::OwnerOnly, ErrorCode::NotPaired].contains(&code) {
        StatusCode::FORBIDDEN
    } else if code == ErrorCode::EngineStopped {
        StatusCode::INTERNAL_SERVER_ERROR
    } else {
        StatusCode::CONFLICT
    }
}

fn read<T>(body: Result<Json<T>, JsonRejection>) -> Result<T, Refused> {
    let read = body.map(|Json(value)| value);
    read.map_err(|_| Refused(Trouble::plain(ErrorCode::NotUnderstood)))
}

async fn act<S: Surface>(
    State(surface): State<S>,
    body: Result<Json<Command>, JsonRejection>,
) -> Result<Json<Answer>, Refused> {
    let command = read(body)?;
    if matches!(command, Command::ShowTransfer { .. } | Command::ShowFolder { .. }) {
        return Err(Refused(Trouble::plain(ErrorCode::NotHere)));
    }
    Ok(Json(surface.act(command).await?))
}

async fn ask<S: Surface>(
    State(surface): State<S>,
    body: Result<Json<Question>, JsonRejection>,
) -> Result<Json<Answer>, Refused> {
    let question = read(body)?;
    if matches!(question, Question::PickFolder | Question::PickFiles) {
        return Err(Refused(Trouble::plain(ErrorCode::NotHere)));
    }
    Ok(Json(surface.ask(question).await?))
}

async fn show<S: Surface>(State(surface): State<S>) -> Result<StatusCode, Refused> {
    surface.show().await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn view<S: Surface>(State(surface): State<S>) -> Json<View> {
    let view = surface.watch().borrow().clone();
    Json(View::clone(&view))
}

/// A WebSocket with one view per message, or for plain clients one view per line.
async fn follow<S: Surface>(
    State(surface): State<S>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let mut views = surface.watch();
    views.mark_changed();
    match upgrade {
        // What the page says is not read: one byte is too many.
        Ok(upgrade) => upgrade.max_message_size(1024).on_upgrade(|socket| send_views(socket, views)),
        Err(_) => {
            let lines = lines(views).map(Ok::<_, Infallible>);
            let kind = [(header::CONTENT_TYPE, "application/x-ndjson")];
            (kind, Body::from_stream(lines)).into_response()
        }
    }
}

async fn send_views(mut socket: WebSocket, mut views: watch::Receiver<Arc<View>>) {
    loop {
        let text = tokio::select! {
            changed = views.changed() => match changed {
                Ok(()) => text(&views.borrow_and_update()),
                Err(_) => return,
            },
            said = socket.recv() => match said {
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                Some(_) | None => return,
            },
        };
        if socket.send(Message::Text(text.into())).await.is_err() {
            return;
        }
    }
}

fn lines(views: watch::Receiver<Arc<View>>) -> impl Stream<Item = Bytes> {
    stream::unfold(views, |mut views| async {
        views.changed().await.ok()?;
        let line = format!("{}\n", text(&views.borrow_and_update()));
        Some((Bytes::from(line), views))
    })
}

fn text(view: &View) -> String {
    serde_json::to_string(view).unwrap_or_default()
}

#[derive(Deserialize)]
struct Announced {
    files: Vec<AnnouncedFile>,
}

#[derive(Deserialize)]
struct AnnouncedFile {
    path: String,
    size: u64,
    #[serde(default)]
    modified: Option<u64>,
    #[serde(default)]
    is_folder: bool,
}

#[derive(Serialize)]
struct Taken {
    drop: DropId,
}

async fn announce<S: Surface>(
    State(surface): State<S>,
    body: Result<Json<Announced>, JsonRejection>,
) -> Result<Json<Taken>, Refused> {
    let files = read(body)?.files.into_iter();
    let files = files.map(|AnnouncedFile { path, size, modified, is_folder }| UploadFile {
        path,
        size,
        modified,
        is_directory: is_folder,
    });
    let drop = surface.upload(files.collect()).await?;
    Ok(Json(Taken { drop }))
}

async fn upload<S: Surface>(
    State(surface): State<S>,
    Path((drop, index)): Path<(String, usize)>,
    body: Body,
) -> Result<StatusCode, Refused> {
    let pieces = body.into_data_stream().map(|piece| piece.map_err(io::Error::other));
    let bytes = StreamReader::new(Box::pin(pieces));
    surface.upload_file(&DropId(drop), index, bytes).await?;
    Ok(StatusCode::NO_CONTENT)
}
