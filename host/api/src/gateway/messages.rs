//! The messages of a gRPC body, and how the call ended.

use axum::body::Body;
use axum::http::HeaderMap;
use axum::response::Response;
use bytes::{Buf as _, Bytes, BytesMut};
use http_body_util::BodyExt as _;
use tonic::Status;

/// What precedes each message: whether it is compressed, and its length.
pub(crate) const FRAME_HEAD_BYTES: usize = 5;

/// A message as gRPC frames it.
pub(crate) fn framed(message: &[u8]) -> Result<Bytes, Status> {
    let length = u32::try_from(message.len()).map_err(|_| Status::resource_exhausted("grpc: message too large"))?;
    let mut frame = BytesMut::with_capacity(FRAME_HEAD_BYTES + message.len());
    frame.extend_from_slice(&[0]);
    frame.extend_from_slice(&length.to_be_bytes());
    frame.extend_from_slice(message);
    Ok(frame.freeze())
}

/// Reads the answer of a call.
#[derive(Debug)]
pub(crate) struct Messages {
    /// The metadata that came first.
    pub(crate) metadata: HeaderMap,
    body: Body,
    buffer: BytesMut,
}

impl Messages {
    /// Of a response of gRPC.
    ///
    /// # Errors
    /// The call's, when it failed at once.
    pub(crate) fn of(response: Response) -> Result<Self, Status> {
        let (parts, body) = response.into_parts();
        match Status::from_header_map(&parts.headers) {
            Some(status) => Err(status),
            None => Ok(Self { metadata: parts.headers, body, buffer: BytesMut::new() }),
        }
    }

    /// The next message; `None` when the call has ended well.
    ///
    /// # Errors
    /// The call's.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Status> {
        loop {
            if let Some(message) = self.take() {
                return Ok(Some(message));
            }
            let frame = match self.body.frame().await {
                Some(frame) => frame.map_err(|error| Status::internal(error.to_string()))?,
                None => return Err(Status::internal("the call ended without a status")),
            };
            match frame.into_data() {
                Ok(data) => self.buffer.extend_from_slice(&data),
                Err(frame) => {
                    return match frame.into_trailers().ok().and_then(|trailers| Status::from_header_map(&trailers)) {
                        Some(status) if status.code() == tonic::Code::Ok => Ok(None),
                        Some(status) => Err(status),
                        None => Err(Status::internal("the call ended without a status")),
                    };
                }
            }
        }
    }

    fn take(&mut self) -> Option<Bytes> {
        let head = self.buffer.first_chunk::<FRAME_HEAD_BYTES>()?;
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
        if self.buffer.len() < FRAME_HEAD_BYTES + length {
            return None;
        }
        self.buffer.advance(FRAME_HEAD_BYTES);
        Some(self.buffer.split_to(length).freeze())
    }
}
