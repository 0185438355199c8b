//! The members beside the state, in the file [`ROSTER`]: who can be asked when the state cannot be read.

use std::{collections::BTreeMap, fs, io, path::Path};

use crate::PeerNode;

/// The file under the data directory: an id and its peer URLs a line.
const ROSTER: &str = "members";

/// Notes who the members are. Not synced: what it is for also finds members that have left or moved, and asks the next.
pub(crate) fn note<'n>(dir: &Path, nodes: impl Iterator<Item = (&'n u64, &'n PeerNode)>) {
    let text: String = nodes.map(|(id, node)| format!("{id:016x} {}\n", node.peer_urls.join(" "))).collect();
    let draft = dir.join(ROSTER).with_extension("new");
    if let Err(error) = fs::write(&draft, text).and_then(|()| fs::rename(&draft, dir.join(ROSTER))) {
        tracing::warn!(%error, "the list of members beside the state was not written");
    }
}

/// The members that were noted last; nobody if none were. What is no line of it is passed over.
pub(crate) fn read(dir: &Path) -> io::Result<BTreeMap<u64, PeerNode>> {
    match fs::read_to_string(dir.join(ROSTER)) {
        Ok(text) => Ok(text.lines().filter_map(parse).collect()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(BTreeMap::new()),
        Err(error) => Err(error),
    }
}

fn parse(line: &str) -> Option<(u64, PeerNode)> {
    let mut words = line.split_whitespace();
    let id = u64::from_str_radix(words.next()?, 16).ok()?;
    Some((id, PeerNode { peer_urls: words.map(str::to_owned).collect() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_read_as_they_were_noted_and_nonsense_is_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        assert!(read(dir.path()).unwrap().is_empty());
        let node = |urls: &[&str]| PeerNode { peer_urls: urls.iter().map(|url| (*url).to_owned()).collect() };
        let members = BTreeMap::from([(7, node(&["http://a:1", "http://b:1"])), (0xff00_0000_0000_0000, node(&[]))]);
        note(dir.path(), members.iter());
        assert_eq!(read(dir.path()).unwrap(), members);
        fs::write(dir.path().join(ROSTER), "\nwhat is this\n7 http://c:1\n").unwrap();
        assert_eq!(read(dir.path()).unwrap(), BTreeMap::from([(7, node(&["http://c:1"]))]));
    }
}
