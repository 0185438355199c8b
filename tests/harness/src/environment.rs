//! The variables that `strongroom dev` leaves behind in its `env` file.

use std::{collections::BTreeMap, path::Path, process::Command};

use crate::Certificates;

/// Variables for `etcdctl` and for the administrator's commands.
#[derive(Debug, Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// Runs a shell file and keeps what it exported, as a user's shell would.
    ///
    /// # Panics
    /// When the shell refuses the file.
    #[must_use]
    pub fn of_shell_file(file: &Path) -> Self {
        let output = Command::new("/bin/sh")
            .args(["-euc", ". \"$1\"; exec /usr/bin/env -0", "sh"])
            .arg(file)
            .env_clear()
            .output()
            .expect("/bin/sh starts");
        assert!(output.status.success(), "{}: {}", file.display(), String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8_lossy(&output.stdout);
        let pairs = text.split('\0').filter_map(|line| line.split_once('='));
        let ours = pairs.filter(|(name, _)| name.starts_with("ETCDCTL_") || name.starts_with("STRONGROOM_"));
        Self(ours.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    /// What `etcdctl` needs for a server without TLS.
    #[must_use]
    pub fn plain(client_port: u16) -> Self {
        Self::default().with("ETCDCTL_API", "3").with("ETCDCTL_ENDPOINTS", &format!("http://127.0.0.1:{client_port}"))
    }

    /// The same with one variable more.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.0.insert(name.to_owned(), value.to_owned());
        self
    }

    /// The same with the client's certificate files.
    #[must_use]
    pub fn with_certificates(self, files: &Certificates) -> Self {
        self.with("ETCDCTL_CACERT", &files.authority.to_string_lossy())
            .with("ETCDCTL_CERT", &files.certificate.to_string_lossy())
            .with("ETCDCTL_KEY", &files.key.to_string_lossy())
    }

    /// What the administrator's commands need for the admin listener at this port.
    #[must_use]
    pub fn administration(port: u16, files: &Certificates) -> Self {
        Self::default()
            .with("STRONGROOM_ADMIN_ENDPOINT", &format!("https://127.0.0.1:{port}"))
            .with("STRONGROOM_CACERT", &files.authority.to_string_lossy())
            .with("STRONGROOM_CERT", &files.certificate.to_string_lossy())
            .with("STRONGROOM_KEY", &files.key.to_string_lossy())
    }

    /// One variable.
    ///
    /// # Panics
    /// When it is not set.
    #[must_use]
    pub fn get(&self, name: &str) -> &str {
        self.0.get(name).unwrap_or_else(|| panic!("{name} is not exported; exported are {:?}", self.0.keys()))
    }

    /// Every variable.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The files of an etcd client, if it is to use TLS.
    #[must_use]
    pub fn client_certificates(&self) -> Option<Certificates> {
        self.0.contains_key("ETCDCTL_CERT").then(|| self.certificates("ETCDCTL"))
    }

    /// The files of the administrator.
    #[must_use]
    pub fn administrator_certificates(&self) -> Certificates {
        self.certificates("STRONGROOM")
    }

    fn certificates(&self, prefix: &str) -> Certificates {
        let path = |name: &str| self.get(&format!("{prefix}_{name}")).into();
        Certificates { authority: path("CACERT"), certificate: path("CERT"), key: path("KEY") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("env");
        std::fs::write(&file, "export ETCDCTL_API=3\nexport ETCDCTL_CERT='/a b/c.pem'\nUNSEEN=1\nexport OTHER=2\n")
            .unwrap();
        let environment = Environment::of_shell_file(&file);
        assert_eq!(environment.iter().collect::<Vec<_>>(), [("ETCDCTL_API", "3"), ("ETCDCTL_CERT", "/a b/c.pem")]);
    }
}
