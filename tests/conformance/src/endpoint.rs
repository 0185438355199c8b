//! Status, health, members, and the pages of the metrics listener.

use serde_json::Value;

use crate::session::{Session, agree};

async fn json(s: &Session, arguments: &[&str]) -> Value {
    let printed = s.etcdctl().ok(&[arguments, &["-w", "json"]].concat()).await;
    serde_json::from_str(&printed).unwrap()
}

/// The kinds of the values rather than the values, for what differs between any two servers.
fn kinds(json: &Value) -> String {
    match json {
        Value::Object(fields) => {
            let kinds: Vec<_> = fields.iter().map(|(name, value)| format!("{name}: {}", kinds(value))).collect();
            format!("{{{}}}", kinds.join(", "))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(kinds).collect::<Vec<_>>().join(", ")),
        Value::String(text) if text.is_empty() => "empty".into(),
        Value::String(_) => "text".into(),
        Value::Number(number) if number.as_f64() == Some(0.0) => "zero".into(),
        Value::Number(_) => "number".into(),
        other => other.to_string(),
    }
}

#[tokio::test]
async fn status() {
    agree(async |s: &mut Session| {
        s.ok(&["put", "a", "1"]).await;
        let first = json(s, &["endpoint", "status"]).await;
        s.note("fields", &kinds(&first));
        s.note("revision", &first[0]["Status"]["header"]["revision"].to_string());
        let status = &first[0]["Status"];
        assert_eq!(status["leader"], status["header"]["member_id"], "one member leads");
        assert!(status["raftIndex"].as_u64() >= status["raftAppliedIndex"].as_u64());
        s.ok(&["put", "a", "2"]).await;
        let second = json(s, &["endpoint", "status"]).await;
        assert!(second[0]["Status"]["raftAppliedIndex"].as_u64() > first[0]["Status"]["raftAppliedIndex"].as_u64());
        let line = s.etcdctl().ok(&["endpoint", "status"]).await;
        s.note("columns", &line.split(", ").count().to_string());
    })
    .await;
}

#[tokio::test]
async fn health() {
    agree(async |s: &mut Session| {
        let health = json(s, &["endpoint", "health"]).await;
        s.note("health", &health[0]["health"].to_string());
        for cluster in [&["endpoint", "health", "--cluster"][..], &["endpoint", "status", "--cluster"]] {
            let health = json(s, cluster).await;
            s.note("members asked", &health.as_array().unwrap().len().to_string());
        }
        s.ok(&["alarm", "list"]).await;
    })
    .await;
}

#[tokio::test]
async fn members() {
    agree(async |s: &mut Session| {
        let members = json(s, &["member", "list"]).await;
        s.note("fields", &kinds(&members));
        let line = s.etcdctl().ok(&["member", "list"]).await;
        let columns: Vec<_> = line.trim().split(", ").collect();
        s.note("columns", &columns.len().to_string());
        assert!(u64::from_str_radix(columns[0], 16).is_ok_and(|id| id != 0), "{line}");
        assert_eq!((columns[1], columns[5]), ("started", "false"), "{line}");
        assert!(columns[3].contains("127.0.0.1") && columns[4].contains("127.0.0.1"), "{line}");
        assert!(columns[4].ends_with(&s.server().ports().client.to_string()), "{line}");
    })
    .await;
}

#[tokio::test]
async fn pages() {
    agree(async |s: &mut Session| {
        let health = s.server().page("/health").await;
        let json: Value = serde_json::from_str(&health.body).unwrap();
        s.note("health", &format!("{} {}", health.status, json["health"]));
        let metrics = s.server().page("/metrics").await;
        s.note("metrics", &metrics.status.to_string());
        assert!(metrics.body.lines().any(|line| line.starts_with("# TYPE ")), "{}", metrics.body);
        s.note("nothing there", &s.server().page("/nothing-there").await.status.to_string());
        if !s.is_etcd() {
            // These came with etcd 3.5.11 (/livez, /readyz); 3.4 has /version on the client listener only.
            for page in ["/livez", "/readyz"] {
                let answer = s.server().page(page).await;
                assert_eq!((answer.status, answer.body.trim()), (200, "ok"), "{page}");
            }
            let version: Value = serde_json::from_str(&s.server().page("/version").await.body).unwrap();
            assert!(version["etcdserver"].is_string() && version["etcdcluster"].is_string(), "{version}");
        }
    })
    .await;
}
