//! Ranges of addresses as Kubernetes objects and configurations spell them.

use ipnet::IpNet;
use switchyard_model::{AddressError, parse_address};

/// Why a range is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    /// No slash, or no number after it.
    #[error("not a range such as 192.0.2.0/24")]
    NotARange,
    /// More bits than the family has.
    #[error("prefix longer than the address")]
    TooLong,
    /// The address before the slash.
    #[error(transparent)]
    Address(#[from] AddressError),
}

/// Reads a range. Bits behind the prefix are ignored, as Kubernetes does.
///
/// # Errors
/// What is wrong with it.
pub fn parse_range(text: &str) -> Result<IpNet, RangeError> {
    let (address, length) = text.split_once('/').ok_or(RangeError::NotARange)?;
    let address = parse_address(address)?;
    if length.is_empty() || !length.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(RangeError::NotARange);
    }
    let length = length.parse().map_err(|_| RangeError::TooLong)?;
    Ok(IpNet::new(address, length).map_err(|_| RangeError::TooLong)?.trunc())
}
