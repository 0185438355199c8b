//! From a passphrase to a private key, at a cost that guessing has to pay each time.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use x25519_dalek::StaticSecret;
use zeroize::Zeroizing;

use crate::SealError;
use crate::xaes::Key32;

/// Fewest characters of a recovery passphrase. Argon2 makes guesses dear, not short passphrases good.
pub const PASSPHRASE_CHARACTERS_MIN: usize = 12;

/// OWASP's least for Argon2id; and more than any machine that might have to recover can be expected to have.
const MEMORY_KIB: std::ops::RangeInclusive<u32> = 19_456..=1_048_576;
const PASSES: std::ops::RangeInclusive<u32> = 1..=16;
const LANES: std::ops::RangeInclusive<u32> = 1..=16;

pub(super) const SALT_BYTES: usize = 16;
pub(super) const COSTS_BYTES: usize = 12;

/// What it costs to try a passphrase: the parameters of Argon2id (RFC 9106).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecoveryCosts {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl RecoveryCosts {
    /// Costs within their bounds: 19 456 KiB to 1 GiB of memory, 1 to 16 passes over it, 1 to 16 lanes.
    ///
    /// # Errors
    /// [`SealError::BadRecipient`]: less is too cheap, and more a way to exhaust whoever reads a recipient.
    pub fn new(memory_kib: u32, passes: u32, lanes: u32) -> Result<Self, SealError> {
        let wrong = |reason| Err(SealError::BadRecipient { reason });
        if !MEMORY_KIB.contains(&memory_kib) {
            return wrong("the memory it costs is not 19456 KiB to 1 GiB");
        }
        if !PASSES.contains(&passes) || !LANES.contains(&lanes) {
            return wrong("the passes and lanes it costs are not 1 to 16");
        }
        Ok(Self { memory_kib, passes, lanes })
    }

    pub(super) fn to_bytes(self) -> [u8; COSTS_BYTES] {
        let mut bytes = [0; COSTS_BYTES];
        for (part, cost) in bytes.chunks_exact_mut(4).zip([self.memory_kib, self.passes, self.lanes]) {
            part.copy_from_slice(&cost.to_be_bytes());
        }
        bytes
    }

    pub(super) fn from_bytes(bytes: &[u8; COSTS_BYTES]) -> Result<Self, SealError> {
        let [a, b, c, d, e, f, g, h, i, j, k, l] = *bytes;
        let number = u32::from_be_bytes;
        Self::new(number([a, b, c, d]), number([e, f, g, h]), number([i, j, k, l]))
    }

    /// The private key that this passphrase stands for.
    pub(super) fn private_key(self, passphrase: &str, salt: &[u8; SALT_BYTES]) -> Result<StaticSecret, SealError> {
        let mut key = Key32::default();
        let params = Params::new(self.memory_kib, self.passes, self.lanes, Some(key.len()));
        let params = params.expect("costs within our bounds are within those of Argon2");
        let mut memory = self.memory(params.block_count())?;
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into_with_memory(passphrase.as_bytes(), salt, key.as_mut(), memory.as_mut_slice())
            .map_err(|_| SealError::BadRecipient { reason: "the passphrase is too long" })?;
        Ok(StaticSecret::from(*key))
    }

    /// Ours rather than the library's: what Argon2 leaves in it is overwritten.
    fn memory(self, blocks: usize) -> Result<Zeroizing<Vec<Block>>, SealError> {
        let mut memory = Zeroizing::new(Vec::new());
        memory.try_reserve_exact(blocks).map_err(|_| SealError::NoMemory { kib: self.memory_kib })?;
        memory.resize(blocks, Block::new());
        Ok(memory)
    }
}

/// 256 MiB, 3 passes, 4 lanes: RFC 9106's second recommendation with four times its memory, about a second. It is paid
/// when a recipient is made and when data is recovered.
impl Default for RecoveryCosts {
    fn default() -> Self {
        Self { memory_kib: 256 * 1024, passes: 3, lanes: 4 }
    }
}

/// # Errors
/// [`SealError::ShortPassphrase`].
pub(super) fn check_passphrase(passphrase: &str) -> Result<(), SealError> {
    if passphrase.chars().count() < PASSPHRASE_CHARACTERS_MIN {
        return Err(SealError::ShortPassphrase { characters_min: PASSPHRASE_CHARACTERS_MIN });
    }
    Ok(())
}
