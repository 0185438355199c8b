//! Cases that hold, and cases that do not.

use super::*;

const CASES: &str = r#"
cases:
  - name: everything is denied
    request: { key: /guarded/a, value: x, caller: { user: alice } }
    expect: { decision: deny, code: denied, message: nothing may }
  - name: also deletes
    request: { operation: delete, key: /guarded/a }
    expect: { decision: deny, warnings: [] }
"#;

fn folder(cases: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("cases")).unwrap();
    std::fs::write(folder.path().join("cases/some.yaml"), cases).unwrap();
    std::fs::write(folder.path().join("plugin.wasm"), guests::deny_all()).unwrap();
    folder
}

fn run(folder: &Path) -> Result<(), ClientError> {
    Test { folder: folder.to_owned(), component: None, output: Format::Json }.run()
}

#[test]
fn cases_that_hold_pass_and_one_that_does_not_fails_the_run() {
    run(folder(CASES).path()).unwrap();
    for (right, wrong) in [
        ("code: denied", "code: other"),
        ("message: nothing may", "message: all may"),
        ("decision: deny, warnings: []", "decision: allow"),
        ("decision: deny, warnings: []", "decision: deny, warnings: [w]"),
    ] {
        let failed = run(folder(&CASES.replace(right, wrong)).path()).unwrap_err();
        assert!(matches!(failed, ClientError::CasesFailed { failed: 1, count: 2 }), "{wrong}: {failed}");
    }
}

#[test]
fn what_cannot_be_used_is_named() {
    for (cases, named) in [
        ("cases: []", "a file has cases, or settings-refused"),
        (&format!("settings-refused: x\n{CASES}"), "a file has cases, or settings-refused"),
        (&CASES.replace("decision: deny, code: denied", "decision: fail, code: denied"), "nothing else"),
        (&CASES.replace("value: x", "valeu: x"), "valeu"),
        (&CASES.replace("value: x", "value-base64: '%'"), "no base64"),
    ] {
        let error = run(folder(cases).path()).unwrap_err().to_string();
        assert!(error.contains(named), "{error}");
    }
    let several = folder(CASES);
    std::fs::write(several.path().join("other.wasm"), "").unwrap();
    assert!(run(several.path()).unwrap_err().to_string().contains("--component"));
}

#[test]
fn what_a_plugin_refuses_notes_or_fails_at_can_be_expected() {
    let with = |guest: Vec<u8>, cases: &str| {
        let folder = folder(cases);
        std::fs::write(folder.path().join("plugin.wasm"), guest).unwrap();
        run(folder.path())
    };
    let put = "request: { key: /guarded/a, value: x, mode: warn }";
    let case = |expect: &str| format!("cases: [{{ name: one, {put}, expect: {expect} }}]");
    let trap = "{ decision: fail, message: trapped }";
    with(guests::trap(), &case(trap)).unwrap();
    with(guests::trap(), &case("{ decision: fail, message: time limit }")).unwrap_err();
    with(guests::allow_all(), &case(trap)).unwrap_err();
    with(guests::change_to_exclamation(), &case("{ decision: mutate, value: '!', notes: [seen] }")).unwrap();
    with(guests::change_to_exclamation(), &case("{ decision: mutate, notes: [] }")).unwrap_err();
    // As on a member, which lets nobody change what was not shown.
    let withheld = case("{ decision: fail, message: not shown }").replace("value: x", "value-withheld: true");
    with(guests::change_to_exclamation(), &withheld).unwrap();
    with(guests::as_set(), "{ settings: x, settings-refused: begin with a d }").unwrap();
    with(guests::as_set(), "{ settings: x, settings-refused: too long }").unwrap_err();
    with(guests::as_set(), "{ settings: d, settings-refused: begin with a d }").unwrap_err();
}
