//! `DIR/env`: the shell file that points etcdctl and the client commands at the dev members.

use std::path::Path;

use super::certificates::Certificates;
use super::file::{READABLE, write_whole};
use crate::config::url::Url;
use crate::error::ServerError;

/// Writes the file. Paths in it are as absolute as those of `certificates`.
///
/// # Errors
///
/// [`ServerError::File`].
pub(crate) fn write(path: &Path, clients: &[Url], admin: &Url, certificates: &Certificates) -> Result<(), ServerError> {
    write_whole(path, &text(path, clients, admin, certificates), READABLE)
}

fn text(path: &Path, clients: &[Url], admin: &Url, certificates: &Certificates) -> String {
    let authority = &certificates.authority.certificate;
    let endpoints: Vec<_> = clients.iter().map(ToString::to_string).collect();
    let lines = [
        ("ETCDCTL_API", "3".to_owned()),
        ("ETCDCTL_ENDPOINTS", quoted(&endpoints.join(","))),
        ("ETCDCTL_CACERT", quoted_path(authority)),
        ("ETCDCTL_CERT", quoted_path(&certificates.client.certificate)),
        ("ETCDCTL_KEY", quoted_path(&certificates.client.key)),
        ("STRONGROOM_ADMIN_ENDPOINT", quoted(&admin.to_string())),
        ("STRONGROOM_CACERT", quoted_path(authority)),
        ("STRONGROOM_CERT", quoted_path(&certificates.admin.certificate)),
        ("STRONGROOM_KEY", quoted_path(&certificates.admin.key)),
    ];
    let mut text = format!("# Written at each start of strongroom dev. To use it: . {}\n", quoted_path(path));
    for (name, value) in lines {
        text.push_str(&format!("export {name}={value}\n"));
    }
    text
}

/// A path as one word of a POSIX shell.
pub(crate) fn quoted_path(path: &Path) -> String {
    quoted(&path.to_string_lossy())
}

/// Single quotes take everything as it is, but for a single quote.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bootstrap::certificates::Pair;

    fn pair(name: &str) -> Pair {
        Pair { certificate: format!("/it's here/{name}.crt").into(), key: format!("/it's here/{name}.key").into() }
    }

    #[test]
    fn a_shell_reads_back_what_was_written() {
        let certificates =
            Certificates { authority: pair("ca"), members: Vec::new(), client: pair("client"), admin: pair("admin") };
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("env");
        let [client, admin, other] = [1, 2, 3].map(|port| format!("https://127.0.0.1:{port}").parse().unwrap());
        write(&path, &[client, other], &admin, &certificates).unwrap();
        let script = r#". "$0"; printf '%s\n' "$ETCDCTL_API" "$ETCDCTL_ENDPOINTS" "$ETCDCTL_KEY" "$ETCDCTL_CACERT" \
            "$STRONGROOM_ADMIN_ENDPOINT" "$STRONGROOM_CERT""#;
        let output = std::process::Command::new("sh").arg("-c").arg(script).arg(&path).output().unwrap();
        let lines = String::from_utf8(output.stdout).unwrap();
        let expected = [
            "3",
            "https://127.0.0.1:1,https://127.0.0.1:3",
            "/it's here/client.key",
            "/it's here/ca.crt",
            "https://127.0.0.1:2",
            "/it's here/admin.crt",
        ];
        assert_eq!(lines.lines().collect::<Vec<_>>(), expected);
    }
}
