//! The faults that a campaign draws from.

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// `kill -9`.
    Kill,
    /// SIGTERM and a new start.
    Restart,
    /// SIGSTOP for a while.
    Pause,
    /// `kill -9` of every member at once.
    KillAll,
    /// Nothing passes between one member and the others.
    Isolate,
    /// The same for the member that leads.
    IsolateLeader,
    /// Nothing passes from one member to one other.
    CutOneWay,
    /// Everything between members arrives later.
    Delay,
    /// Packets between members are lost.
    Loss,
    /// Connections between members break.
    Reset,
    /// Links between members carry little.
    Narrow,
    /// A learner is added that never comes, and removed again.
    AddMember,
    /// A member joins as a learner, gets a vote, and is removed again.
    JoinMember,
    /// The leader is told to hand over.
    MoveLeader,
    /// Writes wait between their review and the log.
    LateWrites,
    /// Syncing the log takes long.
    SlowDisk,
    /// Syncing the log takes longer than an election timeout.
    HungDisk,
    /// Syncing the log fails.
    FailedSync,
    /// The log is told that its disk is full.
    FullLog,
    /// Nothing more goes on a member's disk.
    FullDisk,
    /// The member dies in the middle of a write to the log.
    TornWrite,
    /// The member dies at a named point.
    KillAt(&'static str),
    /// The clock of the wall jumps.
    ClockJump,
    /// A bit of the log flips while the member is down.
    FlipLog,
    /// A bit of the state.
    FlipState,
    /// A bit of the snapshot.
    FlipSnapshot,
}

/// Points in the program at which a member can be made to die; see the crate `failpoint` for the whole list.
const DEADLY_POINTS: [&str; 10] = [
    "log.before-write",
    "log.before-sync",
    "log.after-sync",
    "apply.before",
    "apply.after",
    "snapshot.build",
    "snapshot.built",
    "snapshot.install",
    "compaction.sweep",
    "rewrap",
];

impl Fault {
    /// All faults that a cluster of this size can have.
    pub(super) fn all(members: usize) -> Vec<Self> {
        use Fault::{
            AddMember, ClockJump, CutOneWay, Delay, FailedSync, FlipLog, FlipSnapshot, FlipState, FullDisk, FullLog,
            HungDisk, Isolate, IsolateLeader, JoinMember, Kill, KillAll, KillAt, LateWrites, Loss, MoveLeader, Narrow,
            Pause, Reset, Restart, SlowDisk, TornWrite,
        };
        let mut all = vec![
            Kill,
            Restart,
            Pause,
            KillAll,
            LateWrites,
            SlowDisk,
            HungDisk,
            FailedSync,
            FullLog,
            FullDisk,
            TornWrite,
            ClockJump,
            FlipLog,
            FlipState,
            FlipSnapshot,
        ];
        all.extend(DEADLY_POINTS.map(KillAt));
        if members > 1 {
            all.extend([Isolate, IsolateLeader, CutOneWay, Delay, Loss, Reset, Narrow]);
            all.extend([AddMember, JoinMember, MoveLeader]);
        }
        all
    }

    /// Its name, for the report and the command line.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Restart => "restart",
            Self::Pause => "pause",
            Self::KillAll => "kill-all",
            Self::Isolate => "isolate",
            Self::IsolateLeader => "isolate-leader",
            Self::CutOneWay => "cut-one-way",
            Self::Delay => "delay",
            Self::Loss => "loss",
            Self::Reset => "reset",
            Self::Narrow => "narrow",
            Self::AddMember => "add-member",
            Self::JoinMember => "join-member",
            Self::MoveLeader => "move-leader",
            Self::LateWrites => "late-writes",
            Self::SlowDisk => "slow-disk",
            Self::HungDisk => "hung-disk",
            Self::FailedSync => "failed-sync",
            Self::FullLog => "full-log",
            Self::FullDisk => "full-disk",
            Self::TornWrite => "torn-write",
            Self::KillAt(point) => point,
            Self::ClockJump => "clock-jump",
            Self::FlipLog => "flip-log",
            Self::FlipState => "flip-state",
            Self::FlipSnapshot => "flip-snapshot",
        }
    }

    /// Faults whose bits flip cost a member its data: never two of them at once.
    pub(super) fn is_damage(self) -> bool {
        matches!(self, Self::FlipLog | Self::FlipState | Self::FlipSnapshot)
    }
}
