//! What a plugin may ask of its host; outside WebAssembly, what stands for that in tests.

/// How much a line of the log matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// For the plugin's author.
    Debug,
    /// Worth knowing.
    Info,
    /// Worth a look.
    Warning,
    /// Something is wrong.
    Error,
}

#[cfg(target_family = "wasm")]
mod real {
    use super::Level;
    use crate::bindings::strongroom::admission::host;

    pub(super) fn log(level: Level, message: &str) {
        let level = match level {
            Level::Debug => host::Level::Debug,
            Level::Info => host::Level::Info,
            Level::Warning => host::Level::Warning,
            Level::Error => host::Level::Error,
        };
        host::log(level, message);
    }

    pub(super) fn settings() -> String {
        host::settings()
    }
}

#[cfg(not(target_family = "wasm"))]
mod real {
    use std::cell::RefCell;

    use super::Level;

    thread_local! {
        pub(super) static SETTINGS: RefCell<String> = const { RefCell::new(String::new()) };
    }

    pub(super) fn log(level: Level, message: &str) {
        eprintln!("{level:?}: {message}");
    }

    pub(super) fn settings() -> String {
        SETTINGS.with_borrow(Clone::clone)
    }
}

/// Adds a line to this plugin's log, which administrators read (`strongroom plugin logs`). What is longer than 1 KiB is
/// cut off, and after sixteen lines a call adds no more. What is logged during the review of a sealed value is dropped.
///
/// In native tests the line goes to standard error.
pub fn log(level: Level, message: &str) {
    real::log(level, message);
}

/// The settings that the administrator gave; empty for none. In native tests, those of [`set_settings`].
#[must_use]
pub fn settings() -> String {
    real::settings()
}

/// Gives this thread settings, for native tests of policies. Inside WebAssembly it does nothing: they come from the host.
pub fn set_settings(settings: &str) {
    #[cfg(not(target_family = "wasm"))]
    real::SETTINGS.with_borrow_mut(|own| settings.clone_into(own));
    #[cfg(target_family = "wasm")]
    let _ = settings;
}
