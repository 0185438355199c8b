//! Which entries there are, as numbers only. The running log and recovery obey the same arithmetic.

/// First and last entry, purge point, and the index the next entry must have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Extent {
    entries: Option<(u64, u64)>,
    purged: Option<u64>,
    /// `None`: any index may come next (a new log, or a replay whose older segments are gone).
    next: Option<u64>,
    /// Only during a replay: entries before the first one seen may lie in segments that were purged since.
    older_unseen: bool,
}

impl Extent {
    /// The extent at the start of a replay whose oldest segment restates `purged`.
    pub(super) fn replay(purged: Option<u64>, older_unseen: bool) -> Self {
        let next = if older_unseen { None } else { purged.map(|index| index + 1) };
        Extent { entries: None, purged, next, older_unseen }
    }

    pub(super) fn entries(&self) -> Option<(u64, u64)> {
        self.entries
    }

    pub(super) fn push(&mut self, index: u64) -> Result<(), String> {
        if index == 0 {
            return Err("entries begin at index 1".into());
        }
        if let Some(next) = self.next.filter(|next| *next != index) {
            return Err(format!("entry {index} where entry {next} is due"));
        }
        if let Some(purged) = self.purged.filter(|purged| index <= *purged) {
            return Err(format!("entry {index} lies behind the purge point {purged}"));
        }
        self.next = Some(after(index)?);
        self.entries = Some((self.entries.map_or(index, |(first, _)| first), index));
        Ok(())
    }

    /// Keeps entries up to `keep`; `None` keeps none.
    pub(super) fn truncate_after(&mut self, keep: Option<u64>) -> Result<(), String> {
        let Some(keep) = keep else {
            *self = Extent::replay(self.purged, false);
            return Ok(());
        };
        if let Some(purged) = self.purged.filter(|purged| keep < *purged) {
            return Err(format!("cannot truncate after {keep}: entries up to {purged} are purged"));
        }
        match self.entries {
            Some((_, last)) if keep >= last => {}
            Some((first, _)) => {
                self.entries = (first <= keep).then_some((first, keep));
                self.next = Some(keep + 1);
            }
            None => self.next = self.next.map(|next| next.min(keep.saturating_add(1))),
        }
        Ok(())
    }

    /// Drops entries up to `index`. Returns whether the purge point moved.
    pub(super) fn purge(&mut self, index: u64) -> Result<bool, String> {
        if self.purged.is_some_and(|purged| index <= purged) {
            return Ok(false);
        }
        let after = after(index)?;
        match self.entries {
            Some((_, last)) if index >= last => (self.entries, self.next) = (None, Some(after)),
            Some((first, last)) if index >= first => self.entries = Some((after, last)),
            Some((first, _)) if after < first && !self.older_unseen => {
                return Err(format!("cannot purge up to {index}: the first entry is {first}"));
            }
            Some(_) => {}
            None if self.older_unseen => self.next = self.next.map(|next| next.max(after)),
            None => self.next = Some(after),
        }
        self.purged = Some(index);
        Ok(true)
    }

    /// Ends a replay: everything between the purge point and the first entry must have been seen.
    pub(super) fn finish_replay(&mut self) -> Result<(), String> {
        if self.older_unseen && self.purged.is_none() {
            return Err("older segments are missing and nothing was purged".into());
        }
        let due = self.purged.map(|index| index + 1);
        let (start, older_unseen) = (self.entries.map(|(first, _)| first).or(self.next), self.older_unseen);
        self.older_unseen = false;
        match (due, start) {
            (Some(due), Some(start)) if start > due => Err(format!("entries {due} to {} are missing", start - 1)),
            (Some(due), None) if older_unseen => {
                self.next = Some(due);
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

/// The index behind `index`. The largest one is kept out of use so that half-open ranges can name every entry.
fn after(index: u64) -> Result<u64, String> {
    index.checked_add(1).ok_or_else(|| "the last possible entry index is not usable".into())
}
