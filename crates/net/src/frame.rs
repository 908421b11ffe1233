//! Words on a control stream: frames behind a checked length, and the few signals the link itself needs.

use std::io;

use shoal_engine::limits::FRAME_BYTES_MAX;
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::limits::{READ_STEP_BYTES, TOLD_BYTES_MAX};

/// "Are you there?" A frame is never empty, so its length is free for this.
pub(crate) const PING: [u8; 4] = [0; 4];
/// "I am here."
pub(crate) const PONG: [u8; 4] = u32::MAX.to_be_bytes();
/// "I am going, do not wait for me."
pub(crate) const GOODBYE: [u8; 4] = (u32::MAX - 1).to_be_bytes();

/// "This is where I listen": a length and a text follow.
pub(crate) const TOLD: [u8; 4] = (u32::MAX - 2).to_be_bytes();

/// One thing read from a control stream.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Word {
    Frame(Vec<u8>),
    Ping,
    Pong,
    Goodbye,
    Told(Vec<u8>),
}

/// Why nothing more can be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Broken {
    #[error("the stream ended")]
    Ended,
    #[error("{0} bytes were announced at once")]
    TooLong(u32),
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Reads one word. A claimed length takes no memory until its bytes come.
pub(crate) async fn read(reader: &mut (impl AsyncRead + Unpin)) -> Result<Word, Broken> {
    let mut head = [0; 4];
    if let Err(error) = reader.read_exact(&mut head).await {
        return Err(if error.kind() == io::ErrorKind::UnexpectedEof { Broken::Ended } else { error.into() });
    }
    match head {
        PING => Ok(Word::Ping),
        PONG => Ok(Word::Pong),
        GOODBYE => Ok(Word::Goodbye),
        TOLD => {
            let length = reader.read_u32().await?;
            Ok(Word::Told(read_bytes(reader, length, TOLD_BYTES_MAX).await?))
        }
        length => Ok(Word::Frame(read_bytes(reader, u32::from_be_bytes(length), FRAME_BYTES_MAX).await?)),
    }
}

async fn read_bytes(reader: &mut (impl AsyncRead + Unpin), claimed: u32, most: usize) -> Result<Vec<u8>, Broken> {
    let length = claimed as usize;
    if length > most {
        return Err(Broken::TooLong(claimed));
    }
    let mut bytes = Vec::with_capacity(length.min(READ_STEP_BYTES));
    reader.take(u64::from(claimed)).read_to_end(&mut bytes).await?;
    if bytes.len() == length { Ok(bytes) } else { Err(Broken::Ended) }
}

/// Appends a frame as it goes on the wire. The caller has checked its length.
pub(crate) fn append(buffer: &mut Vec<u8>, frame: &[u8]) {
    buffer.extend_from_slice(&(frame.len() as u32).to_be_bytes());
    buffer.extend_from_slice(frame);
}

/// Appends where we listen as it goes on the wire.
pub(crate) fn append_told(buffer: &mut Vec<u8>, told: &[u8]) {
    buffer.extend_from_slice(&TOLD);
    append(buffer, told);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn words_read_back_as_written() {
        let mut wire = Vec::new();
        append(&mut wire, b"hello");
        wire.extend_from_slice(&PING);
        wire.extend_from_slice(&PONG);
        append_told(&mut wire, b"here");
        wire.extend_from_slice(&GOODBYE);
        let mut reader = wire.as_slice();
        assert_eq!(read(&mut reader).await.expect("a frame"), Word::Frame(b"hello".to_vec()));
        assert_eq!(read(&mut reader).await.expect("a ping"), Word::Ping);
        assert_eq!(read(&mut reader).await.expect("a pong"), Word::Pong);
        assert_eq!(read(&mut reader).await.expect("a place"), Word::Told(b"here".to_vec()));
        assert_eq!(read(&mut reader).await.expect("a goodbye"), Word::Goodbye);
        assert!(matches!(read(&mut reader).await, Err(Broken::Ended)));
    }

    #[tokio::test]
    async fn a_length_beyond_the_bound_is_refused_before_it_costs_anything() {
        let wire = (FRAME_BYTES_MAX as u32 + 1).to_be_bytes();
        assert!(matches!(read(&mut wire.as_slice()).await, Err(Broken::TooLong(_))));
        let mut wire = TOLD.to_vec();
        wire.extend_from_slice(&(TOLD_BYTES_MAX as u32 + 1).to_be_bytes());
        assert!(matches!(read(&mut wire.as_slice()).await, Err(Broken::TooLong(_))));
    }

    #[tokio::test]
    async fn a_frame_cut_short_is_no_frame() {
        let mut wire = Vec::new();
        append(&mut wire, b"hello");
        wire.pop();
        assert!(matches!(read(&mut wire.as_slice()).await, Err(Broken::Ended)));
    }
}
