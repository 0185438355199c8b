//! HTTP: the JSON gateway and the pages beside it.
//!
//! In a body, `b64:text` stands for the text in base64. A body that is text is sent as it is.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use harness::Request;
use serde_json::{Value, json};

use crate::{case::Step, expect, json, outcome::Outcome, session::Session};

/// The listener for metrics has a port of its own.
const METRICS: &str = "metrics:";

/// Sends one request.
pub(crate) async fn ask(session: &mut Session<'_>, step: &Step) -> Result<Outcome, String> {
    let (method, path) =
        step.argument.as_str().and_then(|line| line.split_once(' ')).ok_or("http wants `METHOD /path`")?;
    let ports = session.server.ports();
    let (port, path) = match path.strip_prefix(METRICS) {
        Some(path) => (ports.metrics, path),
        None => (ports.client, path),
    };
    let certificates = session.certificates(step).filter(|_| port == ports.client);
    let request = request(session, step, method, path)?;
    session.coverage.asked_page(&format!("{method} {path}"));
    let answer = harness::send(port, certificates.as_ref(), &request).await.map_err(|error| error.to_string())?;
    let said = body(&answer.body, step.options.lines);
    let shown = json::masked(&ordered(&said), &mut session.masks);
    let whole = |body: &Value| json!({"status": answer.status, "type": answer.content_type, "body": body});
    Ok(Outcome::answers(&whole(&said), &whole(&shown)))
}

fn request(session: &Session<'_>, step: &Step, method: &str, path: &str) -> Result<Request, String> {
    let mut headers: Vec<(String, String)> = Vec::new();
    for (name, value) in &step.options.metadata {
        headers.push((name.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned)));
    }
    if let Some(name) = &step.options.token {
        let token =
            session.names.get(name).and_then(Value::as_str).ok_or_else(|| format!("{name} has no token yet"))?;
        headers.push(("authorization".to_owned(), token.to_owned()));
    }
    let body = match &step.options.body {
        None => Vec::new(),
        Some(Value::String(text)) => text.clone().into_bytes(),
        Some(other) => encoded(&expect::fill(other, &session.names)?).to_string().into_bytes(),
    };
    Ok(Request { method: method.to_owned(), path: path.to_owned(), headers, body, lines: step.options.lines })
}

/// Texts that begin with `b64:`, encoded.
fn encoded(value: &Value) -> Value {
    match value {
        Value::String(text) => {
            text.strip_prefix("b64:").map_or_else(|| value.clone(), |text| STANDARD.encode(text).into())
        }
        Value::Array(items) => items.iter().map(encoded).collect(),
        Value::Object(fields) => {
            Value::Object(fields.iter().map(|(name, value)| (name.clone(), encoded(value))).collect())
        }
        other => other.clone(),
    }
}

/// JSON as such, lines of JSON as a list, anything else as text.
fn body(text: &str, lines_max: Option<usize>) -> Value {
    if let (Ok(json), None) = (serde_json::from_str(text), lines_max) {
        return json;
    }
    // An answer without an end may have brought more than was waited for.
    let lines: Vec<_> = text.lines().filter(|line| !line.is_empty()).take(lines_max.unwrap_or(usize::MAX)).collect();
    let parsed: Result<Vec<Value>, _> = lines.iter().map(|line| serde_json::from_str(line)).collect();
    parsed.ok().filter(|lines| !lines.is_empty()).map_or_else(|| text.into(), Value::Array)
}

/// etcd names its checks in any order.
fn ordered(body: &Value) -> Value {
    let Some(text) = body.as_str().filter(|text| text.starts_with("[+]") || text.starts_with("[-]")) else {
        return body.clone();
    };
    let mut lines: Vec<_> = text.lines().collect();
    lines.sort_unstable();
    lines.join("\n").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_json_lines_or_text() {
        assert_eq!(body("{\"a\": 1}", None), json!({"a": 1}));
        assert_eq!(body("{\"a\": 1}\n{\"a\": 2}\n", Some(1)), json!([{"a": 1}]));
        assert_eq!(body("[+]a ok\nok\n", None), json!("[+]a ok\nok\n"));
        assert_eq!(ordered(&json!("[+]b ok\n[+]a ok\nok\n")), ordered(&json!("[+]a ok\n[+]b ok\nok\n")));
        assert_eq!(encoded(&json!({"key": ["b64:a", "a"]})), json!({"key": ["YQ==", "a"]}));
    }
}
