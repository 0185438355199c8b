//! A row of the table: a figure of each server, and what their ratio is to be.

use harness::Program;

/// What is measured, and how good it has to be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    pub(crate) title: &'static str,
    pub(crate) unit: Unit,
    pub(crate) goal: Goal,
}

impl Row {
    /// A row.
    pub(crate) const fn new(title: &'static str, unit: Unit, goal: Goal) -> Self {
        Self { title, unit, goal }
    }
}

/// What a figure counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    PerSecond,
    Milliseconds,
    Microseconds,
    Seconds,
    Bytes,
    Mebibytes,
    /// A ratio of two figures of one server.
    Times,
}

/// What is asked of Strongroom.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Goal {
    /// So many times etcd's figure, or more.
    AtLeast(f64),
    /// So many times etcd's figure, or less.
    AtMost(f64),
    /// Strongroom's own figure, whatever etcd's is.
    AloneAtLeast(f64),
    /// The same.
    AloneAtMost(f64),
    /// Nothing: it is measured to be known.
    None,
}

/// A row with what came out.
#[derive(Debug, Clone)]
pub(crate) struct Measured {
    pub(crate) row: Row,
    pub(crate) strongroom: f64,
    /// None when etcd has nothing like it.
    pub(crate) etcd: Option<f64>,
}

impl Measured {
    /// What the goal is about: Strongroom's figure to etcd's, or Strongroom's alone.
    pub(crate) fn ratio(&self) -> Option<f64> {
        match self.row.goal {
            Goal::AloneAtLeast(_) | Goal::AloneAtMost(_) => Some(self.strongroom),
            Goal::AtLeast(_) | Goal::AtMost(_) | Goal::None => self.etcd.map(|etcd| self.strongroom / etcd),
        }
    }

    /// Whether the goal is met; none when there is no goal.
    pub(crate) fn met(&self) -> Option<bool> {
        let ratio = self.ratio()?;
        match self.row.goal {
            Goal::AtLeast(least) | Goal::AloneAtLeast(least) => Some(ratio >= least),
            Goal::AtMost(most) | Goal::AloneAtMost(most) => Some(ratio <= most),
            Goal::None => None,
        }
    }
}

/// What the rounds of a work came to.
#[derive(Debug)]
pub(crate) struct Rounds {
    rows: &'static [Row],
    strongroom: Vec<Vec<f64>>,
    etcd: Vec<Vec<f64>>,
}

impl Rounds {
    /// No rounds yet.
    pub(crate) fn of(rows: &'static [Row]) -> Self {
        Self { rows, strongroom: Vec::new(), etcd: Vec::new() }
    }

    /// One round of one server: a figure for each row.
    ///
    /// # Panics
    /// When figures are missing.
    pub(crate) fn add(&mut self, program: Program, figures: Vec<f64>) {
        assert_eq!(figures.len(), self.rows.len(), "a figure for each row");
        match program {
            Program::Strongroom => self.strongroom.push(figures),
            Program::Etcd => self.etcd.push(figures),
        }
    }

    /// The rows, with the median of the rounds.
    pub(crate) fn rows(&self) -> impl Iterator<Item = Measured> {
        let of = |rounds: &[Vec<f64>], at: usize| median(rounds.iter().map(|figures| figures[at]).collect());
        self.rows.iter().enumerate().map(move |(at, &row)| {
            let strongroom = of(&self.strongroom, at).expect("Strongroom takes part in every work");
            Measured { row, strongroom, etcd: of(&self.etcd, at) }
        })
    }
}

/// The one in the middle; of an even number the upper of the two.
pub(crate) fn median(mut figures: Vec<f64>) -> Option<f64> {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied()
}

/// What a program is called.
pub(crate) fn name(program: Program) -> &'static str {
    match program {
        Program::Strongroom => "Strongroom",
        Program::Etcd => "etcd",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: &[Row] = &[
        Row::new("throughput", Unit::PerSecond, Goal::AtLeast(2.0)),
        Row::new("cost", Unit::Times, Goal::AloneAtMost(2.0)),
        Row::new("size", Unit::Bytes, Goal::None),
    ];

    #[test]
    fn medians_are_compared_and_judged_by_their_goals() {
        let mut rounds = Rounds::of(ROWS);
        for (strongroom, etcd) in [(100.0, 50.0), (210.0, 100.0), (300.0, 900.0)] {
            rounds.add(Program::Strongroom, vec![strongroom, 3.0, 1.0]);
            rounds.add(Program::Etcd, vec![etcd, 1.0, 4.0]);
        }
        let rows: Vec<_> = rounds.rows().collect();
        assert_eq!((rows[0].ratio(), rows[0].met()), (Some(2.1), Some(true)));
        assert_eq!((rows[1].ratio(), rows[1].met()), (Some(3.0), Some(false)), "etcd's has no part in it");
        assert_eq!((rows[2].ratio(), rows[2].met()), (Some(0.25), None));
    }

    #[test]
    fn without_etcd_there_is_no_ratio_to_it() {
        let mut rounds = Rounds::of(ROWS);
        rounds.add(Program::Strongroom, vec![1.0, 1.0, 1.0]);
        let met: Vec<_> = rounds.rows().map(|row| row.met()).collect();
        assert_eq!(met, [None, Some(true), None]);
    }
}
