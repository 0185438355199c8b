//! Response headers, filled as etcd fills them.

use flow::Header;
use proto::etcdserverpb::ResponseHeader;

/// The header of an answer.
#[expect(clippy::unnecessary_wraps, reason = "prost wants every message field in an option")]
pub(crate) fn full(header: Header) -> Option<ResponseHeader> {
    Some(ResponseHeader {
        cluster_id: header.cluster_id,
        member_id: header.member_id,
        revision: header.revision,
        raft_term: header.raft_term,
    })
}

/// The header of an answer that is not about keys, such as the list of members.
pub(crate) fn without_revision(header: Header) -> Option<ResponseHeader> {
    full(Header { revision: 0, ..header })
}

/// The header of an answer inside a transaction's answer: only the revision is set.
#[expect(clippy::unnecessary_wraps, reason = "prost wants every message field in an option")]
pub(crate) fn nested(revision: i64) -> Option<ResponseHeader> {
    Some(ResponseHeader { revision, ..Default::default() })
}
