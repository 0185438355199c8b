//! A value as the state holds it.

use std::fmt;

use bytes::Bytes;

use crate::envelope::{Envelope, OVERHEAD_BYTES};
use crate::{Digest, SealError};

/// A value ready for the log: an envelope, or clear text where no sealed prefix covers the key.
///
/// Cheap to clone. An envelope's header has been checked, its contents only show when it is opened.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Sealed {
    form: Form,
    bytes: Bytes,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Form {
    #[default]
    Clear,
    Envelope,
}

const FORM_CLEAR: u8 = 0;
const FORM_ENVELOPE: u8 = 1;

impl Sealed {
    /// No value, in clear: what a deleted key is shown with.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    /// Reads a value back from the log or the state.
    ///
    /// # Errors
    /// [`SealError::BadEnvelope`] for an unknown form, or an envelope whose header makes no sense.
    pub fn from_state(form: u8, bytes: Bytes) -> Result<Self, SealError> {
        match form {
            FORM_CLEAR => Ok(Self::clear(bytes)),
            FORM_ENVELOPE => Envelope::parse(&bytes).map(|_| ()).map(|()| Self::envelope(bytes)),
            _ => Err(SealError::BadEnvelope { reason: "its form is not known" }),
        }
    }

    pub(crate) fn clear(bytes: Bytes) -> Self {
        Self { form: Form::Clear, bytes }
    }

    /// `bytes` must be an envelope.
    pub(crate) fn envelope(bytes: Bytes) -> Self {
        Self { form: Form::Envelope, bytes }
    }

    /// Whether it is encrypted.
    #[must_use]
    pub fn is_sealed(&self) -> bool {
        self.form == Form::Envelope
    }

    /// How the state tells the forms apart: 0 clear, 1 sealed.
    #[must_use]
    pub fn form(&self) -> u8 {
        match self.form {
            Form::Clear => FORM_CLEAR,
            Form::Envelope => FORM_ENVELOPE,
        }
    }

    /// The clear value or the envelope.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    pub(crate) fn into_bytes(self) -> Bytes {
        self.bytes
    }

    /// The keyed digest of a sealed value.
    #[must_use]
    pub fn digest(&self) -> Option<Digest> {
        self.parsed().map(|envelope| envelope.header.digest)
    }

    /// The data key that a sealed value names.
    #[must_use]
    pub fn key_id(&self) -> Option<u32> {
        self.parsed().map(|envelope| envelope.header.key_id)
    }

    /// Length of the value in plain text, in bytes; of a padded one, with its padding.
    #[must_use]
    pub fn len_plain(&self) -> usize {
        match self.form {
            Form::Clear => self.bytes.len(),
            Form::Envelope => self.bytes.len() - OVERHEAD_BYTES,
        }
    }

    pub(crate) fn parsed(&self) -> Option<Envelope<'_>> {
        self.is_sealed().then(|| Envelope::parse(&self.bytes).expect("every constructor checked or built the envelope"))
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let form = if self.is_sealed() { "sealed" } else { "clear" };
        write!(f, "{form}({} bytes)", self.bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_an_envelope_is_refused() {
        for length in 0..OVERHEAD_BYTES {
            assert!(Sealed::from_state(FORM_ENVELOPE, vec![1; length].into()).is_err(), "length {length}");
        }
        assert!(Sealed::from_state(FORM_ENVELOPE, vec![1; OVERHEAD_BYTES].into()).is_ok());
        assert!(Sealed::from_state(FORM_ENVELOPE, vec![2; OVERHEAD_BYTES].into()).is_err());
        let algorithm = |algorithm| [&[1, algorithm], &[0; OVERHEAD_BYTES - 2][..]].concat().into();
        assert!(Sealed::from_state(FORM_ENVELOPE, algorithm(2)).is_ok());
        assert!(Sealed::from_state(FORM_ENVELOPE, algorithm(3)).is_err());
        assert!(Sealed::from_state(2, Bytes::new()).is_err());
    }

    #[test]
    fn debug_says_form_and_length_only() {
        let clear = Sealed::from_state(FORM_CLEAR, Bytes::from_static(b"canary")).unwrap();
        assert_eq!(format!("{clear:?}"), "clear(6 bytes)");
        assert_eq!(clear.len_plain(), 6);
        assert_eq!((clear.digest(), clear.key_id()), (None, None));
    }
}
