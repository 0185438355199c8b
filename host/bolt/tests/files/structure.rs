//! The format once more, written down without the crate, to know what its tests may expect.

pub(crate) const PAGE: usize = 4096;

/// A folder that goes with the test; in memory where there is such a place, since ten thousands of small writes would
/// else wait for whatever keeps the disk busy.
pub(crate) fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

fn number<const N: usize>(bytes: &[u8], at: usize) -> usize {
    bytes[at..at + N].iter().rev().fold(0, |number, &byte| number << 8 | usize::from(byte))
}

/// For each byte of a sound file whether damage there can go unnoticed: inside of a key or value, in the lengths of the
/// last element of a leaf, and in the count of a leaf that is a root, which may become zero.
pub(crate) fn unprotected(file: &[u8]) -> Vec<bool> {
    let mut out = vec![false; file.len()];
    let mut at = 2 * PAGE;
    while at < file.len() {
        let (flags, count) = (number::<2>(file, at + 8), number::<2>(file, at + 10));
        if flags == 2 {
            out[at + 10..at + 12].fill(true);
            for element in (0..count).map(|index| at + 16 + 16 * index) {
                let start = element + number::<4>(file, element + 4);
                let end = start + number::<4>(file, element + 8) + number::<4>(file, element + 12);
                out[start..end].fill(true);
            }
            out[at + 16 * count + 8..at + 16 * count + 16].fill(true);
        }
        at += PAGE * (1 + number::<4>(file, at + 12));
    }
    out
}

/// How many children each branch page has.
pub(crate) fn branch_counts(file: &[u8]) -> Vec<usize> {
    let mut out = Vec::new();
    let mut at = 2 * PAGE;
    while at < file.len() {
        if number::<2>(file, at + 8) == 1 {
            out.push(number::<2>(file, at + 10));
        }
        at += PAGE * (1 + number::<4>(file, at + 12));
    }
    out
}

fn page(id: u64, flags: u16, count: usize, overflow: usize) -> Vec<u8> {
    let mut page = id.to_le_bytes().to_vec();
    page.extend(flags.to_le_bytes());
    page.extend((count as u16).to_le_bytes());
    page.extend((overflow as u32).to_le_bytes());
    page
}

/// A branch page.
pub(crate) fn branch(id: u64, children: &[(&[u8], u64)]) -> Vec<u8> {
    let mut out = page(id, 1, children.len(), 0);
    let mut position = 16 * children.len();
    for (key, child) in children {
        out.extend((position as u32).to_le_bytes());
        out.extend((key.len() as u32).to_le_bytes());
        out.extend(child.to_le_bytes());
        position = position - 16 + key.len();
    }
    children.iter().for_each(|(key, _)| out.extend(*key));
    out.resize(PAGE, 0);
    out
}

/// The first page of a leaf with one key, whose value fills the page to `bytes` or, in one page, is that long.
pub(crate) fn leaf(id: u64, key: &[u8], bytes: usize) -> Vec<u8> {
    let (overflow, value) = if bytes < PAGE { (0, bytes) } else { (bytes / PAGE - 1, bytes - 32 - key.len()) };
    let mut out = page(id, 2, 1, overflow);
    for word in [0, 16, key.len(), value] {
        out.extend((word as u32).to_le_bytes());
    }
    out.extend(key);
    out.resize(PAGE, 0);
    out
}
