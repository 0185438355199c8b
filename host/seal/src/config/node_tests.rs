use super::*;

/// In one line, with a letter for each kind.
fn shown(node: &Node) -> String {
    let joined = |nodes: Vec<String>| nodes.join(" ");
    match node {
        Node::Nothing => "nothing".to_owned(),
        Node::Switch(switch) => format!("b:{switch}"),
        Node::Number(number) => format!("n:{number}"),
        Node::Text(text) => format!("t:{}", text.as_str()),
        Node::List(list) => format!("[{}]", joined(list.iter().map(shown).collect())),
        Node::Map(entries) => {
            format!("{{{}}}", joined(entries.iter().map(|(key, node)| format!("{key}={}", shown(node))).collect()))
        }
        Node::Other => "other".to_owned(),
    }
}

fn parsed(text: &str) -> String {
    Node::parse(text.as_bytes()).map_or_else(|problem| format!("problem: {problem}"), |node| shown(&node))
}

#[test]
fn each_kind_of_value_is_told_apart() {
    let cases = [
        ("", "nothing"),
        ("~", "nothing"),
        ("true", "b:true"),
        ("7", "n:7"),
        ("18446744073709551615", "n:18446744073709551615"),
        ("-7", "other"),
        ("1.5", "other"),
        ("99999999999999999999999", "other"),
        ("90d", "t:90d"),
        ("'7'", "t:7"),
        ("[a, 1, [b]]", "[t:a n:1 [t:b]]"),
        ("{b: 1, a: {c: ~}}", "{b=n:1 a={c=nothing}}"),
        ("a: |\n  x\n  y\n", "{a=t:x\ny\n}"),
        ("a: &x [1]\nb: *x\n", "{a=[n:1] b=[n:1]}"),
    ];
    for (text, expected) in cases {
        assert_eq!(parsed(text), expected, "{text}");
    }
}

#[test]
fn what_people_call_things_stays_text() {
    for text in ["on", "yes", "off", "n", "007", "1_000", "none"] {
        assert_eq!(parsed(text), format!("t:{text}"));
    }
}

#[test]
fn a_problem_has_a_line_but_none_of_the_text() {
    let cases = [
        ("a: 1\nb: [canary", "problem: line 2, column "),
        ("a: 1\ncanary: 2\ncanary: 3\n", "problem: line 3, column 1: a key is given twice"),
        ("a: 1\n---\nb: canary\n", "problem: line 3, column 1: it has several documents"),
        ("a: *canary\n", "problem: line 1, column "),
        ("a: b: canary\n", "problem: line 1, column "),
    ];
    for (text, expected) in cases {
        let problem = parsed(text);
        assert!(problem.starts_with(expected) && !problem.contains("canary"), "{text}: {problem}");
    }
}

#[test]
fn a_small_file_cannot_become_a_large_tree() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..20 {
        let before = format!("*a{}", level - 1);
        text.push_str(&format!("a{level}: &a{level} [{}]\n", vec![before; 8].join(", ")));
    }
    assert!(parsed(&text).starts_with("problem: "));
    assert!(parsed(&format!("{}{}", "[".repeat(1000), "]".repeat(1000))).starts_with("problem: "));
}
