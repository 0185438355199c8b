//! What a case expects of an answer: part of it, by name.
//!
//! What is not named is not asked. A field that is absent has its default value, so `count: 0` holds for an answer without one.
//! `$name` is bound where it is first met, and must be the same from then on. For a scalar, `{above: 3}`, `{below: 3}`,
//! `{not: x}`, `{starts: text}` and `{contains: text}` say less than a value does; `null` wants the field absent.

use std::collections::HashMap;

use serde_json::{Map, Value};

/// What the names of a case stand for.
pub(crate) type Names = HashMap<String, Value>;

/// Holds an answer against what is expected; says where it is not met.
pub(crate) fn meets(expected: &Value, actual: Option<&Value>, names: &mut Names) -> Result<(), String> {
    match (expected, actual) {
        (Value::Null, None) => Ok(()),
        (Value::String(name), actual) if name.starts_with('$') => bind(name, actual.unwrap_or(&Value::Null), names),
        (Value::Object(fields), _) if is_condition(fields, actual) => {
            conditions(fields, actual.unwrap_or(&Value::Null))
        }
        (Value::Object(fields), actual) => object(fields, actual, names),
        (Value::Array(items), actual) => list(items, actual, names),
        (_, None) if is_default(expected) => Ok(()),
        (_, Some(actual)) if same(expected, actual) => Ok(()),
        _ => Err(format!("expected {expected}, got {}", actual.unwrap_or(&Value::Null))),
    }
}

fn bind(name: &str, actual: &Value, names: &mut Names) -> Result<(), String> {
    match names.get(&name[1..]) {
        Some(bound) if bound == actual => Ok(()),
        Some(bound) => Err(format!("expected {name}, which is {bound}, got {actual}")),
        None => {
            names.insert(name[1..].to_owned(), actual.clone());
            Ok(())
        }
    }
}

fn is_condition(fields: &Map<String, Value>, actual: Option<&Value>) -> bool {
    const WORDS: [&str; 5] = ["above", "below", "not", "starts", "contains"];
    !actual.is_some_and(Value::is_object)
        && !fields.is_empty()
        && fields.keys().all(|key| WORDS.contains(&key.as_str()))
}

fn conditions(fields: &Map<String, Value>, actual: &Value) -> Result<(), String> {
    let text = actual.as_str().map_or_else(|| actual.to_string(), str::to_owned);
    let number = actual.as_i64().unwrap_or(0);
    let holds = fields.iter().all(|(word, bound)| match word.as_str() {
        "above" => bound.as_i64().is_some_and(|bound| number > bound),
        "below" => bound.as_i64().is_some_and(|bound| number < bound),
        "not" => !same(bound, actual),
        "starts" => bound.as_str().is_some_and(|bound| text.starts_with(bound)),
        _ => bound.as_str().is_some_and(|bound| text.contains(bound)),
    });
    if holds { Ok(()) } else { Err(format!("expected {}, got {actual}", Value::Object(fields.clone()))) }
}

fn object(fields: &Map<String, Value>, actual: Option<&Value>, names: &mut Names) -> Result<(), String> {
    if actual.is_some_and(|actual| !actual.is_object()) || (actual.is_none() && fields.is_empty()) {
        return Err(format!("expected fields, got {}", actual.unwrap_or(&Value::Null)));
    }
    for (name, expected) in fields {
        let field = actual.and_then(|actual| actual.get(name));
        meets(expected, field, names).map_err(|error| format!("{name}: {error}"))?;
    }
    Ok(())
}

fn list(items: &[Value], actual: Option<&Value>, names: &mut Names) -> Result<(), String> {
    let none = Vec::new();
    let found = actual.map_or(Some(&none), Value::as_array);
    let found = found.ok_or_else(|| format!("expected a list, got {}", actual.unwrap_or(&Value::Null)))?;
    if found.len() != items.len() {
        return Err(format!("expected {} entries, got {}: {}", items.len(), found.len(), Value::Array(found.clone())));
    }
    for (at, (expected, actual)) in items.iter().zip(found).enumerate() {
        meets(expected, Some(actual), names).map_err(|error| format!("[{at}]: {error}"))?;
    }
    Ok(())
}

/// A text may be written without quotes.
fn same(expected: &Value, actual: &Value) -> bool {
    expected == actual
        || matches!((expected, actual), (Value::Number(number), Value::String(text)) if number.to_string() == *text)
}

fn is_default(value: &Value) -> bool {
    value == 0 || value == false || value == "" || value == "NONE" || value == "PUT" || value == "READ"
}

/// Puts what the names stand for in their place.
pub(crate) fn fill(value: &Value, names: &Names) -> Result<Value, String> {
    match value {
        Value::String(name) if name.starts_with('$') => {
            names.get(&name[1..]).cloned().ok_or_else(|| format!("nothing is called {name} yet"))
        }
        Value::Array(items) => items.iter().map(|item| fill(item, names)).collect(),
        Value::Object(fields) => {
            let filled = fields.iter().map(|(name, value)| Ok((name.clone(), fill(value, names)?)));
            filled.collect::<Result<Map<_, _>, String>>().map(Value::Object)
        }
        other => Ok(other.clone()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn part_of_an_answer_is_enough() {
        let answer = json!({"count": 2, "kvs": [{"key": "a", "value": "1"}, {"key": "b"}], "text": "abc"});
        for expected in [
            json!({"count": 2}),
            json!({"kvs": [{"key": "a", "value": 1}, {"value": ""}], "more": false}),
            json!({"count": {"above": 1, "below": 3}, "text": {"starts": "a"}}),
            json!({"text": {"contains": "b"}, "nothing": null, "none": []}),
            json!({"count": {"not": 3}, "absent": {"deeper": 0}}),
        ] {
            assert_eq!(meets(&expected, Some(&answer), &mut Names::new()), Ok(()), "{expected}");
        }
        for expected in [
            json!({"count": 3}),
            json!({"count": null}),
            json!({"kvs": [{"key": "a"}]}),
            json!({"kvs": [{"key": "a"}, {"key": "c"}]}),
            json!({"more": true}),
            json!({"absent": {}}),
            json!({"count": {"above": 2}}),
            json!({"text": {"starts": "b"}}),
            json!({"text": {"contains": "x"}}),
            json!({"count": {"not": 2}}),
            json!({"absent": {"above": 0}}),
        ] {
            assert!(meets(&expected, Some(&answer), &mut Names::new()).is_err(), "{expected}");
        }
    }

    #[test]
    fn a_name_stands_for_one_thing() {
        let mut names = Names::new();
        assert_eq!(meets(&json!({"ID": "$lease"}), Some(&json!({"ID": 5})), &mut names), Ok(()));
        assert!(meets(&json!("$lease"), Some(&json!(6)), &mut names).is_err());
        assert_eq!(fill(&json!({"a": ["$lease"]}), &names), Ok(json!({"a": [5]})));
        assert!(fill(&json!("$other"), &names).is_err());
    }
}
