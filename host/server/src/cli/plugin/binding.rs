//! How a plugin is bound, as options: those that are given take the place of what there was.

use proto::admin::{Binding, FailurePolicy, PluginMode};

use crate::cli::author::SettingsFile;
use crate::cli::client::ClientError;

/// Options of `plugin install` and `plugin bind`.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Binding")]
pub(crate) struct BindingOptions {
    /// Prefix of the keys to review, may be repeated [default: those that the plugin describes]
    #[arg(long = "prefix", value_name = "PREFIX")]
    prefixes: Vec<String>,
    /// Operation to review, may be repeated [default: those that the plugin describes]
    #[arg(long = "operation", value_name = "OPERATION", value_parser = ["put", "delete"])]
    operations: Vec<String>,
    /// Whose writes to review, as USER:name, CN:name, DNS:name or URI:name, may be repeated [default: everybody's]; `--user=`
    /// for everybody's again
    #[arg(long = "user", value_name = "WRITER")]
    users: Vec<String>,
    /// Whose writes not to review, may be repeated; `--exempt=` for nobody's
    #[arg(long, value_name = "WRITER")]
    exempt: Vec<String>,
    /// Prefix of the keys that the plugin may read, may be repeated; `--may-read=` for none
    #[arg(long = "may-read", value_name = "PREFIX")]
    reads: Vec<String>,
    /// Show the plugin the values of sealed prefixes
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    sees_sealed: Option<bool>,
    /// Let a write pass when the plugin cannot give a verdict, rather than deny it
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    fail_open: Option<bool>,
    /// Longest time for one review in milliseconds; 0 means the default
    #[arg(long, value_name = "MS")]
    timeout_ms: Option<u32>,
    #[command(flatten)]
    settings: SettingsFile,
    /// What becomes of its verdicts [default: enforce]
    #[arg(long, value_enum)]
    mode: Option<Mode>,
    /// Place among the plugins: those with a smaller number review first [default: 0]
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true)]
    order: Option<i32>,
    /// Let the plugin change what is written
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    may_mutate: Option<bool>,
    /// Most memory of one review in MiB; 0 means the default
    #[arg(long, value_name = "MIB")]
    memory_mib: Option<u32>,
    /// Let an instance review again and again, with what it remembers: faster for interpreters
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    reuse_instances: Option<bool>,
}

/// What becomes of a plugin's verdicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Mode {
    /// They hold
    Enforce,
    /// A denial becomes a warning to whoever wrote
    Warn,
    /// They are only counted and logged
    Observe,
}

impl BindingOptions {
    /// `binding` with what was given.
    ///
    /// # Errors
    ///
    /// [`ClientError::File`]: the settings cannot be read.
    pub(crate) fn over(self, binding: Binding) -> Result<Binding, ClientError> {
        let failure_policy = self.fail_open.map(|open| if open { FailurePolicy::Ignore } else { FailurePolicy::Fail });
        let bytes = |texts: Vec<String>| texts.into_iter().map(Into::into).collect();
        Ok(Binding {
            prefixes: chosen(self.prefixes).map_or(binding.prefixes, bytes),
            operations: chosen(self.operations).unwrap_or(binding.operations),
            users: chosen(self.users).unwrap_or(binding.users),
            exempt: chosen(self.exempt).unwrap_or(binding.exempt),
            reads: chosen(self.reads).map_or(binding.reads, bytes),
            sees_sealed: self.sees_sealed.unwrap_or(binding.sees_sealed),
            failure_policy: failure_policy.map_or(binding.failure_policy, Into::into),
            timeout_ms: self.timeout_ms.unwrap_or(binding.timeout_ms),
            settings: if self.settings.is_given() { self.settings.read()? } else { binding.settings },
            mode: self.mode.map_or(binding.mode, |mode| PluginMode::from(mode).into()),
            order: self.order.unwrap_or(binding.order),
            may_mutate: self.may_mutate.unwrap_or(binding.may_mutate),
            memory_mib: self.memory_mib.unwrap_or(binding.memory_mib),
            reuse_instances: self.reuse_instances.unwrap_or(binding.reuse_instances),
        })
    }
}

/// What an option that may be repeated was given; one that was given as nothing means none.
fn chosen(mut given: Vec<String>) -> Option<Vec<String>> {
    if given.is_empty() {
        return None;
    }
    given.retain(|text| !text.is_empty());
    Some(given)
}

impl From<Mode> for PluginMode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Enforce => Self::Enforce,
            Mode::Warn => Self::Warn,
            Mode::Observe => Self::Observe,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: BindingOptions,
    }

    fn over(line: &[&str], binding: Binding) -> Binding {
        let line = ["bind"].iter().chain(line);
        Line::try_parse_from(line).unwrap().options.over(binding).unwrap()
    }

    #[test]
    fn what_is_not_named_stays_as_it_is() {
        let first = ["--prefix=/a/", "--prefix=/b/", "--user=CN:x", "--sees-sealed", "--order=-3", "--mode=warn"];
        let first = over(&first, Binding::default());
        assert_eq!((first.prefixes.len(), first.order, first.sees_sealed), (2, -3, true));
        assert_eq!(over(&[], first.clone()), first);
        let other = over(&["--mode", "enforce", "--sees-sealed=false", "--user="], first.clone());
        let expected = Binding { mode: 0, sees_sealed: false, users: Vec::new(), ..first };
        assert_eq!(other, expected);
    }
}
