use super::*;

fn section(text: &str) -> Section {
    Section::of(Node::parse(text.as_bytes()).unwrap(), "top".to_owned(), &mut Problems::default()).unwrap()
}

/// The mistakes of what is done with the section.
fn problems<T>(text: &str, read: impl FnOnce(&mut Section, &mut Problems) -> T) -> Vec<String> {
    let mut problems = Problems::default();
    read(&mut section(text), &mut problems);
    problems.unless_any(()).err().unwrap_or_default()
}

#[test]
fn a_value_of_another_kind_is_named_by_its_place() {
    assert_eq!(problems("a: 1", |s, p| s.text("a", p)), ["top.a: it must be text, in quotes if need be"]);
    assert_eq!(problems("a: x", |s, p| s.number("a", p)), ["top.a: it must be a whole number"]);
    assert_eq!(problems("a: 1", |s, p| s.switch("a", p)), ["top.a: it must be true or false"]);
    assert_eq!(problems("a: 1", |s, p| s.list("a", p)), ["top.a: it must be a list"]);
    assert_eq!(problems("a: [x, 1]", |s, p| s.texts("a", p)), ["top.a[1]: it must be text, in quotes if need be"]);
    assert_eq!(
        problems("a: []", |s, p| s.section("a", p).is_some()),
        ["top.a: it must be a section of keys and values"]
    );
    let wrong = problems("a: 90", |s, p| s.duration("a", p));
    assert_eq!(wrong, ["top.a: it must be a time such as 90d, 12h, 1m30s or 500ms"]);
}

#[test]
fn a_key_without_a_value_is_as_if_it_were_not_there() {
    assert!(problems("a:", |s, p| assert_eq!(s.text("a", p), None)).is_empty());
    assert_eq!(problems("a:", |s, p| s.required_text("a", p)), ["top.a: it is missing"]);
    assert_eq!(problems("a: ''", |s, p| s.required_text("a", p)), ["top.a: it is empty"]);
}

#[test]
fn one_of_several_keys_is_chosen_and_only_one() {
    let only = |text| problems(text, |s, p| s.only_of(&["a", "b"], p));
    assert!(only("a: 1").is_empty());
    assert_eq!(only("a: 1\nb: 1"), ["top: it has both a and b"]);
    assert_eq!(only("c: 1"), ["top: it must have one of a, b"]);
    assert_eq!(only("a:"), ["top: it must have one of a, b"]);
}

#[test]
fn an_unknown_key_is_named_only_where_it_cannot_be_a_secret() {
    let left = |text: &str| problems(text, |s, p| std::mem::replace(s, section("{}")).finish(p));
    assert_eq!(
        left("a: 1\nrotate-afer: 2"),
        ["top.a: there is no such key here", "top.rotate-afer: there is no such key here"]
    );
    assert_eq!(left("c2l4dGVlbiBieXRlcyE: 1"), ["top.c2l4dGVlbiBieXRlcyE: there is no such key here"]);
    for secret in ["c2l4dGVlbiBieXRlcyEh", "c2l4dGVlbiBieXRlcyEhIQ", "c2l4dGVlbiBieXRlcyEhIQ==", "a=b", "a b"] {
        let expected =
            if secret.len() > 20 || secret.contains(['=', ' ']) { "top: it has an unknown key" } else { "top." };
        assert!(left(&format!("{secret}: 1"))[0].starts_with(expected), "{secret}");
    }
}
