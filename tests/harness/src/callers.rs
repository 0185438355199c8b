//! Whose a connection is, asked of the kernel: its socket is among the files of exactly one process.
//!
//! The kernel takes milliseconds to write its table of connections, however few they are. So it is read once for all who ask at the
//! time, and not on the threads by which connections are carried: where members connect again and again, as they do on a machine
//! that is busy with something else, the links would otherwise be busy with this alone, and members connect again because of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{mpsc, oneshot},
    task::spawn_blocking,
    time::sleep,
};

/// How often it is looked whose a connection is: while others come and go, the kernel's table may leave one out.
const LOOKS: u32 = 3;
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// Most of those who are answered by one look.
const ASKED_MAX: usize = 1024;

/// A connection by the ports of both its sides, that of whoever made it first.
type Ports = (u16, u16);

/// What a look found: nothing, or whose it is; nobody's is that of a process that is none of the members'.
type Look = Option<Option<usize>>;

type Processes = Arc<Mutex<Vec<Option<u32>>>>;

/// Tells the connections of some members apart. Dropping it ends the looking.
#[derive(Debug)]
pub(crate) struct Callers {
    processes: Processes,
    asked: mpsc::UnboundedSender<(Ports, oneshot::Sender<Look>)>,
}

impl Callers {
    pub(crate) fn among(members: usize) -> Self {
        let processes = Processes::new(Mutex::new(vec![None; members]));
        let (asked, waiting) = mpsc::unbounded_channel();
        tokio::spawn(look(waiting, Arc::clone(&processes)));
        Self { processes, asked }
    }

    /// A member's process has begun, or ended.
    pub(crate) fn runs_as(&self, member: usize, process: Option<u32>) {
        self.processes.lock().unwrap_or_else(PoisonError::into_inner)[member] = process;
    }

    /// The member that made a connection of this machine with itself.
    pub(crate) async fn of(&self, connection: Ports) -> Option<usize> {
        for _ in 0..LOOKS {
            let (sender, answer) = oneshot::channel();
            self.asked.send((connection, sender)).ok()?;
            if let Some(whose) = answer.await.ok()? {
                return whose;
            }
            sleep(LOOK_AGAIN).await;
        }
        None
    }

    /// The connections that a member has made to a port and not closed, by the ports on its side.
    pub(crate) fn dialled(&self, from: usize, to: u16) -> BTreeSet<u16> {
        let process = self.processes.lock().unwrap_or_else(PoisonError::into_inner)[from];
        let table = table();
        let sockets = sockets(&table).filter(|(ports, _)| ports.1 == to).collect();
        owners(&sockets, &[process]).into_keys().map(|ports| ports.0).collect()
    }
}

async fn look(mut waiting: mpsc::UnboundedReceiver<(Ports, oneshot::Sender<Look>)>, processes: Processes) {
    let mut asked = Vec::new();
    while waiting.recv_many(&mut asked, ASKED_MAX).await > 0 {
        let connections: BTreeSet<Ports> = asked.iter().map(|(connection, _)| *connection).collect();
        let processes = processes.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let found = spawn_blocking(move || looks(&connections, &processes)).await.expect("looking does not panic");
        for (connection, answer) in asked.drain(..) {
            // Who asked may have gone away.
            let _ = answer.send(found.get(&connection).copied());
        }
    }
}

/// Those of the connections that the kernel knows, and whose they are.
fn looks(connections: &BTreeSet<Ports>, processes: &[Option<u32>]) -> BTreeMap<Ports, Option<usize>> {
    let table = table();
    let sockets = sockets(&table).filter(|(ports, _)| connections.contains(ports)).collect();
    let owners = owners(&sockets, processes);
    sockets.into_keys().map(|ports| (ports, owners.get(&ports).copied())).collect()
}

fn table() -> String {
    fs::read_to_string("/proc/net/tcp").unwrap_or_default()
}

/// The sockets of connections of 127.0.0.1 with itself, as the files that they are of some process.
fn sockets(table: &str) -> impl Iterator<Item = (Ports, String)> {
    let port = |address: &str| u16::from_str_radix(address.strip_prefix("0100007F:")?, 16).ok();
    table.lines().filter_map(move |line| {
        let mut fields = line.split_whitespace().skip(1);
        let ports = (port(fields.next()?)?, port(fields.next()?)?);
        // One that is closed is no file any more.
        fields.nth(6).filter(|inode| *inode != "0").map(|inode| (ports, format!("socket:[{inode}]")))
    })
}

/// Which of the sockets are files of which process.
fn owners(sockets: &BTreeMap<Ports, String>, processes: &[Option<u32>]) -> BTreeMap<Ports, usize> {
    let by_file: BTreeMap<&str, Ports> = sockets.iter().map(|(ports, file)| (file.as_str(), *ports)).collect();
    let mut owners = BTreeMap::new();
    for (member, process) in processes.iter().enumerate() {
        let files = process.and_then(|process| fs::read_dir(format!("/proc/{process}/fd")).ok());
        for file in files.into_iter().flatten().flatten() {
            let target = fs::read_link(file.path()).unwrap_or_default();
            let owned = target.to_str().and_then(|target| by_file.get(target));
            owners.extend(owned.map(|ports| (*ports, member)));
        }
    }
    owners
}

#[cfg(test)]
mod tests {
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    #[tokio::test]
    async fn each_connection_is_its_process_s_and_nobody_s_if_that_is_no_member_s() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let to = listener.local_addr().unwrap().port();
        let streams = [
            TcpStream::connect(("127.0.0.1", to)).await.unwrap(),
            TcpStream::connect(("127.0.0.1", to)).await.unwrap(),
        ];
        let ports = streams.each_ref().map(|stream| stream.local_addr().unwrap().port());
        let callers = Callers::among(2);
        assert_eq!(callers.of((ports[0], to)).await, None, "no member runs");
        callers.runs_as(1, Some(std::process::id()));
        let (one, other) = tokio::join!(callers.of((ports[0], to)), callers.of((ports[1], to)));
        assert_eq!((one, other), (Some(1), Some(1)));
        assert_eq!(callers.dialled(1, to), BTreeSet::from(ports));
        assert_eq!(callers.dialled(0, to), BTreeSet::new());
        assert_eq!(callers.of((ports[0], 1)).await, None, "there is no such connection");
        let one = BTreeSet::from([(ports[0], to), (ports[0], 1)]);
        assert_eq!(looks(&one, &[None]), BTreeMap::from([((ports[0], to), None)]), "there is, and it is nobody's");
    }
}
