//! `strongroom serve`: its flags are made from the table of [`crate::config::flags`].

use clap::{Arg, ArgAction, ArgMatches, Command, Error, FromArgMatches};

use crate::config::flags::{FLAGS, Flag, Kind};
use crate::config::written::Written;

/// Said below `--help`.
const EPILOGUE: &str = "\
Each flag can be set by an environment variable as well: --data-dir is STRONGROOM_DATA_DIR or ETCD_DATA_DIR. The \
command line wins. etcd's other flags are known, and refused by name rather than ignored.";

/// What was written on the command line and in the environment.
#[derive(Clone, Debug)]
pub(crate) struct Serve {
    pub(crate) written: Written,
}

impl clap::Args for Serve {
    fn augment_args(command: Command) -> Command {
        command.args(FLAGS.iter().map(argument)).after_help(EPILOGUE)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Serve {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut written = Written::default();
        for flag in FLAGS {
            if let Some(value) = matches.get_one::<String>(flag.name) {
                written.set(flag, value.clone());
            }
        }
        written.fill_from(
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))),
        );
        Ok(Self { written })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// As Go's flag package reads it: the last one wins, and a switch takes its value after `=` only.
fn argument(flag: &'static Flag) -> Arg {
    let argument = Arg::new(flag.name)
        .long(flag.name)
        .action(ArgAction::Set)
        .overrides_with(flag.name)
        .hide(flag.help.is_empty())
        .help(help(flag));
    match flag.kind {
        Kind::Text => argument.value_name("VALUE").num_args(1),
        Kind::Switch => argument.value_name("BOOL").num_args(0..=1).require_equals(true).default_missing_value("true"),
    }
}

fn help(flag: &Flag) -> String {
    if flag.default.is_empty() { flag.help.to_owned() } else { format!("{} [default: {}]", flag.help, flag.default) }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::cli::{Arguments, Command};
    use crate::config::written::Written;

    fn written(arguments: &[&str]) -> Result<Written, clap::Error> {
        let line = ["strongroom", "serve"].into_iter().chain(arguments.iter().copied());
        match Arguments::try_parse_from(line)?.command {
            Command::Serve(serve) => Ok(serve.written),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn switches_are_read_as_go_reads_them() {
        for (argument, value) in
            [("--client-cert-auth", "true"), ("--client-cert-auth=false", "false"), ("--client-cert-auth=T", "T")]
        {
            assert_eq!(written(&[argument]).unwrap().get("client-cert-auth").unwrap().value, value);
        }
        assert!(written(&["--client-cert-auth", "false"]).is_err());
    }

    #[test]
    fn the_last_of_two_wins() {
        let written = written(&["--name", "a", "--name=b"]).unwrap();
        assert_eq!(written.get("name").unwrap().value, "b");
    }

    #[test]
    fn a_flag_that_nobody_knows_is_refused_by_name() {
        let error = written(&["--no-such-flag=1"]).unwrap_err().to_string();
        assert!(error.contains("--no-such-flag"), "{error}");
    }

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Arguments::command().debug_assert();
    }
}
