//! Whether this process may change the HNS of Windows.

use crate::failure::Failure;

/// By what it may, for people.
///
/// # Errors
/// When it may not, with every way to start it so that it may; or when Windows does not say who it is.
#[cfg(windows)]
pub(crate) fn check() -> Result<&'static str, Failure> {
    use anyhow::{Context, anyhow};
    use switchyard_windows_host::{privilege, token};

    let token = token::read().context("read the token of this process")?;
    let grant = token.grant().ok_or_else(|| anyhow!(privilege::refusal(&token.user)))?;
    Ok(grant.as_str())
}

/// Elsewhere there is no HNS, and nobody is kept from it.
///
/// # Errors
/// None.
#[cfg(not(windows))]
pub(crate) fn check() -> Result<&'static str, Failure> {
    Ok("there is nothing that it might not")
}
