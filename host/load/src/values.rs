//! The values that are written: random bytes, cut from one pool without copying.

use bytes::{BufMut as _, Bytes, BytesMut};

use crate::random::Random;

/// Bytes of the pool beyond one value. Far more than the 64 KiB over which LZ4 looks for repetitions.
const POOL_BYTES: usize = 4 << 20;

/// Where values come from.
#[derive(Clone, Debug)]
pub(crate) struct Values {
    pool: Bytes,
    value_bytes: usize,
}

impl Values {
    /// Values of `value_bytes` each.
    pub(crate) fn new(value_bytes: usize, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let length = POOL_BYTES + value_bytes;
        let mut pool = BytesMut::with_capacity(length + 8);
        while pool.len() < length {
            pool.put_u64_ne(random.next());
        }
        Self { pool: pool.freeze(), value_bytes }
    }

    /// Another value.
    pub(crate) fn value(&self, random: &mut Random) -> Bytes {
        let start = random.below(POOL_BYTES as u64) as usize;
        self.pool.slice(start..start + self.value_bytes)
    }

    /// Another value, with `mark` as its first bytes.
    ///
    /// # Panics
    /// When a value is shorter than the mark; the flags are checked for that.
    pub(crate) fn marked(&self, mark: &[u8], random: &mut Random) -> Bytes {
        assert!(mark.len() <= self.value_bytes, "a value has room for its mark");
        let mut value = BytesMut::with_capacity(self.value_bytes);
        value.extend_from_slice(mark);
        value.extend_from_slice(&self.value(random)[mark.len()..]);
        value.freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_their_length_and_differ() {
        let (values, mut random) = (Values::new(100, 1), Random::new(2));
        let (one, other) = (values.value(&mut random), values.value(&mut random));
        assert_eq!((one.len(), other.len()), (100, 100));
        assert_ne!(one, other);
    }

    #[test]
    fn a_mark_comes_first() {
        let value = Values::new(10, 1).marked(b"mark", &mut Random::new(2));
        assert_eq!((value.len(), &value[..4]), (10, &b"mark"[..]));
    }

    #[test]
    fn a_value_may_be_empty() {
        assert!(Values::new(0, 1).value(&mut Random::new(2)).is_empty());
    }
}
