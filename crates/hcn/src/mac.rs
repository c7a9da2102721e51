//! Hardware addresses.

use std::fmt;
use std::str::FromStr;

/// A hardware address. Read with dashes or colons in any case, shown in upper case with dashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MacAddress(pub [u8; 6]);

/// A text that is not a hardware address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a hardware address such as 00-15-5D-00-00-01")]
pub struct ParseMacAddressError {
    text: String,
}

impl FromStr for MacAddress {
    type Err = ParseMacAddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = || ParseMacAddressError { text: text.to_owned() };
        let mut bytes = [0; 6];
        let mut parts = text.split(['-', ':']);
        for byte in &mut bytes {
            let part = parts.next().ok_or_else(refused)?;
            if part.len() != 2 || !part.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                return Err(refused());
            }
            *byte = u8::from_str_radix(part, 16).map_err(|_| refused())?;
        }
        if parts.next().is_some() {
            return Err(refused());
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02X}-{b:02X}-{c:02X}-{d:02X}-{e:02X}-{g:02X}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: Option<&str>) {
        let shown = text.parse::<MacAddress>().ok().map(|mac| mac.to_string());
        assert_eq!(shown.as_deref(), expect, "{text}");
    }

    #[test]
    fn any_form_is_read_and_one_is_shown() {
        check("02-11-0a-01-02-15", Some("02-11-0A-01-02-15"));
        check("02:11:0A:01:02:15", Some("02-11-0A-01-02-15"));
        check("02-11-0A-01-02", None);
        check("02-11-0A-01-02-15-16", None);
        check("2-11-0A-01-02-15", None);
        check("+2-11-0A-01-02-15", None);
        check("02-11-0G-01-02-15", None);
        check("", None);
    }
}
