//! JSON and text that a server or `etcdctl` printed, with names in the place of what differs.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;

use crate::mask::Masks;

/// Fields that name somebody or something, and what.
const NAMES: [(&str, &str); 7] = [
    ("cluster_id", "cluster"),
    ("member_id", "member"),
    ("memberID", "member"),
    ("leader", "member"),
    ("ID", "lease"),
    ("lease", "lease"),
    ("token", "token"),
];

/// Fields that measure a server. Whether they are filled is compared.
const MEASURES: [&str; 10] = [
    "etcdserver",
    "storageVersion",
    "raft_term",
    "raftTerm",
    "raftIndex",
    "raftAppliedIndex",
    "dbSize",
    "dbSizeInUse",
    "blob",
    "remaining_bytes",
];

/// Ids that servers choose are at least this long, as text.
const ID_DIGITS_MIN: usize = 11;

/// A value with names in the place of ids.
pub(crate) fn masked(value: &Value, masks: &mut Masks) -> Value {
    match value {
        Value::Array(items) => items.iter().map(|item| masked(item, masks)).collect(),
        Value::Object(fields) => {
            let shown = fields.iter().map(|(name, value)| (name.clone(), field(name, value, masks)));
            let mut shown: serde_json::Map<_, _> = shown.collect();
            if shown.contains_key("grantedTTL") && fields.get("TTL").is_some_and(|left| *left != "-1" && *left != -1) {
                shown.insert("TTL".into(), "<some>".into());
            }
            Value::Object(shown)
        }
        Value::String(text) => masks.text(text).into(),
        other => other.clone(),
    }
}

fn field(name: &str, value: &Value, masks: &mut Masks) -> Value {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    if MEASURES.contains(&name) || (name == "version" && text.contains('.')) || (name == "hash" && text != "0") {
        return "<filled>".into();
    }
    let class = NAMES.iter().find(|(known, _)| *known == name).map(|(_, class)| *class);
    match class {
        Some("lease") if text.len() < ID_DIGITS_MIN => value.clone(),
        Some(class) if value.is_string() || value.is_number() => masks.name(class, value).into(),
        _ if name == "key" || name == "name" => key(value, masks),
        _ => masked(value, masks),
    }
}

/// A key may hold a lease's id, as those of locks do.
fn key(value: &Value, masks: &mut Masks) -> Value {
    let decoded =
        value.as_str().and_then(|text| STANDARD.decode(text).ok()).and_then(|key| String::from_utf8(key).ok());
    let with_id = decoded.map(|key| (masks.text(&key), key)).filter(|(shown, key)| shown != key);
    with_id.map_or_else(|| masked(value, masks), |(shown, _)| shown.into())
}

/// What `etcdctl` printed.
pub(crate) fn printed(text: &str, masks: &mut Masks) -> String {
    text.lines().map(|line| line_of(line, masks) + "\n").collect()
}

fn line_of(line: &str, masks: &mut Masks) -> String {
    if let Ok(json @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str(line) {
        return masked(&json, masks).to_string();
    }
    if let Some((before, after)) = line.split_once("remaining(") {
        let keys = after.split_once(')').map_or(after, |(_, keys)| keys);
        return line_of(before, masks) + &line_of(keys, masks);
    }
    if line.starts_with("\"RaftTerm\" : ") {
        return "\"RaftTerm\" : <filled>".to_owned();
    }
    words(&masks.text(line), masks)
}

/// Names each long number, decimal or hexadecimal.
fn words(line: &str, masks: &mut Masks) -> String {
    let mut shown = String::new();
    for part in line.split_inclusive(|c: char| !c.is_ascii_hexdigit()) {
        let word = part.trim_end_matches(|c: char| !c.is_ascii_hexdigit());
        let decimal = word.len() >= 17 && word.parse::<u64>().is_ok();
        let id = if decimal { word.parse().ok() } else { u64::from_str_radix(word, 16).ok() };
        match id.filter(|_| word.len() >= ID_DIGITS_MIN) {
            Some(id) => shown += &format!("{}{}", masks.name("lease", &id.into()), &part[word.len()..]),
            None => shown += part,
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ids_have_names_wherever_they_stand() {
        let mut masks = Masks::default();
        let granted = json!({"header": {"member_id": "77777777777777", "revision": "3"}, "ID": "7587000000000000001", "TTL": "5"});
        let shown = json!({"header": {"member_id": "<member1>", "revision": "3"}, "ID": "<lease1>", "TTL": "5"});
        assert_eq!(masked(&granted, &mut masks), shown);
        let key = STANDARD.encode(format!("lock/{:x}", 7_587_000_000_000_000_001_i64));
        assert_eq!(masked(&json!({"key": key}), &mut masks), json!({"key": "lock/<lease1>"}));
        assert_eq!(masked(&json!({"ID": "5", "key": "YQ=="}), &mut masks), json!({"ID": "5", "key": "YQ=="}));
        let printed_lease = format!("lease {:x} granted with TTL(300s)", 7_587_000_000_000_000_001_i64);
        assert_eq!(printed(&printed_lease, &mut masks), "lease <lease1> granted with TTL(300s)\n");
        let left = "lease 694d1234567890ab granted with TTL(300s), remaining(298s), attached keys([a])";
        assert_eq!(printed(left, &mut masks), "lease <lease2> granted with TTL(300s), , attached keys([a])\n");
    }
}
