//! Reviews every client write before it may enter the log, and seals what passed.
//!
//! ```text
//!  Permit + Operation --Policy::review--> Admitted --seal--> SealedWrite --into_command--> log
//!                            |
//!                 plugins: one fresh WebAssembly instance per review
//! ```
//!
//! It is *not* the place where plugins are kept (that is the replicated state), nor where it is decided who may install
//! one (see `auth`), and it knows nothing of who is leader.
//!
//! Invariants:
//! - A [`SealedWrite`] comes from an [`Admitted`] only, and an [`Admitted`] from [`Policy::review`] only. It is stamped with
//!   the policy epoch under which every plugin in force passed it.
//! - A plugin is given the request, its settings and the keys that it was granted, and nothing else: a component that imports more is refused.
//! - A value is changed only by a plugin that was granted to, and those behind it review what became of it.
//! - The value of a sealed prefix reaches a plugin only by the administrator's grant, and what that plugin says of such a
//!   write, be it a message, a warning, a note or a line of its log, reaches nobody but as a code of at most 64 letters, digits
//!   and hyphens.
//! - What a plugin has read of the store to pass a write goes into the log with it, as premises: it is carried out only while
//!   they hold.
//! - Nothing is remembered from one review to the next, unless the administrator has a plugin's instances reused; one that may see
//!   sealed values cannot have that.
//!
//! Limits: see [`limits`]; each has its unit and its reason.
//!
//! Failure: a plugin that exceeds a limit, traps, or cannot be run fails its review, and that denies the write, unless
//! the administrator set the plugin to be ignored then. The next review starts afresh.
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! use std::sync::Arc;
//! use admission::{Engine, Policy};
//! use types::{DeleteRange, KeyRange, Operation};
//!
//! # let folder = tempfile::tempdir().unwrap();
//! let store = store::Store::open(folder.path()).unwrap();
//! let plugins = Engine::new()?.load(&[], &|digest| store.view(|view| view.component(digest)));
//! let policy = Arc::new(Policy::new(1, plugins, Arc::new(seal::Keyring::empty(7)), Arc::new(store)));
//! let operation = Operation::DeleteRange(DeleteRange { range: KeyRange::single("a"), prev_kv: false });
//! let permit = auth::Realm::default().permit_write(&auth::Caller::anonymous(None), auth::Subject::Nobody, &operation).unwrap();
//! let command = policy.review(permit, &operation).await?.seal().unwrap().into_command();
//! # assert_eq!(command.name(), "write");
//! # Ok::<(), admission::AdmissionError>(())
//! # }).unwrap();
//! ```

mod compile;
mod contract;
mod description;
mod engine;
mod error;
mod idle;
mod journal;
mod lanes;
pub mod limits;
mod metrics;
mod plugin;
mod policy;
mod prepared;
mod quickness;
mod reading;
mod remarks;
mod replay;
mod review;
mod sandbox;
mod scopes;
mod sealing;
mod signature;
mod ticker;
mod trial;
mod writes;

pub use compile::{COMPILE_COMMAND, Workshop, compile_component};
pub use description::{Description, Operations, is_name};
pub use engine::{Components, Engine};
pub use error::{AdmissionError, Cause};
pub use journal::{Level, Line};
pub use native::Shelf;
pub use plugin::PluginSet;
pub use policy::{Admitted, Policy};
pub use reading::State;
pub use remarks::Remarks;
pub use replay::{Candidate, Hindsight};
pub use sealing::SealedWrite;
pub use signature::TrustedKeys;
pub use store::PluginMode;
pub use trial::{Decision, Sample, Told, Trial};
