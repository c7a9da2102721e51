//! Addresses as Kubernetes objects spell them, and which of them a proxy may use.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::Family;

/// Why an address is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Not an address at all.
    #[error("not an IP address")]
    NotAnAddress,
    /// Some read `010.0.0.1` as octal, others as decimal: nobody may guess.
    #[error("IPv4 with a leading zero")]
    LeadingZero,
    /// `::ffff:10.0.0.1` is IPv4 to some and IPv6 to others.
    #[error("IPv4-mapped IPv6")]
    MappedIPv4,
    /// An address of the other family.
    #[error("not an {0} address")]
    WrongFamily(Family),
    /// `0.0.0.0` or `::`.
    #[error("unspecified address")]
    Unspecified,
    /// `127.0.0.0/8` or `::1` (CVE-2021-25737).
    #[error("loopback address")]
    Loopback,
    /// `169.254.0.0/16` or `fe80::/10` (CVE-2021-25737).
    #[error("link-local address")]
    LinkLocal,
    /// `224.0.0.0/4` or `ff00::/8`.
    #[error("multicast address")]
    Multicast,
}

/// Reads an address. Any spelling of an IPv6 address gives the same value.
///
/// # Errors
/// When it is no address, or one that different programs read differently.
pub fn parse_address(text: &str) -> Result<IpAddr, AddressError> {
    match text.parse::<IpAddr>() {
        Ok(IpAddr::V6(address)) if address.to_ipv4_mapped().is_some() => {
            Err(AddressError::MappedIPv4)
        }
        Ok(address) => Ok(address),
        Err(_) if has_leading_zero(text) => Err(AddressError::LeadingZero),
        Err(_) => Err(AddressError::NotAnAddress),
    }
}

/// Reads an address that packets may be sent to: a backend's, or one that a Service is reached at.
///
/// # Errors
/// As [`parse_address`], and for addresses that never leave a host or mean many hosts.
pub fn parse_unicast(text: &str) -> Result<IpAddr, AddressError> {
    let address = parse_address(text)?;
    let link_local = match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    if address.is_unspecified() {
        Err(AddressError::Unspecified)
    } else if address.is_loopback() {
        Err(AddressError::Loopback)
    } else if link_local {
        Err(AddressError::LinkLocal)
    } else if address.is_multicast() {
        Err(AddressError::Multicast)
    } else {
        Ok(address)
    }
}

/// Reads a backend's address out of a slice of `family`.
///
/// # Errors
/// As [`parse_unicast`], and for an address of the other family.
pub fn parse_endpoint(text: &str, family: Family) -> Result<IpAddr, AddressError> {
    let address = parse_address(text)?;
    if Family::of(address) != family {
        return Err(AddressError::WrongFamily(family));
    }
    parse_unicast(text)
}

/// Whether `text` would be an IPv4 address but for zeros in front of a number.
fn has_leading_zero(text: &str) -> bool {
    let mut parts = 0;
    let mut leading_zero = false;
    for part in text.split('.') {
        if part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return false;
        }
        parts += 1;
        leading_zero |= part.len() > 1 && part.starts_with('0');
    }
    parts == 4 && leading_zero
}

/// At most one address of each family.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AddressPair {
    v4: Option<Ipv4Addr>,
    v6: Option<Ipv6Addr>,
}

impl AddressPair {
    /// The address of `family`.
    #[must_use]
    pub fn of(&self, family: Family) -> Option<IpAddr> {
        match family {
            Family::IPv4 => self.v4.map(IpAddr::V4),
            Family::IPv6 => self.v6.map(IpAddr::V6),
        }
    }

    /// Takes `address` for its family; gives it back where that family already has one.
    ///
    /// # Errors
    /// The address that is there already.
    pub fn add(&mut self, address: IpAddr) -> Result<(), IpAddr> {
        if let Some(present) = self.of(Family::of(address)) {
            return Err(present);
        }
        match address {
            IpAddr::V4(address) => self.v4 = Some(address),
            IpAddr::V6(address) => self.v6 = Some(address),
        }
        Ok(())
    }

    /// The addresses, IPv4 first.
    pub fn iter(&self) -> impl Iterator<Item = IpAddr> + use<> {
        self.v4.map(IpAddr::V4).into_iter().chain(self.v6.map(IpAddr::V6))
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.v4.is_none() && self.v6.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_or_refused_with_the_reason() {
        let endpoint = |text| parse_endpoint(text, Family::IPv4).map(|address| address.to_string());
        let cases: &[(&str, Result<&str, AddressError>)] = &[
            ("10.0.0.1", Ok("10.0.0.1")),
            ("010.0.0.1", Err(AddressError::LeadingZero)),
            ("10.0.0.01", Err(AddressError::LeadingZero)),
            ("10.0.0.00", Err(AddressError::LeadingZero)),
            ("10.0.0", Err(AddressError::NotAnAddress)),
            ("10.0.0.0x1", Err(AddressError::NotAnAddress)),
            ("", Err(AddressError::NotAnAddress)),
            ("\0", Err(AddressError::NotAnAddress)),
            ("host.example", Err(AddressError::NotAnAddress)),
            ("::ffff:10.0.0.1", Err(AddressError::MappedIPv4)),
            ("2001:db8::1", Err(AddressError::WrongFamily(Family::IPv4))),
            ("127.8.8.8", Err(AddressError::Loopback)),
            ("169.254.169.254", Err(AddressError::LinkLocal)),
            ("239.1.1.1", Err(AddressError::Multicast)),
            ("0.0.0.0", Err(AddressError::Unspecified)),
        ];
        for (text, expected) in cases {
            let expected = expected.map(str::to_owned);
            assert_eq!(endpoint(text), expected, "{text}");
        }
        for (text, expected) in [
            ("::1", AddressError::Loopback),
            ("::", AddressError::Unspecified),
            ("fe80::1", AddressError::LinkLocal),
            ("ff02::1", AddressError::Multicast),
        ] {
            assert_eq!(parse_endpoint(text, Family::IPv6), Err(expected), "{text}");
        }
    }

    #[test]
    fn an_address_has_one_value_however_it_is_spelled() {
        assert_eq!(
            parse_endpoint("FD00:0001:0001:0000:0000:0000:0000:0021", Family::IPv6),
            parse_endpoint("fd00:1:1::21", Family::IPv6)
        );
    }
}
