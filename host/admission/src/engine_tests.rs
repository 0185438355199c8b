//! Which code is kept, and for how long.

use std::path::Path;

use super::*;

/// A member's engine that has the code of these components on its shelf, and no program to compile any other.
fn engine(folder: &Path, components: &[Vec<u8>]) -> Engine {
    let shelf = native::Shelf::open(folder).unwrap();
    let compiler = wasmtime::Engine::new(&config()).unwrap();
    for component in components {
        shelf.keep(&sha256(component), &compiler.precompile_component(component).unwrap()).unwrap();
    }
    Engine::with_workshop(Workshop { program: folder.join("no-compiler"), shelf }).unwrap()
}

fn record(component: &[u8]) -> PluginRecord {
    let digest = Bytes::copy_from_slice(&sha256(component));
    PluginRecord { name: "p".to_owned(), digest, ..PluginRecord::default() }
}

fn shelved(folder: &Path) -> usize {
    let is_code = |path: &Path| path.extension().is_some_and(|ending| ending == "native");
    std::fs::read_dir(folder).unwrap().filter(|entry| is_code(&entry.as_ref().unwrap().path())).count()
}

/// Nobody is to be asked for a component that is compiled.
fn load(engine: &Engine, records: &[PluginRecord]) {
    drop(engine.load(records, &|_| panic!("a component was asked for")));
}

#[test]
fn what_is_prepared_outlasts_the_policies_that_come_before_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let (upcoming, inspected, stale) = (guests::deny_all(), guests::deny_exclamation(), guests::trap());
    let engine = engine(folder.path(), &[upcoming.clone(), inspected.clone(), stale.clone()]);
    engine.prepare(&upcoming).unwrap();
    engine.inspect(&inspected, "").unwrap();
    engine.try_out(&stale, None).unwrap();
    // A data key was changed meanwhile, say.
    load(&engine, &[]);
    assert_eq!((engine.compiled().len(), shelved(folder.path())), (2, 2));
    load(&engine, &[record(&upcoming)]);
    assert!(engine.compiled().contains_key(&sha256(&upcoming)));
}

#[test]
fn what_was_refused_is_not_kept() {
    let folder = tempfile::tempdir().unwrap();
    let refused = guests::as_set();
    let engine = engine(folder.path(), std::slice::from_ref(&refused));
    assert!(matches!(engine.inspect(&refused, "x"), Err(AdmissionError::BadSettings { .. })));
    load(&engine, &[]);
    assert_eq!((engine.compiled().len(), shelved(folder.path())), (0, 0));
}

#[test]
fn what_is_turned_off_stays_on_disk() {
    let folder = tempfile::tempdir().unwrap();
    let component = guests::deny_all();
    let engine = engine(folder.path(), std::slice::from_ref(&component));
    engine.try_out(&component, None).unwrap();
    load(&engine, &[PluginRecord { disabled: true, ..record(&component) }]);
    assert_eq!((engine.compiled().len(), shelved(folder.path())), (0, 1));
}
