//! The local socket: whoever may open it is this user, and may do everything.

use std::path::PathBuf;
use std::{fs, io};

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::home::Home;
use crate::router::{Surface, router};

/// The open socket; closed and removed when dropped.
pub struct Socket {
    path: PathBuf,
    stop: Option<oneshot::Sender<()>>,
    task: Option<JoinHandle<()>>,
}

impl Socket {
    /// Opens the socket of a home whose lock is held.
    #[cfg(unix)]
    pub fn open(home: &Home, surface: impl Surface) -> io::Result<Self> {
        use std::os::unix::fs::PermissionsExt;
        // We hold the lock, so a socket that is there belongs to a Shoal that died.
        match fs::remove_file(&home.socket) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let listener = tokio::net::UnixListener::bind(&home.socket)?;
        // Its directory is 0700 already, so nobody gets in between these two lines.
        fs::set_permissions(&home.socket, fs::Permissions::from_mode(0o600))?;
        let (stop, stopped) = oneshot::channel::<()>();
        let service = axum::serve(listener, router(surface)).with_graceful_shutdown(async {
            let _ = stopped.await;
        });
        let task = tokio::spawn(async {
            if let Err(error) = service.await {
                tracing::warn!(reason = %error.kind(), "the local socket closed");
            }
        });
        Ok(Self { path: home.socket.clone(), stop: Some(stop), task: Some(task) })
    }

    /// Opens the socket of a home whose lock is held.
    #[cfg(not(unix))]
    pub fn open(_home: &Home, _surface: impl Surface) -> io::Result<Self> {
        Err(io::Error::from(io::ErrorKind::Unsupported))
    }

    /// Lets running calls end, a second at most, and closes.
    pub async fn close(mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(task) = self.task.take() {
            crate::serve::wind_down(task).await;
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
        let _ = fs::remove_file(&self.path);
    }
}
