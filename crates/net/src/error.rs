//! What can go wrong on the network, as values the caller can act on.

use std::io;
use std::path::PathBuf;

use shoal_engine::id::DeviceId;

/// An operation on the network that failed.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// The key file could not be read.
    #[error("cannot read the device key {path}")]
    KeyRead {
        /// Where the key should be.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The key file could not be written.
    #[error("cannot write the device key {path}")]
    KeyWrite {
        /// Where the key should be.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The key file holds something else than a key. It is never replaced: the device would become another one.
    #[error(
        "the key of this computer, {path}, is damaged. Without it nobody knows this computer. Nothing was changed. Put the file back from a backup; if there is none, start with another home and pair again: the files in your folders stay"
    )]
    KeyDamaged {
        /// Where the key is.
        path: PathBuf,
    },
    /// There was a key, and it is gone.
    #[error(
        "the key of this computer, {path}, is gone. Without it nobody knows this computer. Nothing was changed. Put the file back from a backup; if there is none, start with another home and pair again: the files in your folders stay"
    )]
    KeyLost {
        /// Where the key was.
        path: PathBuf,
    },
    /// The network could not be set up.
    #[error("cannot start the network: {what}")]
    Start {
        /// Which step failed.
        what: String,
    },
    /// No address could be listened on.
    #[error("cannot listen on any address")]
    Listen,
    /// There is no link to the device now.
    #[error("not connected to {0}")]
    NotConnected(DeviceId),
    /// A frame or header is longer than the other side would accept.
    #[error("{bytes} bytes are too many for one message")]
    TooLong {
        /// How long it is.
        bytes: usize,
    },
    /// A frame must hold something.
    #[error("an empty frame says nothing")]
    Empty,
    /// A stream could not be opened.
    #[error("cannot open a stream to {device}")]
    Stream {
        /// To whom.
        device: DeviceId,
        /// What the connection said.
        source: io::Error,
    },
    /// The network has been shut down.
    #[error("the network is shut down")]
    Closed,
}

/// Why nobody could be reached at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DialFailure {
    /// The text is not an address we can dial.
    BadAddress,
    /// Nobody answered there.
    Unreachable,
    /// Another device answered.
    WrongDevice,
    /// We ourselves answered.
    Ourselves,
    /// Our own limits, the block list or the mode forbid it.
    Refused,
}
