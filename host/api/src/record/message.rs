//! The message of a unary request, read before its handler reads it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use axum::body::Body;
use axum::extract::Request;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use prost_reflect::{DynamicMessage, Value};
use ring::digest;
use tonic::Status;

use super::shown;
use crate::class::Method;
use crate::doors::ADMIN_MESSAGE_BYTES_MAX;
use crate::gateway::described_method;

/// Bytes before a message: whether it is compressed, and its length.
const HEAD_BYTES: usize = 5;

/// A message as it came. What cannot be read is left for the handler to refuse.
pub(crate) struct Message {
    fields: Option<DynamicMessage>,
    bytes: Bytes,
}

/// Reads the whole request, which goes on as it came.
///
/// # Errors
/// It is longer than any message may be, or ends too early.
pub(crate) async fn split(method: Method, request: Request) -> Result<(Message, Request), Status> {
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, ADMIN_MESSAGE_BYTES_MAX + HEAD_BYTES).collect().await;
    let body =
        body.map_err(|error| Status::resource_exhausted(format!("grpc: the message cannot be received: {error}")))?;
    let bytes = body.to_bytes();
    Ok((Message::read(method, &bytes), Request::from_parts(parts, Body::from(bytes))))
}

impl Message {
    fn read(method: Method, framed: &Bytes) -> Self {
        let shape = described_method(method.service, method.name).map(|method| method.input());
        let whole = framed.first() == Some(&0) && framed.len() >= HEAD_BYTES;
        let read = shape.filter(|_| whole).map(|shape| DynamicMessage::decode(shape, framed.slice(HEAD_BYTES..)));
        Self { fields: read.and_then(Result::ok), bytes: framed.clone() }
    }

    /// What may be recorded of it.
    pub(crate) fn shown(&self, method: Method) -> BTreeMap<String, String> {
        self.fields.as_ref().map(|message| shown::of(method, message)).unwrap_or_default()
    }

    /// The number of an enumeration, zero for the one that goes without saying.
    pub(crate) fn number(&self, field: &str) -> i32 {
        self.field(field).and_then(|value| value.as_enum_number()).unwrap_or_default()
    }

    /// Whether a switch is on.
    pub(crate) fn is_on(&self, field: &str) -> bool {
        self.field(field).and_then(|value| value.as_bool()).unwrap_or_default()
    }

    /// SHA-256 of the message, in hexadecimal.
    pub(crate) fn digest(&self) -> String {
        hex::encode(digest::digest(&digest::SHA256, &self.bytes))
    }

    fn field(&self, name: &str) -> Option<Cow<'_, Value>> {
        self.fields.as_ref()?.get_field_by_name(name)
    }
}
