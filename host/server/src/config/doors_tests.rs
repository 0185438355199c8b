//! What `strongroom serve` makes of the flags of listeners and TLS.

use super::remark::Remark;
use super::resolve_tests::{problems, with};
use super::{AllowedNames, TlsRules};

/// A client listener with TLS.
const HTTPS: [(&str, &str); 4] = [
    ("listen-client-urls", "https://127.0.0.1:2379"),
    ("advertise-client-urls", "https://127.0.0.1:2379"),
    ("cert-file", "c"),
    ("key-file", "k"),
];

fn https(more: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    [&HTTPS[..], more].concat()
}

#[test]
fn there_is_somewhere_to_listen_and_to_be_found() {
    for flag in ["listen-client-urls", "listen-peer-urls", "advertise-client-urls", "initial-advertise-peer-urls"] {
        for value in ["", ",", " "] {
            let text = problems(&[(flag, value)]);
            assert!(
                text.contains(&format!("--{flag} is {value:?}, which is not a list of at least one URL")),
                "{text}"
            );
        }
    }
    assert!(problems(&[("listen-client-urls", "http://127.0.0.1:1")]).contains("--advertise-client-urls is required"));
    assert!(problems(&[("listen-peer-urls", "http://db.example:1")]).contains("needs an IP address"));
}

#[test]
fn https_needs_a_certificate_and_http_takes_none() {
    let text = problems(&[HTTPS[0], HTTPS[1], ("client-cert-auth", "true")]);
    for name in ["--cert-file", "--key-file", "--trusted-ca-file"] {
        assert!(text.contains(&format!("{name} is required")), "{text}");
    }
    let text = problems(&[("cert-file", "c.pem"), ("client-cert-auth", "true"), ("client-crl-file", "l")]);
    assert!(text.contains("--cert-file is given, but no URL of its listener is https"), "{text}");
    assert!(text.contains("--client-cert-auth is given") && text.contains("--client-crl-file is given"), "{text}");
}

#[test]
fn members_over_https_are_known_by_an_authority() {
    let flags = |more: &[(&'static str, &'static str)]| {
        let cluster = "default=https://127.0.0.1:2380,b=https://10.0.0.2:2380";
        let common = [
            ("listen-peer-urls", "https://127.0.0.1:2380"),
            ("initial-advertise-peer-urls", "https://127.0.0.1:2380"),
            ("initial-cluster", cluster),
        ];
        [&common[..], more].concat()
    };
    let files = [("peer-cert-file", "c"), ("peer-key-file", "k")];
    assert!(
        problems(&flags(&files)).contains("--peer-trusted-ca-file is required when --initial-cluster has an https")
    );
    with(&flags(&[("peer-auto-tls", "true")])).unwrap();
    let with_authority = [files[0], files[1], ("peer-trusted-ca-file", "a")];
    let dialling = |flags: &[(&'static str, &'static str)]| with(flags).unwrap().peer.tls.unwrap().dialling;
    assert_eq!(dialling(&flags(&with_authority)), None);
    let shown = [("peer-client-cert-file", "d"), ("peer-client-key-file", "e")];
    assert_eq!(dialling(&flags(&[&with_authority[..], &shown].concat())), Some(("d".into(), "e".into())));
    let half = flags(&[&with_authority[..], &shown[..1]].concat());
    assert!(problems(&half).contains("--peer-client-key-file is required"));
    let plain = problems(&[("initial-cluster", "default=http://localhost:2380,b=https://10.0.0.2:2380")]);
    assert!(plain.contains("--listen-peer-urls"), "{plain}");
}

#[test]
fn a_plain_listener_beside_one_with_certificates_is_named() {
    let flags = [
        ("listen-client-urls", "https://127.0.0.1:2379,http://127.0.0.1:2378"),
        ("advertise-client-urls", "https://127.0.0.1:2379"),
        ("cert-file", "c"),
        ("key-file", "k"),
        ("client-cert-auth", "true"),
        ("trusted-ca-file", "a"),
    ];
    let remark = Remark::PlainListener { url: "http://127.0.0.1:2378".into(), flag: "--listen-client-urls" };
    assert_eq!(with(&flags).unwrap().remarks, [remark]);
}

#[test]
fn a_trusted_authority_alone_demands_client_certificates() {
    let config = with(&[
        ("listen-peer-urls", "https://127.0.0.1:2380"),
        ("peer-cert-file", "c"),
        ("peer-key-file", "k"),
        ("peer-trusted-ca-file", "a"),
    ])
    .unwrap();
    assert_eq!(config.peer.tls.unwrap().client_authority.unwrap(), std::path::Path::new("a"));
}

#[test]
fn a_certificate_of_its_own_making_lies_in_the_data_directory() {
    let flags = [HTTPS[0], HTTPS[1], ("auto-tls", "true"), ("data-dir", "d"), ("self-signed-cert-validity", "3")];
    let files = with(&flags).unwrap().client.tls.unwrap();
    assert_eq!(files.certificate, std::path::Path::new("d/fixtures/client/cert.pem"));
    assert_eq!(files.self_signed_years, Some(3));
    let given = with(&https(&[("auto-tls", "true")])).unwrap();
    assert_eq!(given.client.tls.unwrap().certificate, std::path::Path::new("c"));
    assert!(
        matches!(&given.remarks[..], [Remark::Moot { origin, .. }] if origin == "--auto-tls"),
        "{:?}",
        given.remarks
    );
    assert!(problems(&[("auto-tls", "true")]).contains("--auto-tls is given, but no URL of its listener is https"));
}

#[test]
fn names_and_revocations_are_looked_at_where_there_is_an_authority() {
    let named = [("trusted-ca-file", "a"), ("client-cert-allowed-hostname", "x, y"), ("client-crl-file", "l")];
    let files = with(&https(&named)).unwrap().client.tls.unwrap();
    assert_eq!(files.allowed, AllowedNames::Hosts(vec!["x".into(), "y".into()]));
    assert_eq!(files.revoked.unwrap(), std::path::Path::new("l"));
    for flag in &named[1..] {
        assert!(problems(&https(&[*flag])).contains("--trusted-ca-file is required"), "{flag:?}");
    }
    let both = [("peer-cert-allowed-cn", "x"), ("peer-cert-allowed-hostname", "y")];
    assert!(problems(&both).contains("exclude each other"));
}

#[test]
fn tls_is_as_new_and_as_strong_as_asked_for() {
    let rules = |flags: &[(&str, &str)]| with(flags).unwrap().tls;
    assert_eq!(rules(&[]), TlsRules::default());
    assert_eq!(rules(&[("tls-min-version", "TLS1.3")]).versions, [&rustls::version::TLS13]);
    assert_eq!(rules(&[("tls-max-version", "TLS1.2")]).versions, [&rustls::version::TLS12]);
    let named =
        rules(&[("cipher-suites", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305")]);
    let of_tls12: Vec<_> = named.suites.iter().filter(|suite| suite.tls13().is_none()).collect();
    assert_eq!((of_tls12.len(), named.suites.len()), (2, 5), "the three of TLS 1.3 cannot be chosen");
    let weak =
        with(&[("cipher-suites", "TLS_RSA_WITH_AES_128_CBC_SHA,TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256")]).unwrap();
    assert_eq!((weak.remarks.len(), weak.tls.suites.len()), (1, 4));
    for (flags, word) in [
        (&[("tls-min-version", "TLS1.1")][..], "TLS1.2 or TLS1.3"),
        (&[("tls-min-version", "TLS1.3"), ("tls-max-version", "TLS1.2")], "above --tls-max-version"),
        (&[("tls-min-version", "TLS1.3"), ("cipher-suites", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256")], "rules out"),
        (&[("cipher-suites", "ROT13")], "not a TLS cipher suite"),
        (&[("cipher-suites", "TLS_RSA_WITH_AES_128_CBC_SHA")], "weak suites only"),
    ] {
        assert!(problems(flags).contains(word), "{flags:?}: {}", problems(flags));
    }
}

#[test]
fn administrators_need_https_an_authority_and_a_rule() {
    let text = problems(&[("listen-admin-urls", "http://127.0.0.1:1")]);
    assert!(text.contains("https only"), "{text}");
    assert!(text.contains("--admin-trusted-ca-file is required"), "{text}");
    assert!(text.contains("--admin-identities is required"), "{text}");
    let whole = [
        ("listen-admin-urls", "https://127.0.0.1:1"),
        ("admin-cert-file", "c"),
        ("admin-key-file", "k"),
        ("admin-trusted-ca-file", "a"),
        ("admin-identities", "URI:spiffe://x/y,CN:root"),
    ];
    assert_eq!(
        with(&whole).unwrap().administrators,
        "URI:spiffe://x/y,CN:root".split(',').map(|r| r.parse().unwrap()).collect()
    );
    assert!(problems(&[("admin-identities", "somebody")]).contains("--admin-identities: "));
}

#[test]
fn administrators_count_on_the_client_listener_when_both_trust_the_same_authority() {
    let flags = |authority| {
        [
            ("listen-client-urls", "https://127.0.0.1:1"),
            ("advertise-client-urls", "https://127.0.0.1:1"),
            ("cert-file", "c"),
            ("key-file", "k"),
            ("trusted-ca-file", authority),
            ("listen-admin-urls", "https://127.0.0.1:2"),
            ("admin-cert-file", "c"),
            ("admin-key-file", "k"),
            ("admin-trusted-ca-file", "a"),
            ("admin-identities", "CN:root"),
        ]
    };
    let same = with(&flags("a")).unwrap();
    assert!(!same.administrators.is_empty());
    assert_eq!(same.client_administrators(), same.administrators);
    let other = with(&flags("b")).unwrap();
    assert_eq!(other.administrators, same.administrators);
    assert!(other.client_administrators().is_empty());
}

#[test]
fn a_peer_listener_that_lets_clients_in_is_remarked_on() {
    let remarks = |peers, more: &[(&'static str, &'static str)]| {
        let peer = [
            ("listen-peer-urls", "https://127.0.0.1:3"),
            ("initial-advertise-peer-urls", "https://127.0.0.1:3"),
            ("initial-cluster", "default=https://127.0.0.1:3"),
            ("peer-cert-file", "c"),
            ("peer-key-file", "k"),
            ("peer-trusted-ca-file", peers),
        ];
        with(&https(&[&peer[..], &[("trusted-ca-file", "clients")], more].concat())).unwrap().remarks
    };
    let [Remark::ClientsAmongPeers { authority }] = &remarks("clients", &[])[..] else { panic!("one remark") };
    assert_eq!(authority, std::path::Path::new("clients"));
    assert_eq!(remarks("clients", &[("peer-cert-allowed-cn", "peer")]), []);
    assert_eq!(remarks("peers", &[]), []);
}

#[test]
fn admin_calls_are_for_named_certificates_unless_the_operator_says_otherwise() {
    assert_eq!(with(&[]).unwrap().admin_access, auth::AdminAccess::Mtls);
    let open = with(&[("admin-access", "any")]).unwrap();
    assert!(open.client_administrators().admit(&auth::Caller::anonymous(None)).is_ok());
    assert!(with(&[]).unwrap().client_administrators().admit(&auth::Caller::anonymous(None)).is_err());
    assert!(problems(&[("admin-access", "all")]).contains("mtls, client-cert or any"));
}
