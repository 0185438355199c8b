//! Bytes on their way, and their SHA-256.

use futures::{Stream, StreamExt as _};
use ring::digest::{Context, SHA256};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

/// Passes on what a stream gives; the SHA-256 of it, in hex.
pub(crate) async fn copy<B: AsRef<[u8]>>(
    mut from: impl Stream<Item = object_store::Result<B>> + Unpin,
    to: &mut (impl AsyncWrite + Unpin),
) -> Result<String, CopyError> {
    let mut digest = Context::new(&SHA256);
    while let Some(piece) = from.next().await {
        let piece = piece.map_err(CopyError::From)?;
        digest.update(piece.as_ref());
        to.write_all(piece.as_ref()).await.map_err(CopyError::To)?;
    }
    Ok(hex::encode(digest.finish()))
}

/// On which side it failed.
pub(crate) enum CopyError {
    From(object_store::Error),
    To(std::io::Error),
}
