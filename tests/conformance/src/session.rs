//! One server, and a case's conversation with it.

use std::{collections::HashMap, str::FromStr as _, time::Duration};

use harness::{Certificates, Kind, Program, Server};
use prost_reflect::{DynamicMessage, MethodDescriptor};
use serde_json::Value;
use tokio::{task::JoinHandle, time::timeout};
use tonic::{
    Request, Status,
    metadata::{MetadataKey, MetadataValue},
    transport::Channel,
};

use crate::{
    authority::{Authority, SOMEBODY},
    case::{Case, Step},
    coverage::Coverage,
    expect::Names,
    mask::Masks,
    message,
    outcome::Outcome,
    stream::{Stream, call},
    wire,
};

/// A call that goes on in the background.
pub(crate) type Call = JoinHandle<Result<Vec<DynamicMessage>, Status>>;

/// A server with everything that is open to it.
#[derive(Debug)]
pub(crate) struct Session<'a> {
    /// The server.
    pub(crate) server: Server,
    /// What the case's names stand for here.
    pub(crate) names: Names,
    /// What this server's ids are called.
    pub(crate) masks: Masks,
    /// What was sent and answered.
    pub(crate) coverage: Coverage,
    authority: &'a Authority,
    tls: bool,
    channels: HashMap<String, Channel>,
    pub(crate) streams: HashMap<String, Stream>,
    pub(crate) calls: HashMap<String, (MethodDescriptor, Call)>,
}

impl<'a> Session<'a> {
    /// Starts a server for a case.
    pub(crate) async fn start(program: Program, case: &Case, authority: &'a Authority) -> Self {
        let tls = case.tls.then(|| authority.tls());
        let server = Server::new(Kind::Member { program, tls, flags: case.flags.clone() }).await;
        let ports = server.ports();
        let addresses = [("<client>", ports.client), ("<peer>", ports.peer)];
        let addresses = addresses.map(|(name, port)| (format!("127.0.0.1:{port}"), name.to_owned())).to_vec();
        Self {
            names: Names::new(),
            masks: Masks::new(addresses),
            coverage: Coverage::default(),
            authority,
            tls: case.tls,
            channels: HashMap::new(),
            streams: HashMap::new(),
            calls: HashMap::new(),
            server,
        }
    }

    /// Ends every connection.
    pub(crate) fn disconnect(&mut self) {
        self.channels.clear();
        self.streams.clear();
        self.calls.clear();
    }

    /// The certificate that a step shows.
    pub(crate) fn certificates(&self, step: &Step) -> Option<Certificates> {
        let name = step.options.certificate.as_deref().unwrap_or(SOMEBODY);
        self.tls.then(|| self.authority.client(name))
    }

    async fn channel(&mut self, step: &Step) -> Result<Channel, String> {
        let name = step.options.certificate.clone().unwrap_or_default();
        if let Some(channel) = self.channels.get(&name) {
            return Ok(channel.clone());
        }
        let files = self.certificates(step);
        let channel = harness::connect(self.server.ports().client, files.as_ref()).await;
        let channel = channel.map_err(|error| format!("it takes no connection: {error}"))?;
        self.channels.insert(name, channel.clone());
        Ok(channel)
    }

    fn request<T>(&self, step: &Step, message: T) -> Result<Request<T>, String> {
        let mut request = Request::new(message);
        let mut metadata: Vec<_> =
            step.options.metadata.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        if let Some(name) = &step.options.token {
            let token = self.names.get(name).ok_or_else(|| format!("{name} has no token yet"))?;
            metadata.push(("token".to_owned(), token.clone()));
        }
        for (name, value) in metadata {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let key = MetadataKey::from_str(&name).map_err(|error| format!("{name}: {error}"))?;
            request
                .metadata_mut()
                .insert(key, MetadataValue::from_str(&text).map_err(|error| format!("{name}: {error}"))?);
        }
        Ok(request)
    }

    fn message(&mut self, method: &MethodDescriptor, value: &Value) -> Result<DynamicMessage, String> {
        let message = message::build(&method.input(), value)?;
        self.coverage.sent(method, &message);
        Ok(message)
    }

    /// Calls a method and waits for what comes of it.
    pub(crate) async fn call(&mut self, step: &Step) -> Result<Outcome, String> {
        let (method, call) = self.called(step, &step.action, &step.argument).await?;
        let answers = self.answered(call).await?;
        Ok(self.outcome(&method, answers))
    }

    /// Calls a method in the background.
    pub(crate) async fn call_apart(&mut self, step: &Step) -> Result<(), String> {
        let (name, inner) = step.named()?;
        let (action, argument) =
            inner.as_object().and_then(|fields| fields.iter().next()).ok_or("what is started is a call")?;
        let call = self.called(step, action, argument).await?;
        self.calls.insert(name.to_owned(), call);
        Ok(())
    }

    async fn called(&mut self, step: &Step, name: &str, argument: &Value) -> Result<(MethodDescriptor, Call), String> {
        let method = wire::method(name)?;
        let message = self.message(&method, argument)?;
        let request = self.request(step, message)?;
        let channel = self.channel(step).await?;
        let called = method.clone();
        Ok((method, tokio::spawn(async move { call(channel, &called, request).await })))
    }

    /// Waits for a call.
    pub(crate) async fn answered(&self, call: Call) -> Result<Result<Vec<DynamicMessage>, Status>, String> {
        let bound = Duration::from_secs(harness::ANSWER_SECONDS_MAX);
        let answers = timeout(bound, call).await.map_err(|_| "it does not answer".to_owned())?;
        answers.map_err(|error| error.to_string())
    }

    /// What a call came to: a message, or the list of all when the method streams them.
    pub(crate) fn outcome(
        &mut self,
        method: &MethodDescriptor,
        answers: Result<Vec<DynamicMessage>, Status>,
    ) -> Outcome {
        match answers {
            Ok(messages) => {
                messages.iter().for_each(|message| self.coverage.answered(message));
                match messages.as_slice() {
                    [message] if !method.is_server_streaming() => Outcome::message(message, &mut self.masks),
                    all => Outcome::messages(all, &mut self.masks),
                }
            }
            Err(status) => self.refused(&status),
        }
    }

    /// What a refusal came to.
    pub(crate) fn refused(&mut self, status: &Status) -> Outcome {
        Outcome::error(status, &self.masks)
    }

    /// Opens a stream.
    pub(crate) async fn open(&mut self, step: &Step) -> Result<(), String> {
        let (name, method) = step.named()?;
        let method = wire::method(method.as_str().ok_or("a stream is opened on a method")?)?;
        let request = self.request(step, ())?;
        let channel = self.channel(step).await?;
        self.streams.insert(name.to_owned(), Stream::open(channel, method, request));
        Ok(())
    }

    /// Sends on a stream.
    pub(crate) async fn send(&mut self, step: &Step) -> Result<(), String> {
        let (name, value) = step.named()?;
        let method = self.stream(name)?.method.clone();
        let message = self.message(&method, value)?;
        self.stream(name)?.send(message).await
    }

    /// An open stream.
    pub(crate) fn stream(&mut self, name: &str) -> Result<&mut Stream, String> {
        self.streams.get_mut(name).ok_or_else(|| format!("no stream is called {name}"))
    }
}
