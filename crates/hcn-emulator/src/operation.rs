//! What the calls that change something do, and what they refuse.

mod endpoint;
mod load_balancer;
mod namespace;
mod network;

pub(crate) use namespace::rename_endpoints;

use switchyard_hcn::{Error, ModifyRequest, Policy, RequestType, hresult};

use crate::settings::{read, refused};

/// What a request does to the policies of a network or endpoint. `Update` puts policies in the place of all of their
/// types (inferred from hcsshim, which sends the whole list of a type).
fn modify_policies(policies: &mut Vec<Policy>, settings: &str) -> Result<(), Error> {
    #[derive(serde::Deserialize)]
    struct Settings {
        #[serde(rename = "Policies")]
        policies: Vec<Policy>,
    }

    let request: ModifyRequest = read(settings)?;
    if !request.resource_type.eq_ignore_ascii_case("Policy") {
        return Err(refused(hresult::HCN_E_REQUEST_UNSUPPORTED));
    }
    let Settings { policies: named } = serde_json::from_value(request.settings)
        .map_err(|_| refused(hresult::HCN_E_INVALID_JSON))?;
    match request.request_type {
        RequestType::Add => policies.extend(named),
        RequestType::Remove => {
            if !named.iter().all(|policy| policies.contains(policy)) {
                return Err(refused(hresult::HCN_E_POLICY_NOT_FOUND));
            }
            policies.retain(|policy| !named.contains(policy));
        }
        RequestType::Update => {
            policies.retain(|policy| !named.iter().any(|new| new.is(&policy.policy_type)));
            policies.extend(named);
        }
        _ => return Err(refused(hresult::HCN_E_REQUEST_UNSUPPORTED)),
    }
    Ok(())
}
