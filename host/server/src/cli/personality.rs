//! The name under which the program was started. Under etcd's it takes etcd's command line.

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::path::Path;

use crate::config::flags::{Flag, GROUPS, Support};

/// Who the program is to its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Personality {
    /// Strongroom, with its subcommands.
    Strongroom,
    /// etcd: flags right after the program's name, and etcd's `--version`.
    Etcd,
}

impl Personality {
    /// By the last part of the program's path, so that a link is enough.
    pub(crate) fn of(program: Option<&OsString>) -> Self {
        match program.and_then(|program| Path::new(program).file_name()) {
            Some(name) if name == OsStr::new("etcd") => Self::Etcd,
            _ => Self::Strongroom,
        }
    }

    /// Its name, before error texts.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Strongroom => "strongroom",
            Self::Etcd => "etcd",
        }
    }

    /// How a server is started.
    fn usage(self) -> &'static str {
        match self {
            Self::Strongroom => "strongroom serve",
            Self::Etcd => "etcd",
        }
    }

    /// Where a command line that cannot be read finds help.
    pub(crate) fn help_line(self) -> &'static str {
        match self {
            Self::Strongroom => "strongroom serve --help lists every flag",
            Self::Etcd => "etcd --help lists every flag",
        }
    }

    /// Prints the flags of a server.
    ///
    /// # Errors
    ///
    /// When stdout is closed.
    pub(crate) fn print_help(self) -> io::Result<()> {
        let mut out = io::stdout().lock();
        writeln!(
            out,
            "Usage: {} [flags]\n\nA flag may be written with one dash or two, as --flag=value or --flag value. The variable of \
             --data-dir is ETCD_DATA_DIR\nor STRONGROOM_DATA_DIR, and so on; a flag and its variable may not both be given. With \
             --config-file, all else is ignored.",
            self.usage()
        )?;
        for group in GROUPS {
            writeln!(out, "\n{}:", group.title)?;
            group
                .flags
                .iter()
                .try_for_each(|flag| writeln!(out, "  --{} '{}'\n    {}", flag.name, flag.default, about(flag)))?;
        }
        Ok(())
    }

    /// Prints the version. etcd's four lines keep their shape, which scripts read, and say what is true.
    ///
    /// # Errors
    ///
    /// When stdout is closed.
    pub(crate) fn print_version(self) -> io::Result<()> {
        let mut out = io::stdout().lock();
        let (version, rustc) = (env!("CARGO_PKG_VERSION"), env!("STRONGROOM_RUSTC"));
        match self {
            Self::Strongroom => writeln!(out, "strongroom {version}"),
            Self::Etcd => writeln!(
                out,
                "etcd Version: {}\nGit SHA: none (strongroom {version})\nGo Version: none ({rustc})\nGo OS/Arch: {}/{}",
                api::ETCD_VERSION,
                std::env::consts::OS,
                architecture()
            ),
        }
    }
}

/// The machine's architecture by Go's name.
pub(crate) fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

fn about(flag: &Flag) -> String {
    match flag.support {
        Support::Honoured => flag.help.to_owned(),
        Support::Moot(why) => format!("accepted, without effect: {why}"),
        Support::Only([""], why) | Support::Refused(why) => format!("not supported: {why}"),
        Support::Only(accepted, why) => format!("may only be {}: {why}", accepted.join(" or ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_decides_wherever_the_link_lies() {
        for (program, personality) in [
            ("etcd", Personality::Etcd),
            ("/usr/local/bin/etcd", Personality::Etcd),
            ("./strongroom", Personality::Strongroom),
            ("etcd/strongroom", Personality::Strongroom),
            ("etcdctl", Personality::Strongroom),
        ] {
            assert_eq!(Personality::of(Some(&program.into())), personality, "{program}");
        }
        assert_eq!(Personality::of(None), Personality::Strongroom);
    }

    #[test]
    fn every_flag_says_what_it_is_for() {
        for flag in GROUPS.iter().flat_map(|group| group.flags) {
            assert!(!about(flag).trim().is_empty(), "--{}", flag.name);
        }
    }
}
