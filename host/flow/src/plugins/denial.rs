//! A write that a plugin has denied, for auditors.

use std::collections::BTreeMap;

use admission::AdmissionError;
use audit::{Event, Stage};
use auth::Caller;

use crate::{FlowError, Member, member::Shared, who};

impl Member {
    /// Records what plugins had to say of a write beside the denial that this error is, if it is one. That it was denied is recorded
    /// by whoever answers the caller. Gives the error back.
    pub(crate) fn remarked(&self, caller: &Caller, error: FlowError) -> FlowError {
        if let FlowError::Admission(denied) = &error
            && let Some(what) = said(denied)
        {
            let Shared { warden, identity, .. } = &*self.shared;
            let who = Some(who(warden, caller, None));
            self.record_later(Event { who, what, ..Event::new(identity.member_id, Stage::Remarked) });
        }
        error
    }
}

/// Who denied it, and what was said besides.
fn said(error: &AdmissionError) -> Option<BTreeMap<String, String>> {
    let AdmissionError::Denied { plugin, code, remarks, .. } = error else { return None };
    if remarks.is_empty() {
        return None;
    }
    let lines = [
        ("denied by", plugin.clone()),
        ("code", code.clone()),
        ("warnings", remarks.warnings.join("; ")),
        ("notes", remarks.notes.join("; ")),
    ];
    let given = lines.into_iter().filter(|(_, text)| !text.is_empty());
    Some(given.map(|(field, text)| (field.to_owned(), text)).collect())
}
