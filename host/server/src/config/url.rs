//! A listen or advertise URL: scheme, host and port, or the path of a unix socket, as etcd accepts them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::str::FromStr;

/// `http://host:port`, `https://host:port`, `unix://path` or, with TLS, `unixs://path`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Url {
    tls: bool,
    kind: Kind,
    /// Without the brackets of an IPv6 address; of a unix socket, the path.
    host: String,
    /// Zero for a unix socket.
    port: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Http,
    Unix,
}

impl Url {
    /// The URL of a listener bound to `address`.
    pub(crate) fn of_listener(tls: bool, address: SocketAddr) -> Self {
        Self { tls, kind: Kind::Http, host: address.ip().to_string(), port: address.port() }
    }

    /// The host, without the brackets of an IPv6 address; a unix socket has none.
    pub(crate) fn host(&self) -> Option<&str> {
        (self.kind == Kind::Http).then_some(self.host.as_str())
    }

    /// True for `https` and `unixs`.
    pub(crate) fn is_tls(&self) -> bool {
        self.tls
    }

    /// Where the unix socket is, if it is one. As in etcd, what looks like a host and a port is a file of that name in
    /// the current folder.
    pub(crate) fn socket_path(&self) -> Option<&Path> {
        (self.kind == Kind::Unix).then(|| Path::new(&self.host))
    }

    /// The address to bind: an IP address, or `localhost`, which is 127.0.0.1. Other names are not for binding.
    pub(crate) fn bind_address(&self) -> Option<SocketAddr> {
        if self.kind == Kind::Unix {
            return None;
        }
        let ip = match self.host.as_str() {
            "localhost" => IpAddr::V4(Ipv4Addr::LOCALHOST),
            host => host.parse().ok()?,
        };
        Some(SocketAddr::new(ip, self.port))
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match (self.kind, self.tls) {
            (Kind::Http, false) => "http",
            (Kind::Http, true) => "https",
            (Kind::Unix, false) => "unix",
            (Kind::Unix, true) => "unixs",
        };
        if self.kind == Kind::Unix {
            write!(f, "{scheme}://{}", self.host)
        } else if self.host.contains(':') {
            write!(f, "{scheme}://[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{scheme}://{}:{}", self.host, self.port)
        }
    }
}

impl FromStr for Url {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (scheme, rest) = text.split_once("://").ok_or("it does not start with http:// or https://")?;
        let tls = match scheme {
            "http" => false,
            "https" => true,
            "unix" | "unixs" if rest.is_empty() => return Err("it has no path"),
            "unix" | "unixs" => {
                return Ok(Self { tls: scheme == "unixs", kind: Kind::Unix, host: rest.to_owned(), port: 0 });
            }
            _ => return Err("its scheme is none of http, https, unix and unixs"),
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if authority.contains(['/', '?', '#', '@']) {
            return Err("it has more than a host and a port");
        }
        let (host, port) = authority.rsplit_once(':').ok_or("it has no port")?;
        let port = port.parse().map_err(|_| "its port is not a number from 0 to 65535")?;
        let host = match host.strip_prefix('[') {
            Some(inner) => inner.strip_suffix(']').ok_or("its IPv6 address is not closed by a bracket")?,
            None if host.contains(':') => return Err("its IPv6 address is not in brackets"),
            None => host,
        };
        if host.is_empty() {
            return Err("it has no host");
        }
        Ok(Self { tls, kind: Kind::Http, host: host.to_owned(), port })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_prints_as_it_was_read() {
        for text in [
            "http://localhost:2379",
            "https://10.0.0.1:1",
            "https://[::1]:2380",
            "http://a.example:0",
            "unix:///run/strongroom.sock",
            "unixs://localhost:2379",
        ] {
            assert_eq!(text.parse::<Url>().unwrap().to_string(), text);
        }
        assert_eq!("http://localhost:1/".parse::<Url>().unwrap().to_string(), "http://localhost:1");
    }

    #[test]
    fn a_bad_url_is_refused() {
        for text in [
            "localhost:2379",
            "ftp://a:1",
            "http://a",
            "http://a:x",
            "http://a:70000",
            "http://:1",
            "http://a:1/v3",
            "unix://",
            "http://::1:2379",
            "http://[::1:2379",
            "http://u@a:1",
        ] {
            assert!(text.parse::<Url>().is_err(), "{text}");
        }
    }

    #[test]
    fn only_addresses_and_localhost_are_for_binding() {
        let bind = |text: &str| text.parse::<Url>().unwrap().bind_address().map(|address| address.to_string());
        assert_eq!(bind("http://localhost:7").as_deref(), Some("127.0.0.1:7"));
        assert_eq!(bind("https://[::]:7").as_deref(), Some("[::]:7"));
        assert_eq!((bind("https://db.example:7"), bind("unix://127.0.0.1:7")), (None, None));
    }

    #[test]
    fn a_unix_socket_is_a_path_whatever_it_looks_like() {
        let url = |text: &str| text.parse::<Url>().unwrap();
        assert_eq!(url("unix://localhost:2379").socket_path(), Some(Path::new("localhost:2379")));
        assert_eq!(url("unixs:///run/a.sock").socket_path(), Some(Path::new("/run/a.sock")));
        assert_eq!((url("unixs://a").is_tls(), url("unix://a").is_tls()), (true, false));
        assert_eq!(url("http://localhost:1").socket_path(), None);
    }
}
