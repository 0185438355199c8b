//! The header of every answer: filled, and at the right revision.

use proto::etcdserverpb::{
    AlarmRequest, CompactionRequest, DeleteRangeRequest, LeaseGrantRequest, LeaseLeasesRequest, LeaseRevokeRequest,
    LeaseTimeToLiveRequest, MemberListRequest, PutRequest, RangeRequest, ResponseHeader, StatusRequest,
};
use tonic::{Response, Status};

use crate::{
    nested::{always, get, put},
    render,
    session::{Session, agree},
};

fn note<T>(
    s: &mut Session,
    what: &str,
    answer: Result<Response<T>, Status>,
    header: impl Fn(&T) -> Option<ResponseHeader>,
) {
    let answer = s.answered(what, answer);
    s.note(what, &render::header(header(&answer).as_ref()));
}

#[tokio::test]
async fn every_answer_says_who_and_when() {
    agree(async |s: &mut Session| {
        let answer = s.client.kv.range(RangeRequest { key: "a".into(), ..RangeRequest::default() }).await;
        note(s, "range of an empty store", answer, |answer| answer.header);
        let answer = s.client.kv.put(PutRequest { key: "a".into(), ..PutRequest::default() }).await;
        note(s, "put", answer, |answer| answer.header);
        let answer =
            s.client.kv.range(RangeRequest { key: "a".into(), serializable: true, ..RangeRequest::default() }).await;
        note(s, "serializable range", answer, |answer| answer.header);
        let answer = s.client.kv.txn(always(vec![put("b", "1"), get("b")])).await;
        note(s, "txn", answer, |answer| answer.header);
        let answer =
            s.client.kv.delete_range(DeleteRangeRequest { key: "b".into(), ..DeleteRangeRequest::default() }).await;
        note(s, "delete", answer, |answer| answer.header);
        let answer = s.client.kv.range(RangeRequest { key: "a".into(), revision: 2, ..RangeRequest::default() }).await;
        note(s, "range of an older revision", answer, |answer| answer.header);
        let answer = s.client.kv.compact(CompactionRequest { revision: 3, physical: true }).await;
        note(s, "compaction", answer, |answer| answer.header);
    })
    .await;
}

#[tokio::test]
async fn leases_and_members_too() {
    agree(async |s: &mut Session| {
        s.ok(&["put", "a", "1"]).await;
        let answer = s.client.lease.lease_grant(LeaseGrantRequest { ttl: 60, id: 3 }).await;
        note(s, "grant", answer, |answer| answer.header);
        let answer = s.client.lease.lease_time_to_live(LeaseTimeToLiveRequest { id: 3, keys: true }).await;
        note(s, "time to live", answer, |answer| answer.header);
        let answer = s.client.lease.lease_leases(LeaseLeasesRequest {}).await;
        note(s, "leases", answer, |answer| answer.header);
        let answer = s.client.lease.lease_revoke(LeaseRevokeRequest { id: 3 }).await;
        note(s, "revoke", answer, |answer| answer.header);
        let answer = s.client.cluster.member_list(MemberListRequest { linearizable: true }).await;
        note(s, "members", answer, |answer| answer.header);
        let answer = s.client.maintenance.status(StatusRequest {}).await;
        note(s, "status", answer, |answer| answer.header);
        let answer = s.client.maintenance.alarm(AlarmRequest::default()).await;
        let header = s.answered("alarms", answer).header;
        // etcd fills this header too since 3.5; the one compared with is 3.4 and leaves it out.
        if !s.is_etcd() {
            assert!(
                header.is_some_and(|header| header.revision == 2 && header.member_id != 0 && header.raft_term != 0)
            );
        }
    })
    .await;
}

#[tokio::test]
async fn all_headers_name_the_same_member() {
    agree(async |s: &mut Session| {
        let put = s.client.kv.put(PutRequest { key: "a".into(), ..PutRequest::default() }).await;
        let members = s.client.cluster.member_list(MemberListRequest::default()).await;
        let status = s.client.maintenance.status(StatusRequest {}).await;
        let put = s.answered("put", put).header.unwrap();
        let members = s.answered("members", members);
        let status = s.answered("status", status);
        assert_eq!(members.members[0].id, put.member_id);
        assert_eq!(status.leader, put.member_id);
        assert_eq!(status.raft_term, put.raft_term);
        for header in [members.header.unwrap(), status.header.unwrap()] {
            assert_eq!(
                (header.cluster_id, header.member_id, header.raft_term),
                (put.cluster_id, put.member_id, put.raft_term)
            );
        }
        s.note("members", &members.members.len().to_string());
    })
    .await;
}
