//! What is done with the values of a prefix, as the replicated policy holds it.

use std::fmt;
use std::time::Duration;

use bytes::{Buf, Bytes};
use prost::Message;

use crate::error::shown;
use crate::{PREFIX_BYTES_MAX, SealError};

/// Values that a data key seals before the next one is due, where a rule does not say. With random 192-bit nonces the
/// cipher allows far more; this bounds what one stolen data key opens.
pub const ROTATE_AFTER_USES_DEFAULT: u64 = 1 << 31;

/// Most values that a rule may let one data key seal: above this the count itself stops being worth anything.
pub const ROTATE_AFTER_USES_MAX: u64 = 1 << 40;

/// Shortest age at which a rule may retire a data key. Every key stays in the keyring as long as values name it, so a
/// shorter one would fill the keyring.
pub const ROTATE_AFTER_MIN: Duration = Duration::from_hours(1);

/// Most sizes that values are padded to. Each more gives away more of a length, so many serve nobody.
pub const PADDING_SIZES_MAX: usize = 16;

/// Smallest size that values are padded to, in bytes: below it a byte of length costs more than it hides.
pub const PADDING_BYTES_MIN: u32 = 16;

/// Largest size that values are padded to, in bytes: above any request that is taken.
pub const PADDING_BYTES_MAX: u32 = 16 * 1024 * 1024;

/// Longest name of a provider in bytes. Names are repeated in rules, errors and logs.
pub const PROVIDER_NAME_BYTES_MAX: usize = 128;

/// What is done with the values of a prefix. Where prefixes nest, the rule of the longest one counts alone, also
/// when it says `sealed: false`.
#[derive(Clone, PartialEq, Eq, Message)]
#[prost(skip_debug)]
pub struct SealRule {
    /// The prefix.
    #[prost(bytes = "bytes", tag = "1")]
    pub prefix: Bytes,
    /// Whether its values are sealed. Otherwise it is an exception: they stay plain although a shorter prefix is sealed.
    #[prost(bool, tag = "2")]
    pub sealed: bool,
    /// Name of the configured provider that wraps new data keys; empty for the default one.
    #[prost(string, tag = "3")]
    pub provider: String,
    /// Age at which a data key is followed by a new one, in seconds; 0 for never.
    #[prost(uint64, tag = "4")]
    pub rotate_after_seconds: u64,
    /// Values that a data key seals before a new one follows; 0 for [`ROTATE_AFTER_USES_DEFAULT`].
    #[prost(uint64, tag = "5")]
    pub rotate_after_uses: u64,
    /// Ascending sizes that values are padded to before sealing, in bytes; none for no padding.
    #[prost(uint32, repeated, tag = "6")]
    pub padding_bytes: Vec<u32>,
}

impl SealRule {
    /// Seals a prefix, with nothing else said.
    #[must_use]
    pub fn seal(prefix: Bytes) -> Self {
        Self { prefix, sealed: true, ..Self::default() }
    }

    /// The bytes for the replicated state.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        self.encode_to_vec().into()
    }

    /// Reads what [`SealRule::encode`] wrote.
    ///
    /// # Errors
    /// [`SealError::BadKeyRecord`].
    pub fn decode(bytes: impl Buf) -> Result<Self, SealError> {
        <Self as Message>::decode(bytes)
            .map_err(|_| SealError::BadKeyRecord { reason: "a rule cannot be decoded".to_owned() })
    }

    /// The age at which a data key is followed by a new one, unless that is never.
    #[must_use]
    pub fn age_max(&self) -> Option<Duration> {
        (self.rotate_after_seconds != 0).then(|| Duration::from_secs(self.rotate_after_seconds))
    }

    /// The values that a data key seals before a new one follows.
    #[must_use]
    pub fn uses_max(&self) -> u64 {
        if self.rotate_after_uses == 0 { ROTATE_AFTER_USES_DEFAULT } else { self.rotate_after_uses }
    }

    /// Everything that makes it unfit to be followed: the field, as the configuration calls it, and what is wrong.
    #[must_use]
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        let mut add = |field, problem: Option<String>| problems.extend(problem.map(|problem| (field, problem)));
        add("prefix", self.prefix_problem());
        add("sealed", self.exception_problem());
        add("provider", self.provider_problem());
        add("rotate-after", self.age_problem());
        add("rotate-after-uses", self.uses_problem());
        add("pad-to", self.padding_problem());
        problems
    }

    fn prefix_problem(&self) -> Option<String> {
        match self.prefix.len() {
            0 => Some("it is empty and would seal everything".to_owned()),
            length if length > PREFIX_BYTES_MAX => Some(format!("it is longer than {PREFIX_BYTES_MAX} bytes")),
            _ => None,
        }
    }

    fn exception_problem(&self) -> Option<String> {
        let rest = Self { prefix: Bytes::new(), ..self.clone() };
        let wrong = !self.sealed && rest != Self::default();
        wrong.then(|| "where it is false, nothing but the prefix has a meaning".to_owned())
    }

    fn provider_problem(&self) -> Option<String> {
        let wrong = self.provider.len() > PROVIDER_NAME_BYTES_MAX;
        wrong.then(|| format!("it is longer than {PROVIDER_NAME_BYTES_MAX} bytes"))
    }

    fn age_problem(&self) -> Option<String> {
        self.age_max().is_some_and(|age| age < ROTATE_AFTER_MIN).then(|| "it is less than one hour".to_owned())
    }

    fn uses_problem(&self) -> Option<String> {
        (self.rotate_after_uses > ROTATE_AFTER_USES_MAX).then(|| format!("it is more than {ROTATE_AFTER_USES_MAX}"))
    }

    fn padding_problem(&self) -> Option<String> {
        let sizes = &self.padding_bytes;
        if sizes.len() > PADDING_SIZES_MAX {
            Some(format!("there are {} sizes, at most {PADDING_SIZES_MAX} are allowed", sizes.len()))
        } else if !sizes.iter().all(|size| (PADDING_BYTES_MIN..=PADDING_BYTES_MAX).contains(size)) {
            Some(format!("each size must be from {PADDING_BYTES_MIN} to {PADDING_BYTES_MAX} bytes"))
        } else if !sizes.is_sorted_by(|one, next| one < next) {
            Some("the sizes must ascend".to_owned())
        } else {
            None
        }
    }
}

impl fmt::Debug for SealRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefix = shown(&self.prefix);
        if !self.sealed {
            return write!(f, "plain {prefix:?}");
        }
        let Self { provider, rotate_after_seconds, rotate_after_uses, padding_bytes, .. } = self;
        write!(f, "sealed {prefix:?} by {provider:?}, new key after {rotate_after_seconds} s")?;
        write!(f, " or {rotate_after_uses} uses, padded to {padding_bytes:?}")
    }
}

#[cfg(test)]
#[path = "rule_tests.rs"]
mod tests;
