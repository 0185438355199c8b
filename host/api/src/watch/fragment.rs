//! Splitting a response that is too large for one message.

use prost::Message as _;
use proto::etcdserverpb::WatchResponse;
use proto::mvccpb::Event;

/// The response in pieces smaller than `bytes_max`, where more than one event makes a piece; all but the last say that
/// more follows. An event is never split. (`sendFragments` in etcd's `v3rpc/watch.go`.)
pub(super) fn fragments(mut response: WatchResponse, bytes_max: usize) -> Vec<WatchResponse> {
    if response.encoded_len() < bytes_max || response.events.len() < 2 {
        return vec![response];
    }
    let events = std::mem::take(&mut response.events);
    response.fragment = true;
    let room = bytes_max.saturating_sub(response.encoded_len());
    let chunks = chunks(events, room);
    let mut pieces: Vec<_> = chunks.into_iter().map(|events| WatchResponse { events, ..response.clone() }).collect();
    if let Some(last) = pieces.last_mut() {
        last.fragment = false;
    }
    pieces
}

fn chunks(events: Vec<Event>, room: usize) -> Vec<Vec<Event>> {
    let mut chunks = Vec::new();
    let mut chunk = Vec::new();
    let mut used = 0;
    for event in events {
        let bytes = framed_len(&event);
        if !chunk.is_empty() && used + bytes >= room {
            chunks.push(std::mem::take(&mut chunk));
            used = 0;
        }
        used += bytes;
        chunk.push(event);
    }
    chunks.push(chunk);
    chunks
}

/// Bytes of an event in a response: its tag, its length and itself.
fn framed_len(event: &Event) -> usize {
    let bytes = event.encoded_len();
    1 + prost::length_delimiter_len(bytes) + bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::mvccpb::KeyValue;

    fn response(sizes: &[usize]) -> WatchResponse {
        let event = |size: &usize| Event {
            kv: Some(KeyValue { value: vec![1; *size].into(), ..Default::default() }),
            ..Default::default()
        };
        WatchResponse { watch_id: 7, events: sizes.iter().map(event).collect(), ..Default::default() }
    }

    #[test]
    fn every_piece_fits_and_only_the_last_is_final() {
        let pieces = fragments(response(&[400; 10]), 1000);
        assert_eq!(pieces.iter().map(|piece| piece.events.len()).sum::<usize>(), 10);
        assert!(pieces.iter().all(|piece| piece.encoded_len() < 1000 && piece.watch_id == 7));
        let (last, rest) = pieces.split_last().unwrap();
        assert!(!last.fragment && rest.len() == 4 && rest.iter().all(|piece| piece.fragment));
    }

    #[test]
    fn what_fits_or_cannot_be_split_is_sent_whole() {
        assert_eq!(fragments(response(&[10, 10]), 1000).len(), 1);
        assert_eq!(fragments(response(&[5000]), 1000).len(), 1);
        assert_eq!(fragments(response(&[5000, 10]), 1000).len(), 2);
    }
}
