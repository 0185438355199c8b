//! Streams and calls in the background: what goes on while a case does something else.

use std::time::Duration;

use prost_reflect::{DynamicMessage, MethodDescriptor};
use tokio::{
    sync::mpsc::{self, Receiver, Sender},
    time::timeout,
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Status, Streaming, client::Grpc, transport::Channel};

use crate::wire::{self, Messages};

/// Messages that may wait in each direction. Cases send a handful and read what they caused.
const WAITING_MAX: usize = 4096;

/// Largest answer accepted, in bytes: a page of keys or a large transaction.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// A stream that is open.
#[derive(Debug)]
pub(crate) struct Stream {
    /// Its method.
    pub(crate) method: MethodDescriptor,
    /// What was received while something else was waited for.
    pub(crate) held: Vec<DynamicMessage>,
    requests: Option<Sender<DynamicMessage>>,
    answers: Receiver<Result<DynamicMessage, Status>>,
}

impl Stream {
    /// Opens a stream. etcd answers with the first message only, so this does not wait.
    pub(crate) fn open(channel: Channel, method: MethodDescriptor, request: Request<()>) -> Self {
        let (requests, waiting) = mpsc::channel(WAITING_MAX);
        let (told, answers) = mpsc::channel(WAITING_MAX);
        let request = request.map(|()| ReceiverStream::new(waiting));
        let called = method.clone();
        tokio::spawn(async move {
            match open(channel, &called, request).await {
                Ok(stream) => forward(stream, &told).await,
                Err(status) => drop(told.send(Err(status)).await),
            }
        });
        Self { method, held: Vec::new(), requests: Some(requests), answers }
    }

    /// Sends a message. A method that takes one request only is asked by it at once.
    pub(crate) async fn send(&mut self, message: DynamicMessage) -> Result<(), String> {
        let requests = self.requests.as_ref().ok_or("the stream is finished")?;
        // It fails when the stream has ended, which is seen in what is received.
        drop(requests.send(message).await);
        if !self.method.is_client_streaming() {
            self.requests = None;
        }
        Ok(())
    }

    /// The next message; none at the end of the stream.
    pub(crate) async fn receive(&mut self) -> Result<Option<Result<DynamicMessage, Status>>, String> {
        let bound = Duration::from_secs(harness::ANSWER_SECONDS_MAX);
        timeout(bound, self.answers.recv()).await.map_err(|_| "nothing is received".to_owned())
    }

    /// A message within so many milliseconds, if one comes.
    pub(crate) async fn receive_within(&mut self, milliseconds: u64) -> Option<Result<DynamicMessage, Status>> {
        timeout(Duration::from_millis(milliseconds), self.answers.recv()).await.ok().flatten()
    }

    /// Tells the server that no more requests come.
    pub(crate) fn finish(&mut self) {
        self.requests = None;
    }
}

async fn forward(mut stream: Streaming<DynamicMessage>, told: &Sender<Result<DynamicMessage, Status>>) {
    while let Some(answer) = stream.message().await.transpose() {
        let last = answer.is_err();
        if told.send(answer).await.is_err() || last {
            return;
        }
    }
}

async fn open(
    channel: Channel,
    method: &MethodDescriptor,
    request: Request<ReceiverStream<DynamicMessage>>,
) -> Result<Streaming<DynamicMessage>, Status> {
    let mut grpc = ready(channel).await?;
    grpc.streaming(request, wire::path(method), Messages::of(method)).await.map(tonic::Response::into_inner)
}

async fn ready(channel: Channel) -> Result<Grpc<Channel>, Status> {
    let mut grpc = Grpc::new(channel).max_decoding_message_size(ANSWER_BYTES_MAX);
    grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    Ok(grpc)
}

/// Asks once, and gives every answer.
pub(crate) async fn call(
    channel: Channel,
    method: &MethodDescriptor,
    request: Request<DynamicMessage>,
) -> Result<Vec<DynamicMessage>, Status> {
    let mut grpc = ready(channel).await?;
    let (path, codec) = (wire::path(method), Messages::of(method));
    if !method.is_server_streaming() {
        return grpc.unary(request, path, codec).await.map(|answer| vec![answer.into_inner()]);
    }
    let mut stream = grpc.server_streaming(request, path, codec).await?.into_inner();
    let mut answers = Vec::new();
    while let Some(answer) = stream.message().await? {
        answers.push(answer);
    }
    Ok(answers)
}
