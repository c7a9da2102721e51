//! Where there is no Service Control Manager.

use std::ffi::OsString;
use std::io::Write;

use anyhow::anyhow;

use super::InstallArguments;
use crate::arguments::ProxyArguments;
use crate::failure::{Exit, Failure};

fn no_services() -> Failure {
    anyhow!("there is no Service Control Manager on this system, only Windows has one").into()
}

pub(super) fn install(
    _: &InstallArguments,
    _: Vec<OsString>,
) -> Result<Vec<&'static str>, Failure> {
    Err(no_services())
}

pub(super) fn uninstall(_: &str) -> Result<(), Failure> {
    Err(no_services())
}

/// Runs the proxy as a service.
pub(crate) fn run_proxy(_: ProxyArguments, _: &mut dyn Write) -> Result<Exit, Failure> {
    Err(no_services())
}

/// Tells where people look for it that a service was called with arguments that make no sense.
pub fn tell_of_bad_arguments(_: &[OsString], _: &str) {}
