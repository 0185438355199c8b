//! What etcd serves and this version does not: a call answers `Unimplemented` with a sentence.

use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::Stream;
use tonic::{Response, Status};

use crate::ApiError;

/// Answers a streaming call that is not served.
pub(crate) fn stream<T>(sentence: &'static str) -> Result<Response<NoStream<T>>, Status> {
    Err(ApiError::Unserved(sentence).into())
}

/// The stream of a call that is not served: there never is one.
pub(crate) struct NoStream<T>(std::convert::Infallible, PhantomData<fn() -> T>);

impl<T> Stream for NoStream<T> {
    type Item = Result<T, Status>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.0 {}
    }
}
