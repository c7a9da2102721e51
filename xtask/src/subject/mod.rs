//! The product behind the seam of the conformance suite: documents in, the answers of its commands out.

mod health;
mod model;
mod staged;
mod winkernel;

use anyhow::{Result, bail};
use switchyard_conformance::Subject;

/// The backend called `name`.
pub(crate) fn subject(name: &str) -> Result<Box<dyn Subject>> {
    match name {
        "model" => Ok(Box::new(model::Model::default())),
        "winkernel" => Ok(Box::new(winkernel::Winkernel::default())),
        _ => bail!("unknown backend {name:?}: model and winkernel are known"),
    }
}
