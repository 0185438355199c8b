//! The links between members: a TCP proxy before each peer listener, whose traffic can be cut, slowed, delayed and broken, each
//! direction of each pair by itself.
//!
//! All members know a member by one URL, that of its proxy. Who has connected to it is asked of the kernel: the connection's
//! socket is among the files of exactly one member's process.
//!
//! A cut link behaves as a network that drops everything: bytes wait, connections stay open, new ones get no answer. Lost
//! packets appear as what TCP makes of them: a pause until they are sent again.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, Write as _},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{mpsc, watch},
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};

use crate::{Random, callers::Callers};

/// Bytes taken at once.
const PIECE_BYTES: usize = 16 * 1024;

/// Pieces on their way through one direction of one connection: a window of a few megabytes, as a real network has.
const PIECES_MAX: usize = 256;

/// How long a lost packet holds up what is behind it: Linux's shortest retransmission timeout.
const RETRANSMISSION: Duration = Duration::from_millis(200);

/// Pause after a failed accept, when there are no more files, say: others are closed before long.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);

/// What a link does to the bytes that go one way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Condition {
    /// Nothing passes.
    pub cut: bool,
    /// How much later everything arrives.
    pub delay: Duration,
    /// How many pieces of a thousand are lost and sent again.
    pub lost_per_mille: u64,
    /// Most bytes a second.
    pub bytes_per_second: Option<u64>,
}

/// One direction between two members.
#[derive(Debug, Clone, Copy, Default)]
struct Link {
    condition: Condition,
    /// Raised to break every connection that uses the link.
    breaks: u64,
}

#[derive(Debug)]
struct Shared {
    /// By the sender and the receiver of the bytes.
    links: watch::Sender<Vec<Vec<Link>>>,
    callers: Callers,
    /// Where everything that passes is written as well.
    tap: Mutex<Option<File>>,
}

impl Shared {
    fn tap(&self, piece: &[u8]) {
        if let Some(file) = self.tap.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            file.write_all(piece).expect("a temporary file can be written");
        }
    }
}

/// All links between some members. Dropping it ends all connections.
#[derive(Debug)]
pub struct Links {
    shared: Arc<Shared>,
    ports: Vec<u16>,
    _listeners: JoinSet<()>,
}

impl Links {
    /// Proxies before these peer listeners.
    ///
    /// # Panics
    /// When no port can be listened on.
    pub async fn before(peer_ports: &[u16]) -> Self {
        let members = peer_ports.len();
        let shared = Arc::new(Shared {
            links: watch::Sender::new(vec![vec![Link::default(); members]; members]),
            callers: Callers::among(members),
            tap: Mutex::default(),
        });
        let (mut ports, mut listeners) = (Vec::new(), JoinSet::new());
        for (member, peer_port) in peer_ports.iter().copied().enumerate() {
            let port = crate::free_port();
            let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("a free port can be listened on");
            listeners.spawn(accept(listener, member, peer_port, Arc::clone(&shared)));
            ports.push(port);
        }
        Self { shared, ports, _listeners: listeners }
    }

    /// Where other members reach a member.
    #[must_use]
    pub fn port(&self, member: usize) -> u16 {
        self.ports[member]
    }

    /// A member's process has begun, or ended.
    pub fn runs_as(&self, member: usize, process: Option<u32>) {
        self.shared.callers.runs_as(member, process);
    }

    /// The connections that a member has made to another and not closed, by the ports on its side; asked of the kernel.
    #[must_use]
    pub fn dialled(&self, from: usize, to: usize) -> BTreeSet<u16> {
        self.shared.callers.dialled(from, self.ports[to])
    }

    /// Changes what happens to bytes from one member to another.
    pub fn set(&self, from: usize, to: usize, condition: Condition) {
        self.shared.links.send_modify(|all| all[from][to].condition = condition);
    }

    /// Breaks every connection between two members; they may connect again at once.
    pub fn reset(&self, one: usize, other: usize) {
        self.shared.links.send_modify(|all| {
            all[one][other].breaks += 1;
            all[other][one].breaks += 1;
        });
    }

    /// Writes everything that passes from now on to a file as well, as somebody would who listens on the network.
    ///
    /// # Panics
    /// When the file cannot be made.
    pub fn tap(&self, file: &Path) {
        let file = File::create(file).expect("a temporary file can be made");
        *self.shared.tap.lock().unwrap_or_else(PoisonError::into_inner) = Some(file);
    }

    /// Makes every link whole.
    pub fn heal(&self) {
        self.shared.links.send_modify(|all| {
            for link in all.iter_mut().flatten() {
                link.condition = Condition::default();
            }
        });
    }
}

async fn accept(listener: TcpListener, to: usize, peer_port: u16, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((incoming, _)) = listener.accept().await else {
            sleep(ACCEPT_PAUSE).await;
            continue;
        };
        while connections.try_join_next().is_some() {}
        let shared = Arc::clone(&shared);
        connections.spawn(async move {
            // A connection that fails is what a network does.
            drop(carry(incoming, to, peer_port, &shared).await);
        });
    }
}

async fn carry(incoming: TcpStream, to: usize, peer_port: u16, shared: &Shared) -> io::Result<()> {
    incoming.set_nodelay(true)?;
    let connection = (incoming.peer_addr()?.port(), incoming.local_addr()?.port());
    let from = shared.callers.of(connection).await.unwrap_or(to);
    let mut link = Way { links: shared.links.subscribe(), from, to };
    link.opens().await;
    let outgoing = TcpStream::connect(("127.0.0.1", peer_port)).await?;
    outgoing.set_nodelay(true)?;
    let ((here, back), (there, forth)) = (incoming.into_split(), outgoing.into_split());
    let answers = Way { links: shared.links.subscribe(), from: to, to: from };
    let broken = Way { links: shared.links.subscribe(), from, to };
    tokio::select! {
        () = pump(here, forth, link, shared) => {}
        () = pump(there, back, answers, shared) => {}
        () = broken.breaks() => {}
    }
    Ok(())
}

/// One direction of one connection.
struct Way {
    links: watch::Receiver<Vec<Vec<Link>>>,
    from: usize,
    to: usize,
}

impl Way {
    fn now(&self) -> Link {
        // There is no link of a member with itself; nor of whoever is no founder, which counts as the member it calls.
        if self.from == self.to { Link::default() } else { self.links.borrow()[self.from][self.to] }
    }

    /// Waits while the link is cut.
    async fn opens(&mut self) {
        while self.now().condition.cut {
            if self.links.changed().await.is_err() {
                return;
            }
        }
    }

    /// Waits until the link's connections are broken.
    async fn breaks(mut self) {
        let at_first = self.now().breaks;
        while self.now().breaks == at_first {
            if self.links.changed().await.is_err() {
                return;
            }
        }
    }
}

/// Moves bytes until either side ends. Reading and writing are apart, so that a delay is one of time and not of throughput.
async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut way: Way, shared: &Shared) {
    let (pieces, mut waiting) = mpsc::channel::<(Instant, Vec<u8>)>(PIECES_MAX);
    let mut gate = Way { links: way.links.clone(), from: way.from, to: way.to };
    let write = async move {
        while let Some((due, piece)) = waiting.recv().await {
            sleep_until(due).await;
            gate.opens().await;
            if to.write_all(&piece).await.is_err() {
                return;
            }
        }
        drop(to.shutdown().await);
    };
    let read = async move {
        let mut random = Random::new(crate::seed::fresh());
        let mut piece = vec![0; PIECE_BYTES];
        let mut busy_until = Instant::now();
        while let Ok(count @ 1..) = from.read(&mut piece).await {
            way.opens().await;
            shared.tap(&piece[..count]);
            let condition = way.now().condition;
            let lost = random.below(1000) < condition.lost_per_mille;
            busy_until = busy_until.max(Instant::now() + condition.delay);
            busy_until += if lost { RETRANSMISSION } else { Duration::ZERO };
            if let Some(rate) = condition.bytes_per_second {
                sleep(Duration::from_micros(count as u64 * 1_000_000 / rate.max(1))).await;
            }
            if pieces.send((busy_until, piece[..count].to_vec())).await.is_err() {
                return;
            }
        }
    };
    tokio::join!(read, write);
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tokio::time::timeout;

    use super::*;

    const SOON: Duration = Duration::from_secs(5);
    const A_WHILE: Duration = Duration::from_millis(300);

    /// Links between two members, both of which are this process: the second one's listener echoes.
    async fn echoing() -> (Links, TcpStream) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let ports = [crate::free_port(), listener.local_addr().unwrap().port()];
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (mut read, mut write) = stream.into_split();
                tokio::spawn(async move { tokio::io::copy(&mut read, &mut write).await });
            }
        });
        let links = Links::before(&ports).await;
        links.runs_as(0, Some(std::process::id()));
        let stream = TcpStream::connect(("127.0.0.1", links.port(1))).await.unwrap();
        (links, stream)
    }

    async fn echo(stream: &mut TcpStream) -> io::Result<()> {
        let mut answer = [0; 5];
        stream.write_all(b"hello").await?;
        stream.read_exact(&mut answer).await.map(drop)
    }

    #[tokio::test]
    async fn whole_links_carry_and_know_who_sends() {
        let (links, mut stream) = echoing().await;
        timeout(SOON, echo(&mut stream)).await.unwrap().unwrap();
        assert_eq!(links.dialled(0, 1), BTreeSet::from([stream.local_addr().unwrap().port()]));
        assert_eq!(links.dialled(1, 0), BTreeSet::new());
    }

    #[tokio::test]
    async fn each_direction_is_cut_by_itself_and_what_waited_arrives() {
        for (from, to) in [(0, 1), (1, 0)] {
            let (links, mut stream) = echoing().await;
            timeout(SOON, echo(&mut stream)).await.unwrap().unwrap();
            links.set(from, to, Condition { cut: true, ..Condition::default() });
            let mut exchange = Box::pin(echo(&mut stream));
            assert!(timeout(A_WHILE, &mut exchange).await.is_err(), "{from} to {to} is cut");
            links.heal();
            timeout(SOON, exchange).await.unwrap().unwrap();
        }
    }

    #[tokio::test]
    async fn what_passes_is_tapped_both_ways() {
        let (links, mut stream) = echoing().await;
        timeout(SOON, echo(&mut stream)).await.unwrap().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tap");
        links.tap(&file);
        timeout(SOON, echo(&mut stream)).await.unwrap().unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"hellohello");
    }

    #[tokio::test]
    async fn links_delay_and_break() {
        let (links, mut stream) = echoing().await;
        links.set(0, 1, Condition { delay: A_WHILE, ..Condition::default() });
        let begun = Instant::now();
        timeout(SOON, echo(&mut stream)).await.unwrap().unwrap();
        assert!(begun.elapsed() >= A_WHILE);
        links.reset(0, 1);
        let mut rest = Vec::new();
        assert!(timeout(SOON, stream.read_to_end(&mut rest)).await.unwrap().is_err() || rest.is_empty());
    }
}
