//! From an HTTP request to a call of a service in this process.

use std::io;

use axum::body::Body;
use axum::extract::Request;
use bytes::Bytes;
use futures::Stream;
use prost_reflect::{MessageDescriptor, MethodDescriptor};
use tonic::Status;
use tower::ServiceExt as _;

use super::input::Input;
use super::messages::{Messages, framed};
use super::{Gateway, ThroughGateway, decode, metadata};

/// Makes the call.
///
/// # Errors
/// The request cannot be read, or the call failed at once.
pub(crate) async fn make(gateway: Gateway, method: &MethodDescriptor, request: Request) -> Result<Messages, Status> {
    let (parts, body) = request.into_parts();
    let headers = metadata::of_request(&parts.headers)?;
    let mut input = Input::new(body, gateway.json_bytes_max);
    let body = if method.is_client_streaming() {
        Body::from_stream(messages(input, method.input()))
    } else {
        // As in grpc-gateway, no body is an empty message, and what comes after the first value does not count.
        let message = input.next().await?.map(|json| decoded(&json, &method.input())).transpose()?;
        Body::from(framed(&message.unwrap_or_default())?)
    };
    let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
    let mut call = Request::post(path).body(body).map_err(|error| Status::internal(error.to_string()))?;
    *call.headers_mut() = headers;
    *call.extensions_mut() = parts.extensions;
    call.extensions_mut().insert(ThroughGateway);
    let Ok(response) = gateway.services.oneshot(call).await;
    Messages::of(response)
}

fn decoded(json: &[u8], shape: &MessageDescriptor) -> Result<Vec<u8>, Status> {
    decode::decode(json, shape).map_err(|error| Status::invalid_argument(error.to_string()))
}

/// The messages of a streaming call. As in grpc-gateway, one that cannot be read ends the stream without a word.
fn messages(input: Input, shape: MessageDescriptor) -> impl Stream<Item = Result<Bytes, io::Error>> {
    futures::stream::unfold((input, shape), async |(mut input, shape)| {
        let json = match input.next().await {
            Ok(json) => json?,
            Err(error) => {
                tracing::debug!(%error, "a stream of requests through the gateway ended");
                return None;
            }
        };
        let frame = decoded(&json, &shape).and_then(|message| framed(&message));
        let frame = frame.inspect_err(|error| tracing::debug!(%error, "a request through the gateway was not read"));
        Some((Ok(frame.ok()?), (input, shape)))
    })
}
