//! Keys of signed tokens, from PEM to `ring`.

use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaKeyPair, UnparsedPublicKey};
use x509_parser::der_parser::asn1_rs::{Any, BitString, Error, FromDer as _, OctetString, OptTaggedExplicit, Sequence};
use x509_parser::pem::Pem;
use x509_parser::prelude::X509Certificate;
use x509_parser::x509::SubjectPublicKeyInfo;

use super::options::Algorithm;
use crate::AuthError;

/// Signs and checks, or only checks.
pub(super) enum SigningKey {
    Shared(hmac::Key),
    Pair { public: PublicKey, private: Option<PrivateKey> },
}

pub(super) struct PublicKey(UnparsedPublicKey<Vec<u8>>);

pub(super) enum PrivateKey {
    Rsa(RsaKeyPair, &'static dyn signature::RsaEncoding),
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl SigningKey {
    pub(super) fn load(algorithm: Algorithm, public: Option<&[u8]>, private: Option<&[u8]>) -> Result<Self, AuthError> {
        if let Some(digest) = hmac_of(algorithm) {
            let secret = private.filter(|secret| !secret.is_empty()).ok_or_else(|| bad("priv-key is missing"))?;
            return Ok(Self::Shared(hmac::Key::new(digest, secret)));
        }
        let private = private.map(|pem| PrivateKey::read(algorithm, pem)).transpose()?;
        let given = public.map(public_bytes).transpose()?;
        let derived = private.as_ref().map(PrivateKey::public_bytes);
        let bytes = match (given, derived) {
            (Some(given), Some(derived)) if given != derived => {
                return Err(bad("pub-key and priv-key do not belong together"));
            }
            (Some(bytes), _) | (None, Some(bytes)) => bytes,
            (None, None) => return Err(bad("both pub-key and priv-key are missing")),
        };
        let public = PublicKey(UnparsedPublicKey::new(verification_of(algorithm), bytes));
        Ok(Self::Pair { public, private })
    }

    /// The signature, or `None` when there is only a public key.
    pub(super) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Shared(key) => Some(hmac::sign(key, message).as_ref().to_vec()),
            Self::Pair { private, .. } => private.as_ref()?.sign(message),
        }
    }

    /// `Some` when the signature is right.
    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> Option<()> {
        match self {
            Self::Shared(key) => hmac::verify(key, message, signature).ok(),
            Self::Pair { public, .. } => public.0.verify(message, signature).ok(),
        }
    }
}

impl PrivateKey {
    fn read(algorithm: Algorithm, pem: &[u8]) -> Result<Self, AuthError> {
        let pem = first_pem(pem)?;
        let (label, der) = (pem.label.as_str(), pem.contents.as_slice());
        let refused = |_| bad("priv-key is not a key for this sign-method");
        match algorithm {
            Algorithm::ES256 => ecdsa(&signature::ECDSA_P256_SHA256_FIXED_SIGNING, label, der),
            Algorithm::ES384 => ecdsa(&signature::ECDSA_P384_SHA384_FIXED_SIGNING, label, der),
            Algorithm::EdDSA => Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).map(Self::Ed25519).map_err(refused),
            _ => {
                let pkcs1 = label == "RSA PRIVATE KEY";
                let pair = if pkcs1 { RsaKeyPair::from_der(der) } else { RsaKeyPair::from_pkcs8(der) };
                Ok(Self::Rsa(pair.map_err(refused)?, rsa_encoding(algorithm)))
            }
        }
    }

    fn public_bytes(&self) -> Vec<u8> {
        match self {
            Self::Rsa(pair, _) => pair.public_key().as_ref().to_vec(),
            Self::Ecdsa(pair) => pair.public_key().as_ref().to_vec(),
            Self::Ed25519(pair) => pair.public_key().as_ref().to_vec(),
        }
    }

    fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(pair, encoding) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(*encoding, &random, message, &mut signature).ok()?;
                Some(signature)
            }
            Self::Ecdsa(pair) => pair.sign(&random, message).ok().map(|signature| signature.as_ref().to_vec()),
            Self::Ed25519(pair) => Some(pair.sign(message).as_ref().to_vec()),
        }
    }
}

fn ecdsa(method: &'static signature::EcdsaSigningAlgorithm, label: &str, der: &[u8]) -> Result<PrivateKey, AuthError> {
    let random = SystemRandom::new();
    let refused = |()| bad("priv-key is not a key for this sign-method");
    let pair = if label == "EC PRIVATE KEY" {
        let (private, public) = sec1(der).map_err(|_| bad("priv-key is not a key with its public half"))?;
        EcdsaKeyPair::from_private_key_and_public_key(method, &private, &public, &random)
    } else {
        EcdsaKeyPair::from_pkcs8(method, der, &random)
    };
    pair.map(PrivateKey::Ecdsa).map_err(|_| refused(()))
}

/// Private and public half of an `ECPrivateKey` (RFC 5915).
fn sec1(der: &[u8]) -> Result<(Vec<u8>, Vec<u8>), x509_parser::der_parser::asn1_rs::Err<Error>> {
    let (_, sequence) = Sequence::from_der(der)?;
    let (rest, _version) = u8::from_der(&sequence.content)?;
    let (rest, private) = OctetString::from_der(rest)?;
    let (rest, _curve) = OptTaggedExplicit::<Any<'_>, Error, 0>::from_der(rest)?;
    let (_, public) = OptTaggedExplicit::<BitString<'_>, Error, 1>::from_der(rest)?;
    let public = public.ok_or(Error::InvalidValue { tag: 1.into(), msg: "no public half".to_owned() });
    let public = public.map_err(x509_parser::der_parser::asn1_rs::Err::Error)?.into_inner();
    Ok((private.as_ref().to_vec(), public.data.to_vec()))
}

/// The key as `ring` takes it: what is inside a `SubjectPublicKeyInfo`.
fn public_bytes(pem: &[u8]) -> Result<Vec<u8>, AuthError> {
    let refused = |_| bad("pub-key is neither a public key nor a certificate");
    let pem = first_pem(pem)?;
    match pem.label.as_str() {
        "RSA PUBLIC KEY" => Ok(pem.contents),
        "CERTIFICATE" => {
            let (_, certificate) = X509Certificate::from_der(&pem.contents).map_err(refused)?;
            Ok(certificate.public_key().subject_public_key.data.to_vec())
        }
        _ => {
            let (_, info) = SubjectPublicKeyInfo::from_der(&pem.contents).map_err(refused)?;
            Ok(info.subject_public_key.data.to_vec())
        }
    }
}

/// The first section that holds a key: `openssl ecparam` writes the curve before it.
fn first_pem(text: &[u8]) -> Result<Pem, AuthError> {
    let sections = Pem::iter_from_buffer(text).filter_map(Result::ok);
    let mut keys = sections.filter(|pem| pem.label != "EC PARAMETERS");
    keys.next().ok_or_else(|| bad("a key file holds no PEM"))
}

fn hmac_of(algorithm: Algorithm) -> Option<hmac::Algorithm> {
    match algorithm {
        Algorithm::HS256 => Some(hmac::HMAC_SHA256),
        Algorithm::HS384 => Some(hmac::HMAC_SHA384),
        Algorithm::HS512 => Some(hmac::HMAC_SHA512),
        _ => None,
    }
}

fn rsa_encoding(algorithm: Algorithm) -> &'static dyn signature::RsaEncoding {
    match algorithm {
        Algorithm::RS384 => &signature::RSA_PKCS1_SHA384,
        Algorithm::RS512 => &signature::RSA_PKCS1_SHA512,
        Algorithm::PS256 => &signature::RSA_PSS_SHA256,
        Algorithm::PS384 => &signature::RSA_PSS_SHA384,
        Algorithm::PS512 => &signature::RSA_PSS_SHA512,
        _ => &signature::RSA_PKCS1_SHA256,
    }
}

fn verification_of(algorithm: Algorithm) -> &'static dyn signature::VerificationAlgorithm {
    match algorithm {
        Algorithm::RS384 => &signature::RSA_PKCS1_2048_8192_SHA384,
        Algorithm::RS512 => &signature::RSA_PKCS1_2048_8192_SHA512,
        Algorithm::PS256 => &signature::RSA_PSS_2048_8192_SHA256,
        Algorithm::PS384 => &signature::RSA_PSS_2048_8192_SHA384,
        Algorithm::PS512 => &signature::RSA_PSS_2048_8192_SHA512,
        Algorithm::ES256 => &signature::ECDSA_P256_SHA256_FIXED,
        Algorithm::ES384 => &signature::ECDSA_P384_SHA384_FIXED,
        Algorithm::EdDSA => &signature::ED25519,
        _ => &signature::RSA_PKCS1_2048_8192_SHA256,
    }
}

fn bad(reason: &'static str) -> AuthError {
    AuthError::BadTokenKey { reason }
}
