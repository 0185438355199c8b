//! A listen or advertise URL: scheme, host and port, as etcd accepts them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;

/// `http://host:port` or `https://host:port`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Url {
    tls: bool,
    host: String,
    port: u16,
}

impl Url {
    /// The URL of a listener bound to `address`.
    pub(crate) fn of_listener(tls: bool, address: SocketAddr) -> Self {
        Self { tls, host: address.ip().to_string(), port: address.port() }
    }

    /// True for `https`.
    pub(crate) fn is_tls(&self) -> bool {
        self.tls
    }

    /// The address to bind: an IP address, or `localhost`, which is 127.0.0.1. Other names are not for binding.
    pub(crate) fn bind_address(&self) -> Option<SocketAddr> {
        let ip = match self.host.as_str() {
            "localhost" => IpAddr::V4(Ipv4Addr::LOCALHOST),
            host => host.parse().ok()?,
        };
        Some(SocketAddr::new(ip, self.port))
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        if self.host.contains(':') {
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
            "unix" | "unixs" => return Err("unix sockets are not supported by this version of strongroom"),
            _ => return Err("its scheme is neither http nor https"),
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
        Ok(Self { tls, host: host.to_owned(), port })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_prints_as_it_was_read() {
        for text in ["http://localhost:2379", "https://10.0.0.1:1", "https://[::1]:2380", "http://a.example:0"] {
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
            "unix://x:1",
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
        assert_eq!(bind("https://db.example:7"), None);
    }
}
