//! Signed tokens with every kind of key, as `openssl` and others write them, and what must not pass.

use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519};

use super::*;

const NOW: u64 = 1_700_000_000;

fn options(algorithm: Algorithm) -> JwtOptions {
    JwtOptions { algorithm, public_key: None, private_key: None, ttl: Duration::from_secs(300) }
}

fn shared(algorithm: Algorithm) -> Jwt {
    Jwt::new(&options(algorithm), None, Some(b"a shared secret")).unwrap()
}

fn reason(made: Result<Jwt, AuthError>) -> String {
    made.map(drop).unwrap_err().to_string()
}

/// A token with any header and claims, signed with the shared secret.
fn forged(header: &str, claims: &str) -> Token {
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = shared(Algorithm::HS256).key.sign(signed.as_bytes()).unwrap();
    Token(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)).into())
}

fn is_good(token: &Token) -> bool {
    shared(Algorithm::HS256).resolve(token, NOW).is_ok()
}

#[test]
fn a_token_names_user_and_revision_until_it_expires() {
    for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
        let jwt = shared(algorithm);
        let token = jwt.issue("jane", 12, NOW).unwrap();
        let subject = Subject::User { name: "jane".into(), revision: 12 };
        assert_eq!(jwt.resolve(&token, NOW + 299), Ok(subject));
        assert_eq!(jwt.resolve(&token, NOW + 300), Err(Denial::InvalidToken));
    }
}

#[test]
fn every_kind_of_key_pair_signs_and_its_public_half_checks() {
    let kinds = [
        (Algorithm::ES256, &PKCS_ECDSA_P256_SHA256),
        (Algorithm::ES384, &PKCS_ECDSA_P384_SHA384),
        (Algorithm::EdDSA, &PKCS_ED25519),
    ];
    for (algorithm, kind) in kinds {
        let (pair, other) = (KeyPair::generate_for(kind).unwrap(), KeyPair::generate_for(kind).unwrap());
        let (private, public) = (pair.serialize_pem(), pair.public_key_pem());
        let signer = Jwt::new(&options(algorithm), None, Some(private.as_bytes())).unwrap();
        let checker = Jwt::new(&options(algorithm), Some(public.as_bytes()), None).unwrap();
        let both = Jwt::new(&options(algorithm), Some(public.as_bytes()), Some(private.as_bytes())).unwrap();
        let token = signer.issue("jane", 1, NOW).unwrap();
        assert!([&signer, &checker, &both].iter().all(|jwt| jwt.resolve(&token, NOW).is_ok()), "{algorithm:?}");
        assert_eq!(checker.issue("jane", 1, NOW).map(drop), Err(Denial::VerifyOnly));
        let stranger = Jwt::new(&options(algorithm), Some(other.public_key_pem().as_bytes()), None).unwrap();
        assert_eq!(stranger.resolve(&token, NOW), Err(Denial::InvalidToken));
        let foreign = Jwt::new(&options(algorithm), Some(other.public_key_pem().as_bytes()), Some(private.as_bytes()));
        assert!(reason(foreign).contains("do not belong together"));
    }
}

#[test]
fn rsa_keys_sign_in_both_paddings_and_both_wrappings() {
    let algorithms =
        [Algorithm::RS256, Algorithm::RS384, Algorithm::RS512, Algorithm::PS256, Algorithm::PS384, Algorithm::PS512];
    for algorithm in algorithms {
        let pkcs8 = Jwt::new(&options(algorithm), Some(RSA_PUBLIC), Some(RSA_PKCS8)).unwrap();
        let pkcs1 = Jwt::new(&options(algorithm), None, Some(RSA_PKCS1)).unwrap();
        let token = pkcs8.issue("jane", 1, NOW).unwrap();
        assert!(pkcs1.resolve(&token, NOW).is_ok(), "{algorithm:?}");
    }
    let (rs, ps) = (Algorithm::RS256, Algorithm::PS256);
    let token = Jwt::new(&options(rs), None, Some(RSA_PKCS8)).unwrap().issue("jane", 1, NOW).unwrap();
    let other = Jwt::new(&options(ps), None, Some(RSA_PKCS8)).unwrap();
    assert_eq!(other.resolve(&token, NOW), Err(Denial::InvalidToken));
}

#[test]
fn a_key_as_openssl_ecparam_writes_it_is_read() {
    let jwt = Jwt::new(&options(Algorithm::ES256), None, Some(EC_SEC1)).unwrap();
    let token = jwt.issue("jane", 1, NOW).unwrap();
    assert!(jwt.resolve(&token, NOW).is_ok());
}

#[test]
fn keys_that_do_not_fit_are_refused_with_the_reason() {
    assert!(reason(Jwt::new(&options(Algorithm::HS256), Some(RSA_PUBLIC), None)).contains("priv-key is missing"));
    assert!(reason(Jwt::new(&options(Algorithm::RS256), None, None)).contains("both"));
    assert!(reason(Jwt::new(&options(Algorithm::RS256), None, Some(b"nonsense"))).contains("no PEM"));
    assert!(reason(Jwt::new(&options(Algorithm::RS256), None, Some(EC_SEC1))).contains("not a key for this"));
    assert!(reason(Jwt::new(&options(Algorithm::ES384), None, Some(EC_SEC1))).contains("not a key for this"));
}

#[test]
fn a_token_cannot_choose_its_algorithm() {
    let claims = r#"{"username":"root","revision":1}"#;
    assert!(is_good(&forged(r#"{"alg":"HS256","typ":"JWT"}"#, claims)));
    for algorithm in ["none", "HS384", "hs256", "RS256", ""] {
        assert!(!is_good(&forged(&format!(r#"{{"alg":"{algorithm}"}}"#), claims)), "{algorithm}");
    }
    // The public key as a shared secret: the old trick against checkers that believe the header.
    let public = Jwt::new(&options(Algorithm::HS256), None, Some(RSA_PUBLIC)).unwrap();
    let token = public.issue("root", 1, NOW).unwrap();
    let checker = Jwt::new(&options(Algorithm::RS256), Some(RSA_PUBLIC), None).unwrap();
    assert_eq!(checker.resolve(&token, NOW), Err(Denial::InvalidToken));
}

#[test]
fn claims_must_be_there_and_of_their_kind() {
    let header = r#"{"alg":"HS256"}"#;
    let refused = [
        r#"{"revision":1}"#,
        r#"{"username":"jane"}"#,
        r#"{"username":7,"revision":1}"#,
        r#"{"username":"jane","revision":"1"}"#,
        r#"{"username":"jane","revision":1,"exp":"never"}"#,
        r#"{"username":"jane","revision":1,"exp":1}"#,
        r#"{"username":"jane","revision":1,"nbf":1800000000}"#,
        "[]",
        "not json",
    ];
    for claims in refused {
        assert!(!is_good(&forged(header, claims)), "{claims}");
    }
    let more = r#"{"username":"jane","revision":1,"exp":1700000000.5,"nbf":1,"sub":"x"}"#;
    assert!(is_good(&forged(header, more)));
}

#[test]
fn what_is_not_three_parts_of_base64_is_no_token() {
    let good = forged(r#"{"alg":"HS256"}"#, r#"{"username":"jane","revision":1}"#);
    let parts: Vec<&str> = good.reveal().split('.').collect();
    let cut = |text: String| Token(text.into());
    let refused = [
        cut(String::new()),
        cut("..".into()),
        cut(parts[..2].join(".")),
        cut(format!("{}.", good.reveal())),
        cut(format!("{}.{}.!", parts[0], parts[1])),
        cut(format!("{}.{}.{}", parts[1], parts[0], parts[2])),
        cut("a.b.".repeat(TOKEN_BYTES_MAX)),
    ];
    assert!(is_good(&good));
    assert!(refused.iter().all(|token| !is_good(token)));
}

const RSA_PKCS8: &[u8] = include_bytes!("fixtures/rsa-pkcs8.pem");
const RSA_PKCS1: &[u8] = include_bytes!("fixtures/rsa-pkcs1.pem");
const RSA_PUBLIC: &[u8] = include_bytes!("fixtures/rsa-public.pem");
const EC_SEC1: &[u8] = include_bytes!("fixtures/ec-sec1.pem");
