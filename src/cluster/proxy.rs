//! On which way the API server is reached: directly, or through a proxy, by the rules kubectl follows. Pure.
//!
//! A `proxy-url` of the kubeconfig is used as it is. Else the environment decides: `HTTPS_PROXY` or `HTTP_PROXY` by the
//! server's scheme, unless `NO_PROXY` names the server or it is this very machine.
use std::net::IpAddr;

use http::Uri;

/// The proxy to `server`. `env` reads one variable.
///
/// # Errors
/// A proxy that cannot be used, with where it was written.
pub fn choose(
    server: &Uri,
    kubeconfig: Option<&str>,
    env: impl Fn(&str) -> Option<String>,
) -> Result<Option<Uri>, String> {
    let either = |name: &str| {
        let set = |name: &str| env(name).filter(|v| !v.trim().is_empty()).map(|v| (name.to_string(), v));
        set(name).or_else(|| set(&name.to_lowercase()))
    };
    if let Some(url) = kubeconfig.filter(|url| !url.is_empty()) {
        return parse(url).map(Some).map_err(|why| format!("proxy-url: {url} {why}"));
    }
    let host = server.host().unwrap_or_default().trim_matches(['[', ']']);
    if is_loopback(host) {
        return Ok(None);
    }
    let secure = server.scheme_str() != Some("http");
    let port = server.port_u16().unwrap_or(if secure { 443 } else { 80 });
    if either("NO_PROXY").is_some_and(|(_, list)| excepted(&list, host, port)) {
        return Ok(None);
    }
    match either(if secure { "HTTPS_PROXY" } else { "HTTP_PROXY" }) {
        Some((name, url)) => parse(url.trim()).map(Some).map_err(|why| format!("{name}={url} {why}")),
        None => Ok(None),
    }
}

/// An address of a proxy; one without a scheme is HTTP's.
fn parse(url: &str) -> Result<Uri, String> {
    let with_scheme = if url.contains("://") { url.to_string() } else { format!("http://{url}") };
    // Names are resolved by the proxy either way.
    let with_scheme = with_scheme.replacen("socks5h://", "socks5://", 1);
    let uri: Uri = with_scheme.parse().map_err(|e| format!("is no address: {e}"))?;
    match uri.scheme_str() {
        Some("http" | "socks5") if uri.host().is_some() => Ok(uri),
        Some(other) => Err(format!("is a proxy by {other}://; http:// and socks5:// are known")),
        None => Err("is no address".into()),
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Whether a `NO_PROXY` list names this server: `*`, an address, a block of addresses, a domain with all below it, or
/// `.domain` with what is below it only; each may end with a port.
fn excepted(list: &str, host: &str, port: u16) -> bool {
    let address = host.parse::<IpAddr>().ok();
    list.split(',').map(str::trim).filter(|entry| !entry.is_empty()).any(|entry| {
        if entry == "*" {
            return true;
        }
        if let (Some(address), Some((net, bits))) = (address, entry.split_once('/')) {
            return within(address, net, bits);
        }
        let (name, wanted) = match entry.rsplit_once(':') {
            Some((name, digits)) if !name.contains(':') || name.starts_with('[') => (name, digits.parse::<u16>().ok()),
            _ => (entry, None),
        };
        let name = name.trim_matches(['[', ']']).to_lowercase();
        let names = match (address, name.strip_prefix("*.").or(name.strip_prefix('.'))) {
            (Some(address), _) => name.parse() == Ok(address),
            (None, Some(domain)) => host.to_lowercase().ends_with(&format!(".{domain}")),
            (None, None) => host.eq_ignore_ascii_case(&name) || host.to_lowercase().ends_with(&format!(".{name}")),
        };
        names && wanted.is_none_or(|wanted| wanted == port)
    })
}

fn within(address: IpAddr, net: &str, bits: &str) -> bool {
    let Ok(bits) = bits.parse::<u32>() else { return false };
    // The first `bits` of both are equal; a block of no bits holds everything.
    let (differ, width) = match (address, net.parse::<IpAddr>()) {
        (IpAddr::V4(a), Ok(IpAddr::V4(n))) => (u128::from(a.to_bits() ^ n.to_bits()), 32),
        (IpAddr::V6(a), Ok(IpAddr::V6(n))) => (a.to_bits() ^ n.to_bits(), 128),
        _ => return false,
    };
    bits <= width && differ.checked_shr(width - bits).unwrap_or(0) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(server: &str, kubeconfig: Option<&str>, env: &[(&str, &str)]) -> Result<Option<String>, String> {
        let read = |name: &str| env.iter().find(|(n, _)| *n == name).map(|(_, v)| v.to_string());
        choose(&server.parse().unwrap(), kubeconfig, read).map(|uri| uri.map(|u| u.to_string()))
    }

    #[test]
    fn the_environment_decides_by_the_servers_scheme() {
        let env = [("HTTPS_PROXY", "proxy.corp:3128"), ("http_proxy", "http://plain.corp:80")];
        assert_eq!(way("https://k8s.corp:6443", None, &env).unwrap().unwrap(), "http://proxy.corp:3128/");
        assert_eq!(way("http://k8s.corp", None, &env).unwrap().unwrap(), "http://plain.corp:80/");
        assert_eq!(way("https://k8s.corp", None, &[]), Ok(None));
        assert_eq!(way("https://k8s.corp", None, &[("HTTPS_PROXY", " ")]), Ok(None));
    }

    #[test]
    fn this_machine_is_never_behind_a_proxy_of_the_environment() {
        for server in ["http://127.0.0.1:8001", "https://localhost:6443", "https://[::1]:6443"] {
            assert_eq!(
                way(server, None, &[("HTTPS_PROXY", "http://p"), ("HTTP_PROXY", "http://p")]),
                Ok(None),
                "{server}"
            );
        }
        let far = way("https://127.0.0.1:6443", Some("socks5h://bastion:1080"), &[]).unwrap();
        assert_eq!(far.unwrap(), "socks5://bastion:1080/", "a kubeconfig's own proxy is: it may be another machine's");
    }

    #[test]
    fn no_proxy_names_servers_not_proxies() {
        let direct = |list: &str, server: &str| {
            way(server, None, &[("HTTPS_PROXY", "http://proxy.corp:3128"), ("no_proxy", list)]).unwrap().is_none()
        };
        for list in ["*", "k8s.corp", "corp", ".corp", "*.corp", "a, k8s.corp:6443 ,b", "K8S.corp"] {
            assert!(direct(list, "https://k8s.corp:6443"), "{list}");
        }
        for list in ["proxy.corp", "k8s.corp:443", ".k8s.corp", "8s.corp", "10.0.0.0/8", "", ","] {
            assert!(!direct(list, "https://k8s.corp:6443"), "{list}");
        }
        for (list, address, yes) in [
            ("10.0.0.0/8", "10.9.8.7", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.9.8.7", "10.9.8.7", true),
            ("10.9.8.7:443", "10.9.8.7", false),
            ("0.0.0.0/0", "10.9.8.7", true),
            ("10.0.0.0/99", "10.9.8.7", false),
            ("fd00::/8", "[fd12::1]", true),
            ("fd00::/8", "[fe80::1]", false),
        ] {
            assert_eq!(direct(list, &format!("https://{address}:6443")), yes, "{list} {address}");
        }
    }

    #[test]
    fn a_proxy_that_cannot_be_used_is_named_with_its_place() {
        let env = [("HTTPS_PROXY", "https://secure.corp:443")];
        assert_eq!(
            way("https://k8s.corp", None, &env).unwrap_err(),
            "HTTPS_PROXY=https://secure.corp:443 is a proxy by https://; http:// and socks5:// are known"
        );
        assert!(way("https://k8s.corp", Some("http://"), &[]).unwrap_err().starts_with("proxy-url: http:// is"));
    }
}
