//! What an upload must be to become a plugin.

#![allow(clippy::unwrap_used, reason = "tests")]

use admission::{AdmissionError, Cause, Engine, limits};

fn refusal(component: &[u8]) -> AdmissionError {
    Engine::new().unwrap().inspect(component, "").unwrap_err()
}

#[test]
fn an_honest_component_is_described() {
    let engine = Engine::new().unwrap();
    let description = engine.inspect(&guests::deny_all(), "").unwrap();
    assert_eq!((description.name.as_str(), description.version.as_str()), ("deny-all", "0.1.0"));
    assert_eq!(description.prefixes, [guests::PREFIX.as_bytes()]);
    assert!(description.operations.put && description.operations.delete);
    // A second time from the cache, and after a refusal.
    engine.inspect(&guests::foreign_import(), "").unwrap_err();
    assert_eq!(engine.inspect(&guests::deny_all(), "").unwrap(), description);
}

#[test]
fn an_import_is_refused_by_name() {
    let forbidden = |import: &str| AdmissionError::ForbiddenImport { imports: vec![import.to_owned()] };
    assert_eq!(refusal(&guests::foreign_import()), forbidden("now"));
    assert_eq!(refusal(&guests::wasi_import()), forbidden("wasi:clocks/monotonic-clock@0.2.0"));
}

#[test]
fn what_is_no_component_of_the_contract_is_refused() {
    assert!(matches!(refusal(&guests::empty_component()), AdmissionError::MissingExport { .. }));
    assert!(matches!(refusal(b"MZ"), AdmissionError::NotAComponent { .. }));
    assert!(matches!(refusal(b""), AdmissionError::NotAComponent { .. }));
    let core = refusal(&guests::core_module()).to_string();
    assert!(core.contains("core module"), "{core}");
    let mut cut = guests::allow_all();
    cut.truncate(cut.len() / 2);
    assert!(matches!(refusal(&cut), AdmissionError::NotAComponent { .. }));
}

#[test]
fn what_is_too_large_is_refused() {
    let huge = vec![0; limits::COMPONENT_BYTES_MAX + 1];
    assert!(matches!(refusal(&huge), AdmissionError::TooLarge { .. }));
    assert!(matches!(refusal(&guests::huge_memory()), AdmissionError::NotAComponent { .. }));
}

#[test]
fn a_lie_in_the_description_is_refused() {
    assert!(
        matches!(refusal(&guests::lying_name()), AdmissionError::BadDescription { problem } if problem.contains("name"))
    );
    let operations = refusal(&guests::lying_operations());
    assert!(matches!(operations, AdmissionError::BadDescription { problem } if problem.contains("operation")));
    assert_eq!(refusal(&guests::lying_prefix_count()), AdmissionError::Undescribed { cause: Cause::Output });
}

#[test]
fn settings_are_for_the_plugin_to_judge() {
    let engine = Engine::new().unwrap();
    engine.inspect(&guests::as_set(), "").unwrap();
    engine.inspect(&guests::as_set(), "deny").unwrap();
    let refused = engine.inspect(&guests::as_set(), "allow").unwrap_err();
    assert_eq!(refused, AdmissionError::BadSettings { reason: "begin with a d".to_owned() });
    let long = "d".repeat(limits::SETTINGS_BYTES_MAX + 1);
    assert!(matches!(engine.inspect(&guests::as_set(), &long), Err(AdmissionError::BadSettings { .. })));
    let endless = engine.inspect(&guests::endless_validation(), "").unwrap_err();
    assert!(matches!(endless, AdmissionError::Unvalidated { cause: Cause::Deadline { .. } }));
}

#[test]
fn who_tries_a_plugin_out_need_not_have_settings_for_it() {
    let engine = Engine::new().unwrap();
    let component = guests::needing_settings();
    assert_eq!(engine.try_out(&component, None).unwrap().description.name, "needing-settings");
    engine.try_out(&component, Some("x")).unwrap();
    let refused = AdmissionError::BadSettings { reason: "give me some".to_owned() };
    assert_eq!(engine.try_out(&component, Some("")).err(), Some(refused.clone()));
    assert_eq!(engine.inspect(&component, "").unwrap_err(), refused, "a member always asks");
}

#[test]
fn a_description_has_a_deadline() {
    let refusal =
        crate::fixture::block_on(async { tokio::task::spawn_blocking(|| refusal(&guests::endless_describe())).await });
    assert!(matches!(refusal.unwrap(), AdmissionError::Undescribed { cause: Cause::Deadline { .. } }));
}
