//! What a history must look like after crashes, given what clients were told.

use std::collections::HashMap;

use harness::Client;
use proto::{
    etcdserverpb::{RangeRequest, WatchCreateRequest},
    mvccpb::{Event, event::EventType},
};

/// A write that a client was told of, by its answer or by a watch.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Known {
    /// The revision it was given.
    pub(crate) revision: i64,
    /// What was written.
    pub(crate) key: String,
    /// Its value.
    pub(crate) value: String,
}

/// Everything that ever happened to the store, from its watch.
pub(crate) struct History {
    events: Vec<(Known, i64)>,
    newest: i64,
}

impl History {
    /// Asks a server for all of it.
    pub(crate) async fn of(client: &Client) -> Self {
        let newest = revision(client).await;
        let mut stream = client.watch();
        let request = WatchCreateRequest {
            key: "\0".into(),
            range_end: "\0".into(),
            start_revision: 1,
            ..WatchCreateRequest::default()
        };
        stream.create(request).await;
        let mut events = Vec::new();
        while events.last().is_none_or(|(known, _): &(Known, i64)| known.revision < newest) {
            events.extend(stream.next().await.events.iter().map(known));
        }
        Self { events, newest }
    }

    /// Holds the history against what clients know, and says what is wrong.
    pub(crate) fn check(&self, acknowledged: &[Known]) -> Result<(), String> {
        self.revisions_are_unbroken()?;
        self.holds_all(acknowledged)?;
        self.nothing_is_written_twice()
    }

    /// The first write has revision 2; from there each revision is the one before or the next one, up to the newest.
    fn revisions_are_unbroken(&self) -> Result<(), String> {
        let mut last = 1;
        for (known, _) in &self.events {
            if known.revision != last + 1 && (known.revision != last || last == 1) {
                return Err(format!("revision {last} is followed by {known:?}"));
            }
            last = known.revision;
        }
        if last == self.newest {
            Ok(())
        } else {
            Err(format!("the history ends at {last}, the store is at {}", self.newest))
        }
    }

    fn holds_all(&self, acknowledged: &[Known]) -> Result<(), String> {
        let mut at: HashMap<(i64, &str), &str> = HashMap::new();
        for (known, _) in &self.events {
            at.insert((known.revision, &known.key), &known.value);
        }
        for known in acknowledged {
            match at.get(&(known.revision, known.key.as_str())) {
                Some(&value) if value == known.value => {}
                Some(value) => return Err(format!("{known:?} was acknowledged; its revision now holds {value:?}")),
                None => return Err(format!("{known:?} was acknowledged and is lost")),
            }
        }
        Ok(())
    }

    /// A key under `/once/` is written by one request only. One under `/count/` counts its own versions.
    fn nothing_is_written_twice(&self) -> Result<(), String> {
        for (known, version) in &self.events {
            if known.key.starts_with("/once/") && *version != 1 {
                return Err(format!("{known:?} was written {version} times"));
            }
            if known.key.starts_with("/count/") && known.value != version.to_string() {
                return Err(format!(
                    "{known:?} is version {version}: a compare-and-swap was applied twice or not at all"
                ));
            }
        }
        Ok(())
    }

    /// How many events it has.
    pub(crate) fn len(&self) -> usize {
        self.events.len()
    }
}

/// The newest revision of the store.
pub(crate) async fn revision(client: &Client) -> i64 {
    let request = RangeRequest { key: "none".into(), ..RangeRequest::default() };
    let answer = client.kv.clone().range(request).await.expect("a ready server answers").into_inner();
    answer.header.expect("an answer has a header").revision
}

/// An event as something that a client knows, with the version of its key.
pub(crate) fn known(event: &Event) -> (Known, i64) {
    let kv = event.kv.as_ref().expect("an event has a key");
    assert_eq!(event.r#type(), EventType::Put, "nobody deletes here");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (Known { revision: kv.mod_revision, key: text(&kv.key), value: text(&kv.value) }, kv.version)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(revision: i64, key: &str, value: &str, version: i64) -> (Known, i64) {
        (Known { revision, key: key.into(), value: value.into() }, version)
    }

    fn sound() -> History {
        let events = vec![
            write(2, "/once/a", "x", 1),
            write(3, "/count/c", "1", 1),
            write(3, "/once/by-1", "me", 1),
            write(4, "/count/c", "2", 2),
        ];
        History { events, newest: 4 }
    }

    #[test]
    fn a_sound_history_passes() {
        let history = sound();
        let told: Vec<_> = history.events.iter().map(|(known, _)| known.clone()).collect();
        assert_eq!(history.check(&told), Ok(()));
    }

    #[test]
    fn a_lost_write_is_found() {
        let lost = write(5, "/once/b", "x", 1).0;
        assert!(sound().check(&[lost]).unwrap_err().contains("lost"));
    }

    #[test]
    fn a_revision_used_again_is_found() {
        let first = write(2, "/once/a", "another", 1).0;
        assert!(sound().check(&[first]).unwrap_err().contains("now holds"));
        let first = write(2, "/once/b", "x", 1).0;
        assert!(sound().check(&[first]).unwrap_err().contains("lost"));
    }

    #[test]
    fn gaps_are_found_at_either_end_and_between() {
        for (index, events) in [(0, "start"), (3, "end")] {
            let mut history = sound();
            history.events.remove(index);
            assert!(history.check(&[]).is_err(), "a gap at the {events}");
        }
        let mut history = sound();
        history.events.drain(1..3);
        assert!(history.check(&[]).unwrap_err().contains("followed by"));
    }

    #[test]
    fn a_write_applied_twice_is_found() {
        let mut history = sound();
        history.events.push(write(5, "/once/a", "x", 2));
        history.newest = 5;
        assert!(history.check(&[]).unwrap_err().contains("2 times"));
        let mut history = sound();
        history.events.push(write(5, "/count/c", "2", 3));
        history.newest = 5;
        assert!(history.check(&[]).unwrap_err().contains("compare-and-swap"));
    }
}
