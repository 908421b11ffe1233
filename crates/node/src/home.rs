//! Where this Shoal keeps its things: the directories of one home, and the place of its socket.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

use etcetera::base_strategy::{BaseStrategy, choose_native_strategy};

/// Longest socket path, in bytes: macOS takes 104 with its end mark, Linux 108.
const SOCKET_BYTES_MAX: usize = 100;

/// The environment's way to say `--home`.
pub const HOME_VARIABLE: &str = "SHOAL_HOME";

/// The directories of one home. Two Shoals never share one, see `guard`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    /// Settings, the key and whom we trust: small and worth a backup.
    pub config: PathBuf,
    /// Ledgers and the index.
    pub data: PathBuf,
    /// Logs and what is only about the last run.
    pub state: PathBuf,
    /// What may be deleted at any time.
    pub cache: PathBuf,
    /// The lock, the token and, where the path is short enough, the socket; private to the user.
    pub run: PathBuf,
    /// The directory all homes of this user share while they run.
    pub user_run: PathBuf,
    /// The local socket.
    pub socket: PathBuf,
    /// Set when this is not the user's ordinary home, so that several can be told apart.
    pub label: Option<String>,
}

/// Why a home cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// The system does not say where a user's files go.
    #[error("the home directory of this user is not known")]
    NoHome,
    /// A directory cannot be made or opened.
    #[error("cannot use {path}")]
    Directory {
        /// Which directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another user owns the shared directory: it could read or replace our socket.
    #[error("{path} belongs to somebody else")]
    NotOurs {
        /// Which directory.
        path: PathBuf,
    },
}

impl Home {
    /// Finds the home that was asked for: `given` (from `--home`), else `SHOAL_HOME`, else the system's places.
    pub fn find(given: Option<&Path>) -> Result<Self, HomeError> {
        let from_environment = || env::var_os(HOME_VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from);
        match given.map(Path::to_owned).or_else(from_environment) {
            Some(dir) => Self::at(&dir),
            None => Self::of_user(),
        }
    }

    /// The home whose directories all lie in `dir`.
    pub fn at(dir: &Path) -> Result<Self, HomeError> {
        let dir = std::path::absolute(dir).map_err(|source| HomeError::Directory { path: dir.to_owned(), source })?;
        let run = dir.join("run");
        let user_run = user_run_dir();
        Ok(Self {
            config: dir.join("config"),
            data: dir.join("data"),
            state: dir.join("state"),
            cache: dir.join("cache"),
            socket: socket_in(&run, &user_run, &dir),
            label: Some(label_of(&dir)),
            run,
            user_run,
        })
    }

    /// The user's ordinary home, in the places the system has for each kind.
    fn of_user() -> Result<Self, HomeError> {
        let places = choose_native_strategy().map_err(|_| HomeError::NoHome)?;
        let data = places.data_dir().join("shoal");
        let mut config = places.config_dir().join("shoal");
        if config == data {
            // Windows has one place for both.
            config = data.join("config");
        }
        let state = places.state_dir().map_or_else(|| data.join("state"), |dir| dir.join("shoal"));
        let user_run = user_run_dir();
        // The lock must be the same whether or not a session gave us a runtime directory, so it is never there.
        let run = state.join("run");
        Ok(Self {
            socket: socket_in(&run, &user_run, &run),
            cache: places.cache_dir().join("shoal"),
            config,
            data,
            state,
            run,
            user_run,
            label: None,
        })
    }

    /// Makes the directories that are not there yet, private to the user.
    pub fn make(&self) -> Result<(), HomeError> {
        for dir in [&self.config, &self.data, &self.state, &self.cache, &self.run] {
            make_private(dir)?;
        }
        make_private(&self.user_run)?;
        check_owner(&self.user_run, &self.run)
    }

    /// Where log files go.
    pub fn logs(&self) -> PathBuf {
        self.state.join("logs")
    }

    /// The file that holds the web token of this run.
    pub fn token(&self) -> PathBuf {
        self.run.join("token")
    }

    /// The file that says where the web page of this run is, without the token.
    pub fn address(&self) -> PathBuf {
        self.run.join("address")
    }
}

/// Chooses the socket's place: in `run`, else under a hash of the home in the user's runtime directory.
fn socket_in(run: &Path, user_run: &Path, home: &Path) -> PathBuf {
    let plain = run.join("shoal.sock");
    if plain.as_os_str().len() <= SOCKET_BYTES_MAX {
        return plain;
    }
    let hash = blake3::hash(home.as_os_str().as_encoded_bytes());
    user_run.join(format!("{}.sock", &hash.to_hex()[..16]))
}

/// The user's runtime directory, or one of our own in the temporary place.
fn user_run_dir() -> PathBuf {
    let given =
        env::var_os("XDG_RUNTIME_DIR").filter(|value| !value.is_empty()).map(PathBuf::from).filter(|dir| dir.is_dir());
    match given {
        Some(dir) => dir.join("shoal"),
        None => env::temp_dir().join(format!("shoal-{}", user_name())),
    }
}

/// Tells users apart in the temporary place; who owns the directory is checked, so a lie only fails.
fn user_name() -> String {
    let name = env::var("USER").or_else(|_| env::var("USERNAME")).unwrap_or_else(|_| user_number());
    name.chars().filter(|letter| letter.is_ascii_alphanumeric()).take(32).collect()
}

/// Where a service has no name in its environment, the system's number of the user.
fn user_number() -> String {
    #[cfg(unix)]
    if let Ok(process) = fs::metadata("/proc/self") {
        return std::os::unix::fs::MetadataExt::uid(&process).to_string();
    }
    "user".to_owned()
}

/// The name by which people tell this home from others.
fn label_of(dir: &Path) -> String {
    dir.file_name().map_or_else(|| "/".to_owned(), |name| name.to_string_lossy().into_owned())
}

fn make_private(dir: &Path) -> Result<(), HomeError> {
    let failed = |source| HomeError::Directory { path: dir.to_owned(), source };
    fs::create_dir_all(dir).map_err(failed)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(dir, fs::Permissions::from_mode(0o700)).map_err(failed)?;
    }
    Ok(())
}

#[cfg(unix)]
fn check_owner(shared: &Path, own: &Path) -> Result<(), HomeError> {
    use std::os::unix::fs::MetadataExt;
    let owner = |path: &Path| {
        let found =
            fs::symlink_metadata(path).map_err(|source| HomeError::Directory { path: path.to_owned(), source })?;
        Ok((found.uid(), found.is_dir()))
    };
    if owner(shared)? == owner(own)? { Ok(()) } else { Err(HomeError::NotOurs { path: shared.to_owned() }) }
}

#[cfg(not(unix))]
fn check_owner(_shared: &Path, _own: &Path) -> Result<(), HomeError> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_given_home_holds_everything_in_one_place() {
        let home = Home::at(Path::new("/srv/ana")).expect("a home");
        assert_eq!(home.config, Path::new("/srv/ana/config"));
        assert_eq!(home.socket, Path::new("/srv/ana/run/shoal.sock"));
        assert_eq!(home.label.as_deref(), Some("ana"));
    }

    #[test]
    fn a_long_home_has_a_short_socket_of_its_own() {
        let long = |name: &str| Home::at(&Path::new("/srv").join("x".repeat(120)).join(name));
        let (ana, ben) = (long("ana").expect("a home"), long("ben").expect("a home"));
        assert!(ana.socket.as_os_str().len() <= SOCKET_BYTES_MAX);
        assert_ne!(ana.socket, ben.socket);
        assert_eq!(ana.socket, long("ana").expect("a home").socket);
    }

    #[cfg(unix)]
    #[test]
    fn a_made_home_is_private() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().expect("a directory");
        let home = Home::at(&dir.path().join("ana")).expect("a home");
        home.make().expect("made");
        for made in [&home.config, &home.data, &home.state, &home.cache, &home.run] {
            let mode = fs::metadata(made).expect("there").permissions().mode();
            assert_eq!(mode & 0o777, 0o700, "{}", made.display());
        }
    }
}
