//! Who calls, and whom: in the metadata of every call between members.

use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataMap, MetadataValue},
    service::Interceptor,
};

/// The protocol versions that this version speaks, oldest and newest. One more than the newest is added when the wire
/// changes, and the oldest dropped a release later, so that neighbouring versions run together.
const VERSIONS: (u32, u32) = (1, 2);

/// The newest protocol version that this member speaks, which it tells the others of.
pub const PEER_PROTOCOL: u32 = VERSIONS.1;

const CLUSTER: &str = "strongroom-cluster-id";
const FROM: &str = "strongroom-from";
const TO: &str = "strongroom-to";
const OLDEST: &str = "strongroom-protocol-oldest";
const NEWEST: &str = "strongroom-protocol-newest";

/// The cluster and this member's place in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Introduction {
    pub(crate) cluster_id: u64,
    pub(crate) member_id: u64,
}

/// Introduces this member in each call to another.
#[derive(Clone)]
pub(crate) struct Introduced {
    metadata: [(&'static str, MetadataValue<Ascii>); 5],
}

impl Introduction {
    pub(super) fn to(self, target: u64) -> Introduced {
        let id = |id: u64| MetadataValue::try_from(format!("{id:016x}")).expect("hexadecimal digits are visible");
        Introduced {
            metadata: [
                (CLUSTER, id(self.cluster_id)),
                (FROM, id(self.member_id)),
                (TO, id(target)),
                (OLDEST, VERSIONS.0.into()),
                (NEWEST, VERSIONS.1.into()),
            ],
        }
    }

    /// The caller's id, if its call belongs here.
    pub(super) fn check(self, metadata: &MetadataMap) -> Result<u64, Status> {
        let cluster = id(metadata, CLUSTER)?;
        if cluster != self.cluster_id {
            let text = format!("cluster ID mismatch: this is {:016x}, the call is for {cluster:016x}", self.cluster_id);
            return Err(Status::failed_precondition(text));
        }
        let to = id(metadata, TO)?;
        if to != self.member_id {
            let text = format!("member ID mismatch: this is {:016x}, the call is for {to:016x}", self.member_id);
            return Err(Status::failed_precondition(text));
        }
        let (oldest, newest) = (number(metadata, OLDEST)?, number(metadata, NEWEST)?);
        if newest < VERSIONS.0 || oldest > VERSIONS.1 {
            let text = format!(
                "no common protocol version: this member speaks {} to {}, the caller {oldest} to {newest}",
                VERSIONS.0, VERSIONS.1
            );
            return Err(Status::failed_precondition(text));
        }
        id(metadata, FROM)
    }
}

impl Interceptor for Introduced {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        for (name, value) in &self.metadata {
            request.metadata_mut().insert(*name, value.clone());
        }
        Ok(request)
    }
}

fn text<'a>(metadata: &'a MetadataMap, name: &'static str) -> Result<&'a str, Status> {
    let value = metadata.get(name).and_then(|value| value.to_str().ok());
    value.ok_or_else(|| Status::invalid_argument(format!("{name} is missing: the caller is no member")))
}

fn id(metadata: &MetadataMap, name: &'static str) -> Result<u64, Status> {
    u64::from_str_radix(text(metadata, name)?, 16).map_err(|_| Status::invalid_argument(format!("{name} is not an id")))
}

fn number(metadata: &MetadataMap, name: &'static str) -> Result<u32, Status> {
    text(metadata, name)?.parse().map_err(|_| Status::invalid_argument(format!("{name} is not a number")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Introduction = Introduction { cluster_id: 7, member_id: 2 };

    fn metadata(cluster_id: u64, target: u64) -> MetadataMap {
        let mut introduced = Introduction { cluster_id, member_id: 1 }.to(target);
        introduced.call(Request::new(())).unwrap().into_parts().0
    }

    #[test]
    fn a_call_of_the_cluster_is_taken_and_others_are_refused_by_name() {
        assert_eq!(HERE.check(&metadata(7, 2)).unwrap(), 1);
        assert!(HERE.check(&metadata(8, 2)).unwrap_err().message().starts_with("cluster ID mismatch"));
        assert!(HERE.check(&metadata(7, 3)).unwrap_err().message().starts_with("member ID mismatch"));
        assert!(HERE.check(&MetadataMap::new()).unwrap_err().message().contains("no member"));
    }

    #[test]
    fn neighbouring_versions_meet_and_distant_ones_do_not() {
        let mut of_next = metadata(7, 2);
        of_next.insert(NEWEST, (VERSIONS.1 + 1).into());
        assert_eq!(HERE.check(&of_next).unwrap(), 1);
        let mut of_later = of_next;
        of_later.insert(OLDEST, (VERSIONS.1 + 1).into());
        assert!(HERE.check(&of_later).unwrap_err().message().starts_with("no common protocol version"));
    }
}
