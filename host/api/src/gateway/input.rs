//! The JSON values of a request's body, one after another.

use axum::body::Body;
use bytes::{Buf as _, BytesMut};
use http_body_util::BodyExt as _;
use tonic::Status;

use super::json::scanner::{Scanner, Step};

/// Reads values as they come.
#[derive(Debug)]
pub(crate) struct Input {
    body: Body,
    buffer: BytesMut,
    /// Largest value.
    bytes_max: usize,
}

impl Input {
    /// The values of `body`, of at most `bytes_max` each.
    pub(crate) fn new(body: Body, bytes_max: usize) -> Self {
        Self { body, buffer: BytesMut::new(), bytes_max }
    }

    /// The next value, without the space around it; `None` when there is no more.
    ///
    /// # Errors
    /// It is no JSON, is cut off or is too large. Nothing can be read after that.
    pub(crate) async fn next(&mut self) -> Result<Option<BytesMut>, Status> {
        let mut scanner = Scanner::new();
        let mut scanned = 0;
        loop {
            while let Some(byte) = self.buffer.get(scanned) {
                match scanner.step(*byte).map_err(|error| Status::invalid_argument(error.to_string()))? {
                    Step::More if !scanner.has_started() => self.buffer.advance(1),
                    Step::More => scanned += 1,
                    Step::Ended => return Ok(Some(self.buffer.split_to(scanned + 1))),
                    Step::EndedBefore => return Ok(Some(self.buffer.split_to(scanned))),
                }
            }
            let bytes = self.buffer.len();
            if bytes > self.bytes_max {
                let text = format!("grpc: received message larger than max ({bytes} vs. {})", self.bytes_max);
                return Err(Status::resource_exhausted(text));
            }
            match self.body.frame().await {
                Some(Ok(frame)) => {
                    let Ok(data) = frame.into_data() else { continue };
                    self.buffer.extend_from_slice(&data);
                }
                Some(Err(error)) => return Err(Status::invalid_argument(error.to_string())),
                None if !scanner.has_started() => return Ok(None),
                None if scanner.is_whole() => return Ok(Some(self.buffer.split())),
                None => return Err(Status::invalid_argument("unexpected EOF")),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use tonic::Code;

    const BYTES_MAX: usize = 1000;

    /// An input whose body comes in the given pieces.
    fn input(pieces: &[&'static str]) -> Input {
        let pieces: Vec<_> =
            pieces.iter().map(|piece| Ok::<_, std::io::Error>(Bytes::from_static(piece.as_bytes()))).collect();
        Input::new(Body::from_stream(futures::stream::iter(pieces)), BYTES_MAX)
    }

    #[tokio::test]
    async fn values_are_cut_wherever_the_pieces_end() {
        let mut input = input(&[" {\"a", "\":\"}\"}", "{}12 ", "\n[", "]7"]);
        for expected in ["{\"a\":\"}\"}", "{}", "12", "[]", "7"] {
            assert_eq!(input.next().await.unwrap().unwrap(), expected.as_bytes());
        }
        assert!(input.next().await.unwrap().is_none());
    }

    #[tokio::test]
    async fn what_is_cut_off_or_too_large_is_refused() {
        assert_eq!(input(&["{\"key\":"]).next().await.unwrap_err().message(), "unexpected EOF");
        let flood = Body::from(format!("\"{}", "a".repeat(BYTES_MAX)));
        assert_eq!(Input::new(flood, BYTES_MAX).next().await.unwrap_err().code(), Code::ResourceExhausted);
        let spaces = Body::from(format!("{}{{}}", " ".repeat(BYTES_MAX * 2)));
        assert_eq!(Input::new(spaces, BYTES_MAX).next().await.unwrap().unwrap(), b"{}"[..]);
    }
}
