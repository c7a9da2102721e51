//! Where addresses are, roughly.

use std::collections::HashMap;
use std::net::IpAddr;

/// How many addresses of some kind each small range has. Answers "is there perhaps one at this address" in a few bytes per
/// range instead of many per address.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Neighbourhoods(HashMap<Range, u32>);

impl Neighbourhoods {
    /// Counts `address`, once more if it was counted before.
    pub fn add(&mut self, address: IpAddr) {
        *self.0.entry(around(address)).or_default() += 1;
    }

    /// Counts `address` once less.
    pub fn remove(&mut self, address: IpAddr) {
        let range = around(address);
        if let Some(count) = self.0.get_mut(&range) {
            *count -= 1;
            if *count == 0 {
                self.0.remove(&range);
            }
        }
    }

    /// Whether there may be one at `address`: one of its neighbours was counted.
    #[must_use]
    pub fn may_have(&self, address: IpAddr) -> bool {
        self.0.contains_key(&around(address))
    }

    /// Whether nothing is counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A /24 or /112.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Range {
    V4(u32),
    V6(u128),
}

/// The range around `address`.
fn around(address: IpAddr) -> Range {
    match address {
        IpAddr::V4(address) => Range::V4(address.to_bits() >> 8),
        IpAddr::V6(address) => Range::V6(address.to_bits() >> 16),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_there_until_its_last_address_is_gone() {
        let [first, second] = ["10.0.0.1", "10.0.0.2"].map(|text| text.parse().unwrap());
        let mut neighbourhoods = Neighbourhoods::default();
        neighbourhoods.add(first);
        neighbourhoods.add(second);
        neighbourhoods.remove(first);
        assert!(neighbourhoods.may_have(second));
        assert_eq!(neighbourhoods.0.len(), 1);
        neighbourhoods.remove(second);
        assert!(neighbourhoods.is_empty());
    }
}
