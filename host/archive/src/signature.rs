//! HMACs over the sums, one for each data key.

use std::fmt::Write as _;

/// Length of an HMAC in bytes.
pub const MAC_BYTES: usize = 32;

/// That whoever wrote the archive had a data key of the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The id of the data key.
    pub data_key: u32,
    /// The HMAC over the sums.
    pub mac: [u8; MAC_BYTES],
}

/// Length of a line.
const LINE_BYTES: usize = "data-key 0123456789 hmac-sha256 ".len() + 2 * MAC_BYTES + 1;

/// Bytes of the file with so many lines.
pub(crate) fn bytes(signatures: usize) -> usize {
    signatures * LINE_BYTES
}

pub(crate) fn write(signatures: &[Signature]) -> String {
    signatures.iter().fold(String::new(), |mut text, Signature { data_key, mac }| {
        // Writing to a string does not fail.
        _ = writeln!(text, "data-key {data_key:010} hmac-sha256 {}", hex::encode(mac));
        text
    })
}

pub(crate) fn parse(text: &str) -> Option<Vec<Signature>> {
    let line = |line: &str| {
        let words: Vec<_> = line.split(' ').collect();
        let ["data-key", data_key, "hmac-sha256", mac] = words[..] else { return None };
        let mut bytes = [0; MAC_BYTES];
        hex::decode_to_slice(mac, &mut bytes).ok()?;
        Some(Signature { data_key: data_key.parse().ok()?, mac: bytes })
    };
    text.lines().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_read_as_they_were_written_and_their_length_is_known() {
        let all =
            [Signature { data_key: 1, mac: [7; MAC_BYTES] }, Signature { data_key: u32::MAX, mac: [9; MAC_BYTES] }];
        let text = write(&all);
        assert_eq!((text.len(), parse(&text)), (bytes(2), Some(all.to_vec())));
        assert_eq!(parse(""), Some(Vec::new()));
        assert_eq!(parse("data-key 1 hmac-sha256 zz\n"), None);
    }
}
