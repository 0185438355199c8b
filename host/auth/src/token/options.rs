//! `--auth-token` as the operator writes it: `simple`, or `jwt,pub-key=..,priv-key=..,sign-method=..,ttl=..`.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use crate::AuthError;

/// How long a signed token is good when nothing is said: etcd's.
const JWT_TTL: Duration = Duration::from_secs(300);

/// Which tokens a member makes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum TokenOptions {
    /// Random words that the member remembers.
    #[default]
    Simple,
    /// Signed claims.
    Jwt(JwtOptions),
    /// None.
    None,
}

/// How claims are signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JwtOptions {
    /// With what.
    pub algorithm: Algorithm,
    /// File of the public key; not needed beside the private one.
    pub public_key: Option<PathBuf>,
    /// File of the private key, or of the shared secret; without it tokens are checked but not made.
    pub private_key: Option<PathBuf>,
    /// How long a token is good.
    pub ttl: Duration,
}

/// A signing method, by its name in RFC 7518 and RFC 8037.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the RFCs")]
pub enum Algorithm {
    HS256,
    HS384,
    HS512,
    RS256,
    RS384,
    RS512,
    PS256,
    PS384,
    PS512,
    ES256,
    ES384,
    EdDSA,
}

impl Algorithm {
    const ALL: [(&'static str, Self); 12] = [
        ("HS256", Self::HS256),
        ("HS384", Self::HS384),
        ("HS512", Self::HS512),
        ("RS256", Self::RS256),
        ("RS384", Self::RS384),
        ("RS512", Self::RS512),
        ("PS256", Self::PS256),
        ("PS384", Self::PS384),
        ("PS512", Self::PS512),
        ("ES256", Self::ES256),
        ("ES384", Self::ES384),
        ("EdDSA", Self::EdDSA),
    ];

    /// Its name in a token's header.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, algorithm)| *algorithm == self).map_or("", |(name, _)| name)
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, algorithm)| *algorithm)
    }
}

impl FromStr for TokenOptions {
    type Err = AuthError;

    fn from_str(text: &str) -> Result<Self, AuthError> {
        let mut parts = text.split(',');
        match parts.next().unwrap_or_default() {
            "" => Ok(Self::None),
            "simple" => Ok(Self::Simple),
            "jwt" => parse_jwt(parts).map(Self::Jwt),
            _ => Err(bad("it begins with neither simple nor jwt")),
        }
    }
}

fn parse_jwt<'a>(parts: impl Iterator<Item = &'a str>) -> Result<JwtOptions, AuthError> {
    let mut options = JwtOptions { algorithm: Algorithm::HS256, public_key: None, private_key: None, ttl: JWT_TTL };
    let mut seen = Vec::new();
    for part in parts {
        let (name, value) = part.split_once('=').ok_or_else(|| bad("an option is not NAME=VALUE"))?;
        if seen.contains(&name) {
            return Err(bad("an option is given twice"));
        }
        seen.push(name);
        match name {
            "sign-method" => {
                options.algorithm =
                    Algorithm::named(value).ok_or_else(|| bad("sign-method is not one that is known"))?;
            }
            "pub-key" => options.public_key = Some(value.into()).filter(|_| !value.is_empty()),
            "priv-key" => options.private_key = Some(value.into()).filter(|_| !value.is_empty()),
            "ttl" if value.is_empty() => {}
            "ttl" => options.ttl = duration(value).ok_or_else(|| bad("ttl is not a duration such as 5m"))?,
            _ => return Err(bad("jwt has the options sign-method, pub-key, priv-key and ttl")),
        }
    }
    if seen.contains(&"sign-method") { Ok(options) } else { Err(bad("jwt needs a sign-method, such as RS256")) }
}

/// A duration as Go writes it: `300s`, `1h30m`, `1.5h`.
fn duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut total = 0.0_f64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(digits);
        let unit_end = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, next) = after.split_at(unit_end);
        let seconds = match unit {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "µs" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        total += number.parse::<f64>().ok()? * seconds;
        rest = next;
    }
    Duration::try_from_secs_f64(total).ok().filter(|duration| !text.is_empty() && !duration.is_zero())
}

fn bad(reason: &'static str) -> AuthError {
    AuthError::BadTokenOptions { reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<TokenOptions, AuthError> {
        text.parse()
    }

    #[test]
    fn what_etcd_takes_is_taken() {
        assert_eq!(parse("simple").unwrap(), TokenOptions::Simple);
        assert_eq!(parse("").unwrap(), TokenOptions::None);
        let text = "jwt,pub-key=/a/pub.pem,priv-key=/a/key.pem,sign-method=ES256,ttl=1h30m";
        let expected = JwtOptions {
            algorithm: Algorithm::ES256,
            public_key: Some("/a/pub.pem".into()),
            private_key: Some("/a/key.pem".into()),
            ttl: Duration::from_secs(5400),
        };
        assert_eq!(parse(text).unwrap(), TokenOptions::Jwt(expected));
        let TokenOptions::Jwt(plain) = parse("jwt,sign-method=HS256,priv-key=k").unwrap() else { panic!("not jwt") };
        assert_eq!((plain.ttl, plain.public_key), (JWT_TTL, None));
    }

    #[test]
    fn mistakes_are_told_apart() {
        let cases = [
            "basic",
            "jwt",
            "jwt,sign-method=none",
            "jwt,sign-method=RS256,sign-method=RS256",
            "jwt,sign-method",
            "jwt,sign-method=RS256,ttl=5",
            "jwt,sign-method=RS256,ttl=0s",
            "jwt,sign-method=RS256,key=x",
        ];
        let reasons: std::collections::BTreeSet<String> =
            cases.iter().map(|text| parse(text).unwrap_err().to_string()).collect();
        assert_eq!(reasons.len(), 7, "{reasons:?}");
    }

    #[test]
    fn durations_are_gos() {
        assert_eq!(duration("1.5h"), Some(Duration::from_secs(5400)));
        assert_eq!(duration("2m30s500ms"), Some(Duration::from_millis(150_500)));
        assert_eq!([duration("m"), duration("5"), duration("-5m"), duration("5d")], [None; 4]);
    }
}
