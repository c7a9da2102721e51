//! Bytes as addresses, ranges and times: a line each.

use std::net::IpAddr;

use switchyard_model::{Family, parse_address, parse_endpoint, parse_unicast};
use switchyard_source::{parse_duration, parse_range};

/// Reads each line of `bytes` as an address, a range and a time.
///
/// # Panics
/// Where two readers disagree, or what is written is read as something else.
pub fn addresses(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for line in text.lines() {
        address(line);
        range(line);
        let _ = parse_duration(line);
    }
}

fn address(text: &str) {
    let Ok(address) = parse_address(text) else {
        assert!(parse_unicast(text).is_err(), "{text:?} is one host's address, but no address");
        return;
    };
    assert_eq!(text.parse(), Ok(address), "the standard library reads another address");
    assert_eq!(parse_address(&address.to_string()), Ok(address), "what is written is another");
    if let Ok(unicast) = parse_unicast(text) {
        assert_eq!(unicast, address);
    }
    for (family, is_of) in [(Family::IPv4, address.is_ipv4()), (Family::IPv6, address.is_ipv6())] {
        if let Ok(endpoint) = parse_endpoint(text, family) {
            assert!(is_of, "{text:?} is an endpoint of the other family");
            assert_eq!(endpoint, address);
        }
    }
}

fn range(text: &str) {
    let Ok(range) = parse_range(text) else { return };
    assert_eq!(range.trunc(), range, "bits behind the prefix");
    let written = range.to_string();
    assert_eq!(parse_range(&written).ok(), Some(range), "what is written is another");
    let first: IpAddr = range.network();
    assert!(range.contains(&first));
}
