//! Why a write was not admitted, and why a component cannot be a plugin.

use crate::Remarks;

/// Everything that can go wrong in this crate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AdmissionError {
    /// The client's: a plugin refused the write.
    #[error("denied by plugin {plugin}: {message} ({code})")]
    Denied {
        /// Which one.
        plugin: String,
        /// The plugin's reason, for programs; at most [`crate::limits::NAME_BYTES_MAX`].
        code: String,
        /// The plugin's reason, for people; one line of at most [`crate::limits::MESSAGE_BYTES_MAX`].
        message: String,
        /// What it and those before it had to say besides; at most [`crate::limits::REMARKS_MAX`] lines of each kind.
        remarks: Box<Remarks>,
    },
    /// The plugin's: it could not review the write, and without a review there is no write.
    #[error("plugin {plugin} failed to review the write: {cause}")]
    PluginFailed {
        /// Which one.
        plugin: String,
        /// What happened.
        cause: Cause,
    },
    /// The administrator's: the upload is not a component at all, or not one that this server can run.
    #[error("not a usable component: {reason}")]
    NotAComponent {
        /// What is wrong.
        reason: String,
    },
    /// The administrator's: compiling the upload took more than it may.
    #[error(
        "compiling the component took more than {seconds} s of processor time or {mebibytes} MiB of memory; are its functions very large?"
    )]
    CompileLimit {
        /// Processor time that compiling may take.
        seconds: u64,
        /// Memory that it may take.
        mebibytes: u64,
    },
    /// The administrator's: the upload is too large.
    #[error("the component has {bytes} bytes; at most {max} are allowed")]
    TooLarge {
        /// How large it is.
        bytes: usize,
        /// How large it may be.
        max: usize,
    },
    /// The administrator's: the upload has no signature where one is required.
    #[error(
        "this member runs signed plugins only: sign the component with `strongroom plugin sign`, or name its signature with --signature"
    )]
    Unsigned,
    /// The administrator's: the signature is nobody's who is trusted, or that of another component.
    #[error(
        "the signature of the component is not that of a key in --plugin-trusted-keys, or was made for other bytes"
    )]
    WronglySigned,
    /// The operator's: the keys of those who are trusted cannot be read.
    #[error("--plugin-trusted-keys {path}: {reason}")]
    TrustedKeys {
        /// The file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The plugin's: it wants something from its host that the contract does not give.
    #[error("the component imports {}, but a plugin may import nothing but {}", .imports.join(", "), crate::contract::HOST)]
    ForbiddenImport {
        /// Names of the imports.
        imports: Vec<String>,
    },
    /// The plugin's: it does not export the contract.
    #[error("the component does not export {expected}")]
    MissingExport {
        /// Name and version of the interface.
        expected: &'static str,
    },
    /// The plugin's: it exports the contract with other types.
    #[error("the component exports the contract with the wrong types: {reason}")]
    WrongExport {
        /// What differs.
        reason: String,
    },
    /// The plugin's: it did not describe itself.
    #[error("the component failed to describe itself: {cause}")]
    Undescribed {
        /// What happened.
        cause: Cause,
    },
    /// The plugin's: what it says of itself breaks the contract.
    #[error("the component describes itself wrongly: {problem}")]
    BadDescription {
        /// Which rule is broken.
        problem: &'static str,
    },
    /// The administrator's: the plugin does not take the settings.
    #[error("the plugin does not take these settings: {reason}")]
    BadSettings {
        /// What it said.
        reason: String,
    },
    /// The plugin's: it could not be asked about its settings.
    #[error("the plugin failed to check its settings: {cause}")]
    Unvalidated {
        /// What happened.
        cause: Cause,
    },
    /// The machine's: the WebAssembly engine does not start.
    #[error("the WebAssembly engine cannot start: {reason}")]
    Engine {
        /// What it said.
        reason: String,
    },
}

impl AdmissionError {
    /// The same, where it is a denial with what was said before it.
    pub(crate) fn after(mut self, mut before: Remarks) -> Self {
        if let Self::Denied { remarks, .. } = &mut self {
            before.append(std::mem::take(remarks.as_mut()));
            **remarks = before.bounded();
        }
        self
    }

    /// What was said besides.
    pub(crate) fn into_remarks(self) -> Remarks {
        match self {
            Self::Denied { remarks, .. } => *remarks,
            _ => Remarks::default(),
        }
    }
}

/// How a call into a plugin failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// It took too long.
    #[error("it took longer than {limit_ms} ms")]
    Deadline {
        /// The time limit.
        limit_ms: u64,
    },
    /// It wanted more memory, or larger tables, than it may have.
    #[error("it exceeded its memory limit")]
    Memory,
    /// It ran out of stack.
    #[error("it exceeded its stack limit")]
    Stack,
    /// Its answer was too large, or not what the contract says.
    #[error("its answer was too large or malformed")]
    Output,
    /// It trapped: a panic, or a bug.
    #[error("it trapped: {reason}")]
    Trap {
        /// The trap, in WebAssembly's words.
        reason: String,
    },
    /// It put another value in the place of one, which it may not, or not there.
    #[error("it changed a value {reason}")]
    Mutation {
        /// Why not.
        reason: &'static str,
    },
    /// It wanted to read what cannot be read.
    #[error("the state cannot be read for it: {reason}")]
    State {
        /// Why not.
        reason: String,
    },
    /// It could not be instantiated.
    #[error("it cannot be instantiated")]
    Instantiation,
    /// Its code cannot be run by this member.
    #[error("its code is unusable: {reason}")]
    Unusable {
        /// Why.
        reason: String,
    },
    /// All its lanes were taken for too long.
    #[error("it is busy with other writes")]
    Busy,
    /// This member is shutting down, or has a bug.
    #[error("the review was abandoned")]
    Abandoned,
}

impl From<&AdmissionError> for Cause {
    /// Why code that was checked at installation cannot be run now.
    fn from(error: &AdmissionError) -> Self {
        Self::Unusable { reason: error.to_string() }
    }
}
