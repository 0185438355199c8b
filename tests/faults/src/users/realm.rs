//! A server with users, and calls of any kind to it.

use std::{env, time::Duration};

use harness::{Kind, Program, Server};
use prost::Message;
use proto::{
    authpb::{Permission, UserAddOptions},
    etcdserverpb::{self as pb, auth_client::AuthClient},
};
use tokio::time::timeout;
use tonic::{
    Code, Request, Status,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    metadata::MetadataValue,
    transport::Channel,
};

/// Longest wait for an answer.
pub(super) const WAIT: Duration = Duration::from_secs(harness::ANSWER_SECONDS_MAX);

/// Messages as bytes, so that one function can make every call.
#[derive(Clone, Copy, Default)]
struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        bytes::BufMut::put_slice(buffer, &item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        let length = bytes::Buf::remaining(buffer);
        Ok(Some(bytes::Buf::copy_to_bytes(buffer, length).to_vec()))
    }
}

/// The first message of the answer to a call of any kind.
pub(super) async fn call(
    channel: &Channel,
    path: &str,
    message: Vec<u8>,
    token: Option<&str>,
) -> Result<Vec<u8>, Status> {
    let mut grpc = Grpc::new(channel.clone()).max_decoding_message_size(usize::MAX);
    grpc.ready().await.expect("the server is there");
    let mut request = Request::new(futures::stream::iter([message]));
    if let Some(token) = token {
        request.metadata_mut().insert("token", MetadataValue::try_from(token).expect("a token is text"));
    }
    let answer = async {
        let answer = grpc.streaming(request, path.parse().expect("a path"), Raw).await?;
        answer.into_inner().message().await.map(Option::unwrap_or_default)
    };
    timeout(WAIT, answer).await.unwrap_or_else(|_| panic!("{path} does not answer"))
}

/// Strongroom, or the etcd that the expectations come from, without TLS.
pub(super) async fn subject(flags: &[&str]) -> Server {
    let is_etcd = env::var("STRONGROOM_SUBJECT").is_ok_and(|name| name == "etcd");
    let program = if is_etcd { Program::Etcd } else { Program::Strongroom };
    let flags = flags.iter().map(ToString::to_string).collect();
    Server::new(Kind::Member { program, tls: None, flags }).await
}

/// A server with users on, and the tokens of some of them.
pub(super) struct Realm {
    pub(super) server: Server,
    pub(super) channel: Channel,
    pub(super) root: String,
}

pub(super) const PASSWORD: &str = "correct horse";

impl Realm {
    /// `outsider` may nothing, `reader` may read and `writer` may write what begins with `k`.
    pub(super) async fn new() -> Self {
        let server = subject(&["--bcrypt-cost=4"]).await;
        let channel = harness::connect(server.ports().client, None).await.expect("it takes connections");
        let realm = Self { server, channel, root: String::new() };
        realm.add_user("root", "root").await;
        for (user, role, kind) in
            [("outsider", "none", None), ("reader", "reading", Some(0)), ("writer", "writing", Some(1))]
        {
            realm.ok("Auth/RoleAdd", pb::AuthRoleAddRequest { name: role.into() }).await;
            if let Some(perm_type) = kind {
                let perm = Some(Permission { perm_type, key: "k".into(), range_end: "l".into() });
                realm
                    .ok("Auth/RoleGrantPermission", pb::AuthRoleGrantPermissionRequest { name: role.into(), perm })
                    .await;
            }
            realm.add_user(user, role).await;
        }
        realm.ok("Auth/AuthEnable", pb::AuthEnableRequest {}).await;
        let root = realm.token("root").await;
        Self { root, ..realm }
    }

    pub(super) async fn add_user(&self, name: &str, role: &str) {
        let (name, password) = (name.to_owned(), PASSWORD.to_owned());
        let options = Some(UserAddOptions { no_password: false });
        let add = pb::AuthUserAddRequest { name: name.clone(), password, options, hashed_password: String::new() };
        self.ok("Auth/UserAdd", add).await;
        self.ok("Auth/UserGrantRole", pb::AuthUserGrantRoleRequest { user: name, role: role.into() }).await;
    }

    pub(super) async fn token(&self, name: &str) -> String {
        self.authenticate(name, PASSWORD).await.expect("the password is right")
    }

    pub(super) async fn authenticate(&self, name: &str, password: &str) -> Result<String, Status> {
        let request = pb::AuthenticateRequest { name: name.into(), password: password.into() };
        let answer = AuthClient::new(self.channel.clone()).authenticate(request).await?;
        Ok(answer.into_inner().token)
    }

    /// A call as root, or as anybody while users are off.
    pub(super) async fn ok(&self, method: &str, message: impl Message) {
        let token = Some(self.root.as_str()).filter(|token| !token.is_empty());
        let answer = self.call(method, &message, token).await;
        assert!(answer.is_ok(), "{method}: {answer:?}");
    }

    pub(super) async fn call(
        &self,
        method: &str,
        message: &impl Message,
        token: Option<&str>,
    ) -> Result<Vec<u8>, Status> {
        call(&self.channel, &path(method), message.encode_to_vec(), token).await
    }

    /// Code and text of a refusal.
    pub(super) async fn refusal(&self, method: &str, message: impl Message, token: &str) -> (Code, String) {
        let status = self.call(method, &message, Some(token)).await.expect_err("it is refused");
        (status.code(), status.message().to_owned())
    }
}

pub(super) fn path(method: &str) -> String {
    match method.split_once('/') {
        Some(("Lock", _)) => format!("/v3lockpb.{method}"),
        Some(("Election", _)) => format!("/v3electionpb.{method}"),
        _ => format!("/etcdserverpb.{method}"),
    }
}
