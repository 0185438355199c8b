//! Where log lines go: streams, files, the journal; each line to all of them.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

use super::journal::Journal;
use super::rotation::RotatedFile;
use crate::config::{LogConfig, LogOutput};
use crate::error::ServerError;

/// Every output.
#[derive(Clone)]
pub(super) struct Outputs(Arc<Vec<Output>>);

enum Output {
    Stderr,
    Stdout,
    Journal(Journal),
    File(Mutex<File>),
    Rotated(Mutex<RotatedFile>),
}

impl Outputs {
    /// Opens them.
    ///
    /// # Errors
    ///
    /// [`ServerError::File`] for the one that cannot be opened.
    pub(super) fn open(config: &LogConfig) -> Result<Self, ServerError> {
        let open = |output: &LogOutput| {
            Ok(match output {
                LogOutput::Stderr => Output::Stderr,
                LogOutput::Stdout => Output::Stdout,
                LogOutput::Journal => Output::Journal(Journal::open()?),
                LogOutput::File(path) => match config.rotation {
                    Some(rotation) => Output::Rotated(Mutex::new(RotatedFile::open(path, rotation)?)),
                    None => Output::File(Mutex::new(append(path).map_err(ServerError::file("open the log", path))?)),
                },
            })
        };
        Ok(Self(Arc::new(config.outputs.iter().map(open).collect::<Result<_, ServerError>>()?)))
    }
}

/// Opens a file to write at its end. Its mode is etcd's: readable by its owner's group and all, as system logs are.
pub(super) fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

impl<'a> MakeWriter<'a> for Outputs {
    type Writer = LineWriter;

    fn make_writer(&'a self) -> LineWriter {
        LineWriter { outputs: self.clone(), level: Level::INFO }
    }

    fn make_writer_for(&'a self, metadata: &Metadata<'_>) -> LineWriter {
        LineWriter { outputs: self.clone(), level: *metadata.level() }
    }
}

/// Writes one line.
pub(super) struct LineWriter {
    outputs: Outputs,
    level: Level,
}

impl Write for LineWriter {
    /// The line is whole, and goes out whole. An output that fails does not keep the line from the others.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut outcome = Ok(line.len());
        for output in self.outputs.0.iter() {
            if let Err(error) = output.write(line, self.level) {
                outcome = Err(error);
            }
        }
        outcome
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Output {
    fn write(&self, line: &[u8], level: Level) -> io::Result<()> {
        match self {
            Self::Stderr => io::stderr().write_all(line),
            Self::Stdout => io::stdout().write_all(line),
            Self::Journal(journal) => journal.send(line, level),
            Self::File(file) => file.lock().unwrap_or_else(PoisonError::into_inner).write_all(line),
            Self::Rotated(file) => file.lock().unwrap_or_else(PoisonError::into_inner).write_line(line),
        }
    }
}
