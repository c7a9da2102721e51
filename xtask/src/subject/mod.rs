//! The product behind the seam of the conformance suite: documents in, the answers of its commands out.

mod health;
mod model;
mod staged;
mod winkernel;

use anyhow::{Result, anyhow, bail};
use switchyard::arguments::WindowsArguments;
use switchyard_conformance::{Setup, Subject};

/// The backend called `name`.
pub(crate) fn subject(name: &str) -> Result<Box<dyn Subject>> {
    match name {
        "model" => Ok(Box::new(model::Model::default())),
        "winkernel" => Ok(Box::new(winkernel::Winkernel::default())),
        _ => bail!("unknown backend {name:?}: model and winkernel are known"),
    }
}

/// The Windows backend with the HNS that `arguments` name, whoever has put there what it holds.
pub(crate) fn hns_as_it_is(
    setup: &Setup,
    arguments: &WindowsArguments,
) -> Result<impl Subject + use<>> {
    winkernel::Winkernel::as_it_is(setup, arguments).map_err(|trouble| anyhow!(trouble))
}
