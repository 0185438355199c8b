//! `strongroom serve`: its words are read by [`super::arguments`], as etcd's are.

use std::ffi::OsString;

/// What follows `serve` on the command line.
#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Serve {
    /// etcd's own flags, and Strongroom's; `strongroom serve --help` lists them
    #[arg(value_name = "FLAGS", trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) words: Vec<OsString>,
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::cli::{Arguments, Command};

    #[test]
    fn every_word_is_handed_on_untouched() {
        for words in [&["--name", "a", "-log-level=debug"][..], &["--help"], &["-h"], &["--version"], &[]] {
            let line = ["strongroom", "serve"].into_iter().chain(words.iter().copied());
            match Arguments::try_parse_from(line).unwrap().command {
                Command::Serve(serve) => assert_eq!(serve.words, words),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Arguments::command().debug_assert();
    }
}
