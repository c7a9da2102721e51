//! The HNS that this process shares with the others.

use std::sync::{Arc, OnceLock};

use switchyard_hcn::{Error, ErrorRecord, hresult};
use switchyard_hcn_shared::{Place, SharedHns};

static HNS: OnceLock<Result<Arc<SharedHns>, Error>> = OnceLock::new();

/// The HNS that the environment names. It is looked for at the first call.
pub(crate) fn hns() -> Result<&'static SharedHns, Error> {
    let found = HNS.get_or_init(|| match Place::from_environment(|name| std::env::var_os(name)) {
        Ok(place) => Ok(SharedHns::new(place)),
        Err(error) => Err(ErrorRecord::of(hresult::E_INVALIDARG, &error.to_string()).into_error()),
    });
    match found {
        Ok(hns) => Ok(hns),
        Err(error) => Err(error.clone()),
    }
}

/// Has this process share the HNS at `place`, whatever the environment says. False when it has been looked for already.
pub fn share(place: Place) -> bool {
    HNS.set(Ok(SharedHns::new(place))).is_ok()
}
