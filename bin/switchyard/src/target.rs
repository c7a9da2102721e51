//! The words that name a packet on the command line.

use std::net::IpAddr;
use std::str::FromStr;

use switchyard_model::{Destination, ObjectKey, Protocol, parse_address};
use switchyard_nodeview::Source;

/// `--from`: `node`, `pod/NAMESPACE/NAME` or an address.
///
/// # Errors
/// A sentence that says what is expected.
pub fn parse_source(text: &str) -> Result<Source, String> {
    if text == "node" {
        return Ok(Source::Node);
    }
    if let Some(pod) = text.strip_prefix("pod/") {
        return match pod.split_once('/') {
            Some((namespace, name))
                if !namespace.is_empty() && !name.is_empty() && !name.contains('/') =>
            {
                Ok(Source::Pod(ObjectKey::new(namespace, name)))
            }
            _ => Err(format!("{text:?}: a pod is named pod/NAMESPACE/NAME")),
        };
    }
    parse_address(text).map(Source::Address).map_err(|trouble| {
        format!("{text:?}: {trouble}; give node, pod/NAMESPACE/NAME or an address")
    })
}

/// `--to`: `ADDR:PORT/PROTO`, `[ADDR]:PORT/PROTO` or `ADDR/ICMP`.
///
/// # Errors
/// A sentence that says what is expected.
pub fn parse_destination(text: &str) -> Result<Destination, String> {
    const FORM: &str = "give ADDR:PORT/PROTO, [ADDR]:PORT/PROTO for IPv6, or ADDR/ICMP";
    let wrong = |what: &str| format!("{text:?}: {what}; {FORM}");
    let (place, protocol) = text.rsplit_once('/').ok_or_else(|| wrong("no protocol"))?;
    let address = |text: &str| parse_address(text).map_err(|trouble| wrong(&trouble.to_string()));
    if protocol.eq_ignore_ascii_case("ICMP") {
        let inner = place.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        return Ok(Destination::Echo { address: address(inner.unwrap_or(place))? });
    }
    let protocol = Protocol::from_kubernetes(&protocol.to_ascii_uppercase())
        .ok_or_else(|| wrong("the protocol must be TCP, UDP, SCTP or ICMP"))?;
    let (place, port) = place.rsplit_once(':').ok_or_else(|| wrong("no port"))?;
    let port = u16::from_str(port).map_err(|_| wrong("the port must be between 0 and 65535"))?;
    let address = match place.strip_prefix('[') {
        Some(rest) => {
            let inner = rest.strip_suffix(']').ok_or_else(|| wrong("no closing bracket"))?;
            address(inner)?
        }
        None => match address(place)? {
            IpAddr::V4(address) => IpAddr::V4(address),
            IpAddr::V6(_) => return Err(wrong("an IPv6 address with a port needs brackets")),
        },
    };
    Ok(Destination::Port { address, port, protocol })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destinations_are_read_or_refused() {
        let check = |text: &str, expected: Option<&str>| {
            let found = parse_destination(text).ok().map(|found| format!("{found:?}"));
            assert_eq!(found.is_some(), expected.is_some(), "{text}: {found:?}");
            if let (Some(found), Some(expected)) = (found, expected) {
                assert!(found.contains(expected), "{text}: {found}");
            }
        };
        check("10.0.0.1:80/tcp", Some("port: 80, protocol: Tcp"));
        check("[2001:db8::1]:53/UDP", Some("2001:db8::1, port: 53"));
        check("10.0.0.1/ICMP", Some("Echo"));
        check("2001:db8::1/icmp", Some("Echo"));
        check("[2001:db8::1]/icmp", Some("Echo"));
        check("10.0.0.1:80", None);
        check("10.0.0.1/TCP", None);
        check("2001:db8::1:53/UDP", None);
        check("10.0.0.1:65536/TCP", None);
        check("10.0.0.1:80/QUIC", None);
        check("[2001:db8::1:80/TCP", None);
    }

    #[test]
    fn sources_are_read_or_refused() {
        assert_eq!(parse_source("node"), Ok(Source::Node));
        assert_eq!(parse_source("pod/a/b"), Ok(Source::Pod(ObjectKey::new("a", "b"))));
        for wrong in ["pod/a", "pod//b", "pod/a/b/c", "nowhere", "010.0.0.1", ""] {
            assert!(parse_source(wrong).is_err(), "{wrong}");
        }
    }
}
