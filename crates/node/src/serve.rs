//! `shoal serve`: the page and the API on loopback, for whoever has the token of this run.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::home::Home;
use crate::page;
use crate::router::{Surface, router};
use crate::token::{Secrets, Verdict, WRONG_DELAY, write_private};

/// Where the page is unless somebody says otherwise; the next free port when it is taken.
pub const PORT: u16 = 7423;

/// How long running calls may take to end when we stop.
const WIND_DOWN_MAX: Duration = Duration::from_secs(1);

/// What the page may load and do: only itself.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' blob: data:; font-src 'self'; connect-src 'self'; object-src 'none'; frame-src 'none'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Headers of every answer.
const HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// The page being served; it ends when dropped.
pub struct Serving {
    address: SocketAddr,
    url: String,
    stop: Option<oneshot::Sender<()>>,
    task: Option<JoinHandle<()>>,
    home: Home,
}

impl Serving {
    /// Serves the page of a home whose lock is held; `None` takes the usual port or, when that is taken, any.
    pub async fn open(home: &Home, surface: impl Surface, port: Option<u16>) -> io::Result<Self> {
        let listener = bind(port).await?;
        let address = listener.local_addr()?;
        let secrets = Arc::new(Secrets::new(home)?);
        let url = format!("http://{address}/#token={}", secrets.token());
        write_private(&home.address(), &format!("http://{address}/"))?;
        let (stop, stopped) = oneshot::channel::<()>();
        let service = axum::serve(listener, guarded(surface, secrets)).with_graceful_shutdown(async {
            let _ = stopped.await;
        });
        let task = tokio::spawn(async {
            if let Err(error) = service.await {
                tracing::warn!(reason = %error.kind(), "the page closed");
            }
        });
        Ok(Self { address, url, stop: Some(stop), task: Some(task), home: home.clone() })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address to open, with the token.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Lets running calls end, a second at most, and closes.
    pub async fn close(mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(task) = self.task.take() {
            wind_down(task).await;
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
        for file in [self.home.token(), self.home.address()] {
            let _ = std::fs::remove_file(file);
        }
    }
}

/// Waits for a server to end its calls; those that watch never end by themselves.
pub(crate) async fn wind_down(mut task: JoinHandle<()>) {
    if tokio::time::timeout(WIND_DOWN_MAX, &mut task).await.is_err() {
        task.abort();
    }
}

async fn bind(port: Option<u16>) -> io::Result<TcpListener> {
    let on = |port| TcpListener::bind((IpAddr::V4(Ipv4Addr::LOCALHOST), port));
    match port {
        Some(port) => on(port).await,
        None => match on(PORT).await {
            Ok(listener) => Ok(listener),
            Err(_) => on(0).await,
        },
    }
}

/// Everything this address answers, with its checks around it: who calls, from where, and what is said back.
fn guarded(surface: impl Surface, secrets: Arc<Secrets>) -> Router {
    let signed_in = middleware::from_fn_with_state(secrets.clone(), require_session);
    router(surface)
        .route("/api/session", get(async || StatusCode::NO_CONTENT))
        .layer(signed_in)
        .merge(Router::new().route("/api/session", post(sign_in)).with_state(secrets))
        .fallback(show_page)
        .layer(middleware::from_fn(require_own_host))
        .layer(middleware::from_fn(add_headers))
}

async fn add_headers(request: Request, next: Next) -> Response {
    let is_call = request.uri().path().starts_with("/api/");
    let mut response = next.run(request).await;
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    if is_call {
        let never = HeaderValue::from_static("no-store");
        response.headers_mut().insert(header::CACHE_CONTROL, never);
    }
    response
}

/// Against other sites in the same browser: the name must be a loopback name, and the call must come from our own page.
async fn require_own_host(request: Request, next: Next) -> Response {
    // A link on any site may open the page, which does nothing by itself; only the page may call.
    let is_call = request.uri().path().starts_with("/api/");
    if is_at_home(request.headers()) && (!is_call || is_own_call(request.headers())) {
        next.run(request).await
    } else {
        StatusCode::FORBIDDEN.into_response()
    }
}

fn header_text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).map(|value| value.to_str().unwrap_or("?"))
}

fn is_at_home(headers: &HeaderMap) -> bool {
    header_text(headers, header::HOST).is_some_and(is_loopback)
}

fn is_own_call(headers: &HeaderMap) -> bool {
    let host = header_text(headers, header::HOST).unwrap_or_default();
    let origin = header_text(headers, header::ORIGIN);
    let site = header_text(headers, HeaderName::from_static("sec-fetch-site"));
    origin.is_none_or(|origin| origin == format!("http://{host}"))
        && site.is_none_or(|site| matches!(site, "same-origin" | "none"))
}

/// Whether a `Host` names this computer; a name that a stranger's server could resolve never does.
fn is_loopback(host: &str) -> bool {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, Some(port)),
        Some(_) | None => (host, None),
    };
    matches!(name, "127.0.0.1" | "localhost" | "[::1]") && port.is_none_or(|port| port.parse::<u16>().is_ok())
}

/// Lets in who has the cookie (a browser) or the token (a script).
async fn require_session(State(secrets): State<Arc<Secrets>>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    if let Some(token) = bearer(headers) {
        return match check(&secrets, token).await {
            Ok(()) => next.run(request).await,
            Err(refusal) => refusal,
        };
    }
    let cookies = headers.get_all(header::COOKIE).iter();
    let has_cookie = cookies.filter_map(|value| value.to_str().ok()).any(|value| secrets.is_signed_in(value));
    // A browser names its origin whenever something is changed or a WebSocket opened: one without is no page of ours.
    let is_plain_look = request.method() == Method::GET && !headers.contains_key(header::UPGRADE);
    if has_cookie && (is_plain_look || headers.contains_key(header::ORIGIN)) {
        next.run(request).await
    } else {
        signed_out()
    }
}

async fn sign_in(State(secrets): State<Arc<Secrets>>, headers: HeaderMap) -> Response {
    let Some(token) = bearer(&headers) else {
        return signed_out();
    };
    match check(&secrets, token).await {
        Ok(()) => (StatusCode::NO_CONTENT, [(header::SET_COOKIE, secrets.set_cookie())]).into_response(),
        Err(refusal) => refusal,
    }
}

async fn check(secrets: &Secrets, token: &str) -> Result<(), Response> {
    match secrets.check(token, Instant::now()) {
        Verdict::Right => Ok(()),
        Verdict::Wrong => {
            tokio::time::sleep(WRONG_DELAY).await;
            Err(signed_out())
        }
        Verdict::TooMany => Err(StatusCode::TOO_MANY_REQUESTS.into_response()),
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().unwrap_or("?");
    Some(value.strip_prefix("Bearer ").unwrap_or("?").trim())
}

fn signed_out() -> Response {
    let trouble = crate::view::Trouble::plain(crate::view::ErrorCode::SessionEnded);
    (StatusCode::UNAUTHORIZED, axum::Json(trouble)).into_response()
}

async fn show_page(request: Request) -> Response {
    let path = request.uri().path();
    let is_look = matches!(*request.method(), Method::GET | Method::HEAD);
    match page::file(path) {
        Some(file) if is_look && !path.starts_with("/api/") => {
            let keep = if file.is_lasting { "public, max-age=31536000, immutable" } else { "no-cache" };
            let headers = [(header::CONTENT_TYPE, file.kind), (header::CACHE_CONTROL, keep)];
            (headers, file.bytes).into_response()
        }
        Some(_) | None => StatusCode::NOT_FOUND.into_response(),
    }
}

#[cfg(test)]
mod tests;
