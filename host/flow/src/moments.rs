//! Which revision was the newest when: what a snapshot is restored to a time by.
//!
//! Noted each second in which something was written, and thinned with age. Only this member's own view, by its own clock: nothing of it
//! is in the log, and apply knows no time. A revision is noted for the end of the second in which it was seen: what is found for a time was
//! there by then.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::Mutex,
    time::Duration,
};

use archive::Moment;

use crate::{Member, sealing::unix_seconds};

/// The file under the data directory: a moment a line.
const FILE: &str = "moments";

/// How often it is looked.
const INTERVAL: Duration = Duration::from_secs(1);

/// After so many looks what is known is written down.
const SAVED_EACH: u32 = 10;

/// Moments younger than the first number of seconds are at least as far apart as the second one; older ones are dropped.
const DISTANCES: [(i64, i64); 3] = [(3600, 1), (86_400, 60), (30 * 86_400, 3600)];

const POISONED: &str = "no code that can panic runs while the moments are locked";

/// What this member noted, oldest first.
pub(crate) struct Moments {
    path: PathBuf,
    known: Mutex<Vec<Moment>>,
}

impl Moments {
    /// Goes on with what an earlier run noted. A file that cannot be read is as good as none: it only means that an earlier time cannot be named.
    pub(crate) fn open(data_dir: &Path) -> Self {
        let path = data_dir.join(FILE);
        let text = fs::read_to_string(&path).unwrap_or_default();
        let lines = text.split_inclusive('\n').map_while(|line| Moment::parse(line.strip_suffix('\n')?));
        let known: Vec<Moment> = lines.collect();
        let sound =
            known.is_sorted_by(|one, next| one.unix_seconds < next.unix_seconds && one.revision < next.revision);
        Self { path, known: Mutex::new(if sound { known } else { Vec::new() }) }
    }

    /// Notes that a revision is the newest one. Returns whether that was news.
    fn note(&self, now: Moment) -> bool {
        let mut known = self.known.lock().expect(POISONED);
        // A lower one is that of a state which has yet to catch up.
        if known.last().is_some_and(|last| last.revision >= now.revision) {
            return false;
        }
        // A clock that went back: what was noted is not so.
        known.retain(|moment| moment.unix_seconds < now.unix_seconds);
        known.push(now);
        thin(&mut known, now.unix_seconds);
        true
    }

    /// Those of revisions that a snapshot has.
    pub(crate) fn between(&self, oldest: i64, newest: i64) -> Vec<Moment> {
        let known = self.known.lock().expect(POISONED);
        known.iter().filter(|moment| (oldest..=newest).contains(&moment.revision)).copied().collect()
    }

    fn save(&self) -> io::Result<()> {
        let text: String = self.known.lock().expect(POISONED).iter().map(|moment| format!("{moment}\n")).collect();
        let unfinished = self.path.with_extension("new");
        fs::write(&unfinished, text)?;
        File::open(&unfinished)?.sync_all()?;
        fs::rename(unfinished, &self.path)
    }
}

/// The first one of each stretch stays, so that what is found for a time was there at that time.
fn thin(moments: &mut Vec<Moment>, now: i64) {
    let mut before = None;
    moments.retain(|moment| {
        let age = now.saturating_sub(moment.unix_seconds);
        let Some((_, distance)) = DISTANCES.iter().find(|(younger, _)| age < *younger) else { return false };
        let stretch = Some((*distance, moment.unix_seconds.div_euclid(*distance)));
        let is_first = before != stretch;
        before = stretch;
        is_first
    });
}

impl Member {
    pub(crate) async fn note_moments_forever(self) {
        let (mut since_saved, mut is_new) = (0, false);
        loop {
            tokio::time::sleep(INTERVAL).await;
            match self.shared.store.view(|view| view.revision()) {
                Ok(revision) => {
                    let now = Moment { unix_seconds: unix_seconds().saturating_add(1), revision };
                    is_new |= self.shared.moments.note(now);
                }
                Err(error) => tracing::debug!(%error, "the newest revision is not known"),
            }
            since_saved += 1;
            if is_new && since_saved >= SAVED_EACH {
                (since_saved, is_new) = (0, !self.save_moments().await);
            }
        }
    }

    /// Whether it could.
    pub(crate) async fn save_moments(&self) -> bool {
        let member = self.clone();
        let saved = tokio::task::spawn_blocking(move || member.shared.moments.save()).await;
        match saved.map_err(io::Error::other).flatten() {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!(%error, "when which revision was the newest is not written down");
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(unix_seconds: i64, revision: i64) -> Moment {
        Moment { unix_seconds, revision }
    }

    #[test]
    fn what_was_noted_is_known_after_a_restart_but_not_what_cannot_be() {
        let dir = tempfile::tempdir().unwrap();
        let moments = Moments::open(dir.path());
        assert!(moments.note(at(100, 1)) && moments.note(at(101, 5)) && !moments.note(at(102, 5)));
        moments.save().unwrap();
        let moments = Moments::open(dir.path());
        assert_eq!(moments.between(1, 9), [at(100, 1), at(101, 5)]);
        assert_eq!(moments.between(2, 9), [at(101, 5)], "of what is compacted there is nothing to restore");
        assert_eq!(moments.between(1, 4), [at(100, 1)]);
        assert!(!moments.note(at(103, 3)), "the state is to catch up");
        moments.note(at(101, 6));
        assert_eq!(moments.between(1, 9), [at(100, 1), at(101, 6)], "the clock went back");
        for (text, known) in [("100 1\nnonsense\n101 5\n", 1), ("100 1\n101 5", 1), ("100 5\n101 1\n", 0), ("", 0)] {
            fs::write(dir.path().join(FILE), text).unwrap();
            assert_eq!(Moments::open(dir.path()).between(1, 9).len(), known, "{text:?}");
        }
    }

    #[test]
    fn moments_are_the_fewer_the_older_they_are() {
        let dir = tempfile::tempdir().unwrap();
        let (moments, days) = (Moments::open(dir.path()), 40);
        let end = days * 86_400;
        // Each second of the last two hours, and each minute before.
        for second in (0..end).filter(|second| end - second <= 7200 || second % 60 == 0) {
            moments.note(at(second, second + 1));
        }
        let known = moments.between(0, i64::MAX);
        let younger = |age: i64| known.iter().filter(|moment| end - moment.unix_seconds <= age).count();
        assert_eq!(younger(3600), 3600);
        assert_eq!(younger(86_400) - younger(3600), 23 * 60);
        assert_eq!(known.len() - younger(86_400), 29 * 24);
        assert!(known.is_sorted_by_key(|moment| moment.revision));
    }
}
