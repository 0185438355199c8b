//! Associated data: several fields in one byte string that no other fields can produce.

use smallvec::SmallVec;

/// Collects fields, each behind its length, so that no byte can move from one field into its neighbour. That of a value with a key of
/// usual length needs no memory of its own: one is made for each value of a list.
pub(crate) struct Binding(SmallVec<[u8; 256]>);

impl Binding {
    /// Starts with a label that names the use and its format, so that no two uses share associated data.
    pub(crate) fn new(label: &str) -> Self {
        Self(SmallVec::new()).field(label.as_bytes())
    }

    pub(crate) fn field(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(&length(bytes));
        self.0.extend_from_slice(bytes);
        self
    }
}

impl AsRef<[u8]> for Binding {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// A field's length as it stands in front of it.
pub(crate) fn length(bytes: &[u8]) -> [u8; 8] {
    (bytes.len() as u64).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_cannot_move_between_fields() {
        let one = Binding::new("x").field(b"ab").field(b"c");
        let other = Binding::new("x").field(b"a").field(b"bc");
        assert_ne!(one.as_ref(), other.as_ref());
    }
}
