//! What a request shows to prove which user it is from.

use auth::{Caller, Credential, Token};
use axum::extract::Request;
use axum::http::HeaderMap;
use flow::Member;

use crate::gateway::ThroughGateway;

/// Where tokens are: the first is what etcd's clients send, the second what its JSON gateway and plain HTTP do.
const TOKEN_HEADERS: [&str; 2] = ["token", "authorization"];

/// The mark of etcd's own gateway. A request with it comes over a connection whose certificate is a gateway's, and
/// says nothing of the user behind it (GHSA-528j-9r78-wffx).
const GATEWAY_HEADER: &str = "grpcgateway-accept";

/// The caller of a request with what counts of its credentials: a token before the common name of its certificate.
pub(crate) fn caller(request: &Request, common_name_counts: bool) -> Caller {
    let caller = request.extensions().get::<Caller>().cloned().unwrap_or_else(|| Caller::anonymous(None));
    match token(request.headers()) {
        Some(token) => caller.with_token(token),
        None if common_name_counts && !came_through_gateway(request) => caller.by_common_name(),
        None => caller,
    }
}

/// Before the gate: a token that another member gave a moment ago is waited for.
pub(crate) async fn look_up(member: &Member, headers: &HeaderMap) {
    if let Some(token) = token(headers) {
        Box::pin(member.look_up(&token)).await;
    }
}

/// Whether it shows a token, good or not.
pub(crate) fn shows_token(caller: &Caller) -> bool {
    matches!(caller.credential(), Credential::Token(_))
}

/// Bytes that are no text are a token that nobody has.
fn token(headers: &HeaderMap) -> Option<Token> {
    let value = TOKEN_HEADERS.iter().find_map(|name| headers.get(*name))?;
    Some(Token::from_header(value.to_str().unwrap_or_default()))
}

fn came_through_gateway(request: &Request) -> bool {
    request.extensions().get::<ThroughGateway>().is_some() || request.headers().contains_key(GATEWAY_HEADER)
}

#[cfg(test)]
mod tests {
    use auth::Identity;
    use axum::body::Body;
    use rcgen::{CertificateParams, DnType, KeyPair};

    use super::*;

    fn request(headers: &[(&'static str, &str)]) -> Request {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "jane");
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        let mut request = Request::new(Body::empty());
        request.extensions_mut().insert(Caller::certified(Identity::from_der(certificate.der()).unwrap(), None));
        for (name, value) in headers {
            request.headers_mut().append(*name, value.parse().unwrap());
        }
        request
    }

    fn shown(headers: &[(&'static str, &str)], common_name_counts: bool) -> String {
        match caller(&request(headers), common_name_counts).credential() {
            Credential::None => "nothing".to_owned(),
            Credential::CommonName => "common name".to_owned(),
            Credential::Official => "administrator".to_owned(),
            Credential::Token(token) => token.reveal().to_owned(),
        }
    }

    #[test]
    fn a_token_counts_before_a_common_name() {
        assert_eq!(shown(&[("token", "a.1")], true), "a.1");
        assert_eq!(shown(&[("authorization", "Bearer a.1")], true), "a.1");
        assert_eq!(shown(&[("authorization", "b.2"), ("token", "a.1")], true), "a.1");
        assert_eq!(shown(&[("token", "a.1"), ("token", "b.2")], true), "a.1");
        assert_eq!(shown(&[], true), "common name");
        assert_eq!(shown(&[], false), "nothing");
    }

    #[test]
    fn a_gateways_certificate_says_nothing_of_the_user() {
        assert_eq!(shown(&[("grpcgateway-accept", "*/*")], true), "nothing");
        assert_eq!(shown(&[("grpcgateway-accept", "*/*"), ("token", "a.1")], true), "a.1");
    }

    #[test]
    fn without_a_certificate_there_is_no_common_name() {
        let request = Request::new(Body::empty());
        assert!(matches!(caller(&request, true).credential(), Credential::None));
    }
}
