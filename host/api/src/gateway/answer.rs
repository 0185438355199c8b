//! From the answer of a call to an HTTP response.

use std::convert::Infallible;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use prost_reflect::MessageDescriptor;
use tonic::{Code, Status};

use super::encode::{Escapes, Unreadable, encode, text};
use super::messages::Messages;
use crate::status;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// The answer of a call with one.
pub(crate) async fn single(mut messages: Messages, shape: &MessageDescriptor) -> Response {
    match message(&mut messages, shape).await {
        Ok(json) => (success(&messages), json).into_response(),
        Err(status) => refusal(&status),
    }
}

async fn message(messages: &mut Messages, shape: &MessageDescriptor) -> Result<String, Status> {
    let message = messages.next().await?.ok_or_else(|| Status::internal("the call ended without an answer"))?;
    // The status comes after the message, and is what counts.
    while messages.next().await?.is_some() {}
    let mut json = String::with_capacity(message.len() * 2);
    encode(&message, shape, Escapes::Plain, &mut json).map_err(unreadable)?;
    Ok(json)
}

/// The answers of a call with many, a line each.
pub(crate) async fn stream(mut messages: Messages, shape: MessageDescriptor) -> Response {
    match messages.next().await {
        Ok(Some(first)) => {
            let headers = success(&messages);
            let lines = futures::stream::once(async move { Ok(first) }).chain(rest(messages));
            let lines = lines.map(move |message| Ok::<_, Infallible>(line(&message, &shape)));
            (headers, Body::from_stream(lines)).into_response()
        }
        Ok(None) => Body::from_stream(futures::stream::empty::<Result<Bytes, Infallible>>()).into_response(),
        Err(status) => stream_refusal(&status),
    }
}

/// What is left, with the error that ended it.
fn rest(messages: Messages) -> impl Stream<Item = Result<Bytes, Status>> {
    futures::stream::unfold(Some(messages), async |messages| {
        let mut messages = messages?;
        match messages.next().await {
            Ok(message) => Some((Ok(message?), Some(messages))),
            Err(status) => Some((Err(status), None)),
        }
    })
}

fn line(message: &Result<Bytes, Status>, shape: &MessageDescriptor) -> String {
    let result = message.as_ref().map_err(Status::clone).and_then(|message| {
        let mut json = String::with_capacity(message.len() * 2 + 12);
        json.push_str("{\"result\":");
        encode(message, shape, Escapes::Html, &mut json).map_err(unreadable)?;
        Ok(json)
    });
    let mut line = result.unwrap_or_else(|status| format!("{{\"error\":{}", error(&status, Escapes::Html)));
    line.push_str("}\n");
    line
}

/// The answer to a call that failed.
pub(crate) fn refusal(status: &Status) -> Response {
    (status::http(status.code()), failure(status), error(status, Escapes::Plain)).into_response()
}

/// The answer to a call with many answers that failed before the first.
pub(crate) fn stream_refusal(status: &Status) -> Response {
    let line = format!("{{\"error\":{}}}\n", error(status, Escapes::Html));
    (status::http(status.code()), [(header::CONTENT_TYPE, JSON)], line).into_response()
}

/// With metadata that only Strongroom sends: of what etcd sends, grpc-gateway shows the type alone.
fn success(messages: &Messages) -> HeaderMap {
    let content_type = HeaderName::from_static("grpc-metadata-content-type");
    let mut headers = HeaderMap::from_iter([
        (header::CONTENT_TYPE, JSON),
        (content_type, HeaderValue::from_static("application/grpc")),
    ]);
    for (name, value) in messages.metadata.iter().filter(|(name, _)| name.as_str().starts_with("strongroom-")) {
        if let Ok(name) = HeaderName::try_from(format!("{}{name}", super::metadata::PREFIX)) {
            headers.append(name, value.clone());
        }
    }
    headers
}

fn failure(status: &Status) -> HeaderMap {
    let mut headers = HeaderMap::from_iter([(header::CONTENT_TYPE, JSON)]);
    if status.code() == Code::Unauthenticated
        && let Ok(message) = HeaderValue::from_str(status.message())
    {
        headers.insert(header::WWW_AUTHENTICATE, message);
    }
    headers
}

fn error(status: &Status, escapes: Escapes) -> String {
    let mut json = format!("{{\"code\":{}", i32::from(status.code()));
    if !status.message().is_empty() {
        json.push_str(",\"message\":");
        text(status.message(), escapes, &mut json);
    }
    json.push('}');
    json
}

fn unreadable(error: Unreadable) -> Status {
    tracing::error!(%error, "a service's answer is no message of its own kind");
    Status::internal(error.to_string())
}

#[cfg(test)]
#[path = "answer_tests.rs"]
mod tests;
