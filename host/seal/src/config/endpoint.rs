//! Where a KMS plugin listens: `unix://` and the path of a socket, as in Kubernetes. Both forms of the file have it.

use std::path::PathBuf;
use std::time::Duration;

use super::provider::KmsConfig;
use super::section::{Problems, Section};

/// How long a call waits where the file does not say; Kubernetes' default.
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(3);

/// Below it a plugin that asks a service over the network fails by chance.
const TIMEOUT_MIN: Duration = Duration::from_millis(100);

/// Above it a start hangs where it should report.
const TIMEOUT_MAX: Duration = Duration::from_secs(30);

/// What fits into a socket's address on Linux (`sun_path`), without the zero at its end.
const SOCKET_PATH_BYTES_MAX: usize = 107;

/// Reads `endpoint` and `timeout`.
pub(super) fn read(section: &mut Section, problems: &mut Problems) -> Option<KmsConfig> {
    let endpoint = section.required_text("endpoint", problems).and_then(|text| {
        let socket = socket(&text);
        socket.map_err(|problem| problems.add(&section.place_of("endpoint"), problem)).ok()
    });
    let timeout = section.duration("timeout", problems).unwrap_or(TIMEOUT_DEFAULT);
    if !(TIMEOUT_MIN..=TIMEOUT_MAX).contains(&timeout) {
        problems.add(&section.place_of("timeout"), "it must be from 100ms to 30s");
    }
    Some(KmsConfig { endpoint: endpoint?, timeout })
}

fn socket(endpoint: &str) -> Result<PathBuf, &'static str> {
    let Some(path) = endpoint.strip_prefix("unix://") else { return Err("it must begin with unix:///") };
    if path.starts_with('@') || path.starts_with("/@") {
        return Err("abstract sockets have no owner, so anybody could answer there; give the path of a socket");
    }
    if !path.starts_with('/') || path.ends_with('/') {
        return Err("it must be unix:// and the absolute path of a socket");
    }
    if path.contains(['%', '?', '#']) || path.contains(char::is_control) {
        return Err("its path must be plain, without %, ?, # and control characters");
    }
    if path.len() > SOCKET_PATH_BYTES_MAX {
        return Err("its path is longer than 107 bytes, the most that a socket can have");
    }
    Ok(path.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_what_follows_the_scheme() {
        assert_eq!(socket("unix:///run/kms/plugin.sock"), Ok("/run/kms/plugin.sock".into()));
        let longest = format!("/{}", "x".repeat(106));
        assert_eq!(socket(&format!("unix://{longest}")), Ok(longest.into()));
    }

    #[test]
    fn what_is_no_path_of_a_socket_is_refused() {
        let long = format!("unix:///{}", "x".repeat(107));
        let cases = [
            ("/run/kms.sock", "begin with"),
            ("tcp://127.0.0.1:1", "begin with"),
            ("unix:/run/kms.sock", "begin with"),
            ("unix://", "absolute"),
            ("unix:///", "absolute"),
            ("unix://run/kms.sock", "absolute"),
            ("unix:///run/kms.sock/", "absolute"),
            ("unix:///@kms", "abstract"),
            ("unix://@kms", "abstract"),
            ("unix:///run/a%20b", "plain"),
            ("unix:///run/a?b", "plain"),
            ("unix:///run/a\nb", "plain"),
            (&long, "107"),
        ];
        for (endpoint, mention) in cases {
            let problem = socket(endpoint).unwrap_err();
            assert!(problem.contains(mention), "{endpoint}: {problem}");
        }
    }
}
