//! `/debug/vars`: what a debugger asks first, in etcd's form. etcd's memory figures are Go's and have no counterpart; and
//! the command line is not shown, because it may name secrets.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::health::Probed;

#[derive(Serialize)]
struct Variables {
    #[serde(rename = "raft.status")]
    raft: Raft,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Raft {
    id: String,
    term: u64,
    commit: u64,
    lead: String,
    raft_state: &'static str,
    applied: u64,
    progress: BTreeMap<String, Progress>,
}

#[derive(Serialize)]
struct Progress {
    #[serde(rename = "match")]
    matched: u64,
    next: u64,
}

/// The page.
pub(crate) async fn show(State(probed): State<Probed>) -> Response {
    let status = probed.member.status();
    let (id, body) = (status.header.member_id, status.body);
    let leads = body.leader == id;
    let progress = Progress { matched: body.raft_index, next: body.raft_index + 1 };
    let raft = Raft {
        id: format!("{id:x}"),
        term: body.raft_term,
        commit: body.raft_index,
        lead: format!("{:x}", body.leader),
        raft_state: if leads { "StateLeader" } else { "StateFollower" },
        applied: body.raft_applied_index,
        progress: leads.then_some((format!("{id:x}"), progress)).into_iter().collect(),
    };
    let page = serde_json::to_string_pretty(&Variables { raft }).expect("names and numbers are JSON");
    ([(header::CONTENT_TYPE, "application/json; charset=utf-8")], page).into_response()
}
