//! Where other members reach a member, as etcd writes it.

/// A peer URL in the form in which etcd compares them; `None` when it is none.
pub(crate) fn peer_url(text: &str) -> Option<String> {
    let (scheme, rest) = text.trim().split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    match scheme.as_str() {
        "http" | "https" if is_host_and_port(rest) => {}
        "unix" | "unixs" => {}
        _ => return None,
    }
    Some(format!("{scheme}://{rest}"))
}

fn is_host_and_port(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let host_is_plain = !host.contains([':', '/', '?', '#', ' ', '[', ']']);
    (bracketed.is_some() || host_is_plain) && port.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peer_urls_are_checked_and_compared_as_etcd_does() {
        for url in ["http://127.0.0.1:2380", "https://a.example:1", "http://[::1]:2380", "unix://x", "http://a:"] {
            assert_eq!(peer_url(url).as_deref(), Some(url));
        }
        assert_eq!(peer_url(" HTTP://a:1").as_deref(), Some("http://a:1"));
        for url in ["bad", "", "http://a", "http://a:1/path", "http://a:b", "ftp://a:1", "http://a:b:1", "http://::1:1"]
        {
            assert_eq!(peer_url(url), None, "{url}");
        }
    }
}
