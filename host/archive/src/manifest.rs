//! What a snapshot is of.

use std::fmt;

/// Layout of the archive that this version writes.
const FORMAT: &str = "strongroom-snapshot 1";

/// What a snapshot is of, for people and for a restore.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The etcd version whose API the member has that wrote it.
    pub etcd: String,
    /// The cluster.
    pub cluster_id: u64,
    /// The member that wrote it.
    pub member_id: u64,
    /// The newest revision in it.
    pub revision: i64,
    /// When it was made, in seconds since 1970, by the clock of that member; zero for one that does not tell.
    pub unix_seconds: i64,
    /// What that member had seen before, oldest first, as far back as it told.
    pub moments: Vec<Moment>,
}

/// A time at which a revision was there already, of which no later one was noted then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Seconds since 1970, by the clock of the member.
    pub unix_seconds: i64,
    /// The revision.
    pub revision: i64,
}

/// Why a manifest cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// It is none.
    Nonsense,
    /// It is of another format.
    Format(String),
}

impl Manifest {
    /// Reads what `to_string` wrote. Lines of later versions are passed over.
    pub(crate) fn parse(text: &str) -> Result<Self, Unreadable> {
        let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        match field("format") {
            Some(FORMAT) => {}
            Some(other) if other.starts_with("strongroom-snapshot ") => {
                return Err(Unreadable::Format(other.to_owned()));
            }
            _ => return Err(Unreadable::Nonsense),
        }
        let id = |name| field(name).and_then(|hex| u64::from_str_radix(hex, 16).ok()).ok_or(Unreadable::Nonsense);
        let moments = text.lines().filter_map(|line| line.strip_prefix("moment "));
        let number = |name| field(name).map(|number| number.parse().map_err(|_| Unreadable::Nonsense)).transpose();
        Ok(Self {
            etcd: field("etcd").unwrap_or_default().to_owned(),
            cluster_id: id("cluster")?,
            member_id: id("member")?,
            revision: number("revision")?.ok_or(Unreadable::Nonsense)?,
            unix_seconds: number("time")?.unwrap_or(0),
            moments: moments.map(Moment::parse).collect::<Option<_>>().ok_or(Unreadable::Nonsense)?,
        })
    }

    /// The last one that the member noted until a time; none for a time before all of them, or after the snapshot was made.
    #[must_use]
    pub fn moment(&self, unix_seconds: i64) -> Option<Moment> {
        let noted = self.moments.iter().rfind(|moment| moment.unix_seconds <= unix_seconds);
        noted.copied().filter(|_| unix_seconds <= self.unix_seconds)
    }
}

impl fmt::Display for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { etcd, cluster_id, member_id, revision, unix_seconds, moments } = self;
        writeln!(f, "format {FORMAT}\netcd {etcd}\ncluster {cluster_id:016x}\nmember {member_id:016x}")?;
        writeln!(f, "revision {revision}\ntime {unix_seconds}")?;
        moments.iter().try_for_each(|moment| writeln!(f, "moment {moment}"))
    }
}

impl Moment {
    /// Reads what `to_string` wrote: a time and a revision.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (unix_seconds, revision) = text.split_once(' ')?;
        Some(Self { unix_seconds: unix_seconds.parse().ok()?, revision: revision.parse().ok()? })
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.unix_seconds, self.revision)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_is_read_as_it_was_written_and_another_format_refused() {
        let etcd = "3.7.0".to_owned();
        let moments = vec![Moment { unix_seconds: 1_795_926_001, revision: 6 }];
        let unix_seconds = 1_795_926_067;
        let manifest = Manifest { etcd, cluster_id: u64::MAX, member_id: 1, revision: 7, unix_seconds, moments };
        assert_eq!(Manifest::parse(&manifest.to_string()), Ok(manifest.clone()));
        assert_eq!(Manifest::parse(&format!("{manifest}more later\n")), Ok(manifest.clone()));
        let before = manifest.to_string().replace("time 1795926067\n", "");
        assert_eq!(Manifest::parse(&before), Ok(Manifest { unix_seconds: 0, ..manifest.clone() }));
        let newer = manifest.to_string().replace(FORMAT, "strongroom-snapshot 2");
        assert_eq!(Manifest::parse(&newer), Err(Unreadable::Format("strongroom-snapshot 2".to_owned())));
        let wrong = |from, to| manifest.to_string().replace(from, to);
        for nonsense in [String::new(), "format tar".to_owned(), wrong("revision 7", "revision x"), wrong("1 6", "1,6")]
        {
            assert_eq!(Manifest::parse(&nonsense), Err(Unreadable::Nonsense), "{nonsense}");
        }
    }

    #[test]
    fn a_time_has_the_last_moment_that_was_noted_until_then() {
        let moments = [(100, 3), (110, 7)].map(|(unix_seconds, revision)| Moment { unix_seconds, revision }).to_vec();
        let etcd = "3.7.0".to_owned();
        let manifest = Manifest { etcd, cluster_id: 1, member_id: 1, revision: 9, unix_seconds: 120, moments };
        let revision = |time| manifest.moment(time).map(|moment| moment.revision);
        let expected = [(99, None), (100, Some(3)), (109, Some(3)), (110, Some(7)), (120, Some(7)), (121, None)];
        assert_eq!(expected.map(|(time, _)| (time, revision(time))), expected);
    }
}
