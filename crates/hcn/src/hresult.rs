//! The numbers that HNS answers with.
//!
//! Names and texts of facility 0x3B are those of the published HNS schema (`HCNHResult`) and of the Windows SDK; the
//! others are the Win32 and RPC codes that nodes have been seen to return, as HRESULTs.

use crate::ErrorClass;

/// What a code means.
struct Meaning {
    code: u32,
    name: &'static str,
    class: ErrorClass,
    text: &'static str,
}

macro_rules! meanings {
    ($($name:ident = $code:literal, $class:ident, $text:literal;)*) => {
        $(#[doc = $text] pub const $name: u32 = $code;)*

        const MEANINGS: &[Meaning] = &[
            $(Meaning { code: $code, name: stringify!($name), class: ErrorClass::$class, text: $text },)*
        ];
    };
}

meanings! {
    HCN_E_NETWORK_NOT_FOUND = 0x803B_0001, Gone, "The network was not found.";
    HCN_E_ENDPOINT_NOT_FOUND = 0x803B_0002, Gone, "The endpoint was not found.";
    HCN_E_LAYER_NOT_FOUND = 0x803B_0003, Unknown, "The network's underlying layer was not found.";
    HCN_E_SWITCH_NOT_FOUND = 0x803B_0004, Unknown, "The virtual switch was not found.";
    HCN_E_SUBNET_NOT_FOUND = 0x803B_0005, BadInput, "The network does not have a subnet for this endpoint.";
    HCN_E_ADAPTER_NOT_FOUND = 0x803B_0006, BadInput, "An adapter was not found.";
    HCN_E_PORT_NOT_FOUND = 0x803B_0007, Retry, "The switch-port was not found.";
    HCN_E_POLICY_NOT_FOUND = 0x803B_0008, Gone, "An expected policy was not found.";
    HCN_E_VFP_PORTSETTING_NOT_FOUND = 0x803B_0009, Retry, "A required VFP port setting was not found.";
    HCN_E_INVALID_NETWORK = 0x803B_000A, BadInput, "The provided network configuration is invalid or missing parameters.";
    HCN_E_INVALID_NETWORK_TYPE = 0x803B_000B, BadInput, "Invalid network type.";
    HCN_E_INVALID_ENDPOINT = 0x803B_000C, BadInput, "The provided endpoint configuration is invalid or missing parameters.";
    HCN_E_INVALID_POLICY = 0x803B_000D, BadInput, "The provided policy configuration is invalid or missing parameters.";
    HCN_E_INVALID_POLICY_TYPE = 0x803B_000E, BadInput, "Invalid policy type.";
    HCN_E_INVALID_REMOTE_ENDPOINT_OPERATION = 0x803B_000F, BadInput, "This requested operation is invalid for a remote endpoint.";
    HCN_E_NETWORK_ALREADY_EXISTS = 0x803B_0010, Exists, "A network with this name already exists.";
    HCN_E_LAYER_ALREADY_EXISTS = 0x803B_0011, Exists, "A network with this name already exists.";
    HCN_E_POLICY_ALREADY_EXISTS = 0x803B_0012, Exists, "Policy information already exists on this object.";
    HCN_E_PORT_ALREADY_EXISTS = 0x803B_0013, Exists, "The specified port already exists.";
    HCN_E_ENDPOINT_ALREADY_ATTACHED = 0x803B_0014, Exists, "This endpoint is already attached to the switch.";
    HCN_E_REQUEST_UNSUPPORTED = 0x803B_0015, Unsupported, "The specified request is unsupported.";
    HCN_E_MAPPING_NOT_SUPPORTED = 0x803B_0016, Unsupported, "Port mapping is not supported on the given network.";
    HCN_E_DEGRADED_OPERATION = 0x803B_0017, Retry, "There was an operation attempted on a degraded object.";
    HCN_E_SHARED_SWITCH_MODIFICATION = 0x803B_0018, BadInput, "Cannot modify a switch shared by multiple networks.";
    HCN_E_GUID_CONVERSION_FAILURE = 0x803B_0019, BadInput, "Failed to interpret a parameter as a GUID.";
    HCN_E_REGKEY_FAILURE = 0x803B_001A, Unknown, "Failed to process registry key.";
    HCN_E_INVALID_JSON = 0x803B_001B, BadInput, "Invalid JSON document string.";
    HCN_E_INVALID_JSON_REFERENCE = 0x803B_001C, Gone, "The reference is invalid in the JSON document.";
    HCN_E_ENDPOINT_SHARING_DISABLED = 0x803B_001D, Unsupported, "Endpoint sharing is disabled.";
    HCN_E_INVALID_IP = 0x803B_001E, BadInput, "IP address is either invalid or not part of any configured subnet(s).";
    HCN_E_SWITCH_EXTENSION_NOT_FOUND = 0x803B_001F, Unsupported, "The specified switch extension does not exist on this switch.";
    HCN_E_MANAGER_STOPPED = 0x803B_0020, Retry, "Operation cannot be performed while service is stopping.";
    GCN_E_MODULE_NOT_FOUND = 0x803B_0021, Unsupported, "Operation cannot be performed while service module not found.";
    GCN_E_NO_REQUEST_HANDLERS = 0x803B_0022, Unsupported, "Non-handler exists for the request.";
    GCN_E_REQUEST_UNSUPPORTED = 0x803B_0023, Unsupported, "The specified request is unsupported.";
    GCN_E_RUNTIMEKEYS_FAILED = 0x803B_0024, Unknown, "Adding runtime keys to the container failed.";
    GCN_E_NETADAPTER_TIMEOUT = 0x803B_0025, Retry, "Timeout while waiting for network adapter.";
    GCN_E_NETADAPTER_NOT_FOUND = 0x803B_0026, Retry, "Network adapter not found.";
    GCN_E_NETCOMPARTMENT_NOT_FOUND = 0x803B_0027, Retry, "Network compartment not found.";
    GCN_E_NETINTERFACE_NOT_FOUND = 0x803B_0028, Retry, "Network interface not found.";
    GCN_E_DEFAULTNAMESPACE_EXISTS = 0x803B_0029, Exists, "Default namespace already exists.";
    HCN_E_ICS_DISABLED = 0x803B_002A, Unsupported, "Internet Connection Sharing service is disabled.";
    HCN_E_ENDPOINT_NAMESPACE_ALREADY_EXISTS = 0x803B_002B, Exists, "This requested operation is invalid as endpoint is already part of a network namespace.";
    HCN_E_ENTITY_HAS_REFERENCES = 0x803B_002C, Retry, "The specified entity cannot be removed while it still has references.";
    HCN_E_INVALID_INTERNAL_PORT = 0x803B_002D, BadInput, "The internal port must exist and cannot be zero.";
    HCN_E_NAMESPACE_ATTACH_FAILED = 0x803B_002E, Unknown, "The requested operation for attach namespace failed.";
    HCN_E_ADDR_INVALID_OR_RESERVED = 0x803B_002F, BadInput, "An address provided is invalid or reserved.";
    HCN_E_INVALID_PREFIX = 0x803B_0030, BadInput, "The prefix provided is invalid.";
    HCN_E_OBJECT_USED_AFTER_UNLOAD = 0x803B_0031, Retry, "A call was performed against an object that was torn down.";
    HCN_E_INVALID_SUBNET = 0x803B_0032, BadInput, "The provided subnet configuration is invalid or missing parameters.";
    HCN_E_INVALID_IP_SUBNET = 0x803B_0033, BadInput, "The provided IP subnet configuration is invalid or missing parameters.";
    HCN_E_ENDPOINT_NOT_ATTACHED = 0x803B_0034, Retry, "The endpoint must be attached to complete the operation.";
    HCN_E_ENDPOINT_NOT_LOCAL = 0x803B_0035, BadInput, "The endpoint must be local to complete the operation.";
    HCN_INTERFACEPARAMETERS_ALREADY_APPLIED = 0x803B_0036, Exists, "The interface parameters are already applied.";
    HCN_E_VFP_NOT_ALLOWED = 0x803B_0037, Unsupported, "The Virtual Filtering Platform is not allowed here.";
    E_NOTIMPL = 0x8000_4001, Unsupported, "Not implemented.";
    E_ACCESSDENIED = 0x8007_0005, Unknown, "Access is denied.";
    E_HANDLE = 0x8007_0006, Unknown, "The handle is invalid.";
    E_OUTOFMEMORY = 0x8007_000E, Retry, "Not enough memory resources are available to complete this operation.";
    E_INVALIDARG = 0x8007_0057, BadInput, "The parameter is incorrect.";
    ERROR_ALREADY_EXISTS = 0x8007_00B7, Exists, "Cannot create a file when that file already exists.";
    ERROR_NOT_FOUND = 0x8007_0490, Gone, "Element not found.";
    RPC_S_SERVER_UNAVAILABLE = 0x8007_06BA, Retry, "The RPC server is unavailable.";
    RPC_S_SERVER_TOO_BUSY = 0x8007_06BB, Retry, "The RPC server is too busy to complete this operation.";
    RPC_S_CALL_FAILED = 0x8007_06BE, Retry, "The remote procedure call failed.";
    RPC_S_CALL_FAILED_DNE = 0x8007_06BF, Retry, "The remote procedure call failed and did not execute.";
    EPT_S_NOT_REGISTERED = 0x8007_06D9, Retry, "There are no more endpoints available from the endpoint mapper.";
    ERROR_OBJECT_ALREADY_EXISTS = 0x8007_1392, Exists, "The object already exists.";
}

/// The answer of a call that did what it was asked for.
pub const S_OK: u32 = 0;

/// All codes that are known here.
pub fn known() -> impl Iterator<Item = u32> {
    MEANINGS.iter().map(|meaning| meaning.code)
}

/// The name of `code` in the Windows headers.
#[must_use]
pub fn name(code: u32) -> Option<&'static str> {
    meaning(code).map(|meaning| meaning.name)
}

/// What Windows says for `code`.
#[must_use]
pub fn text(code: u32) -> Option<&'static str> {
    meaning(code).map(|meaning| meaning.text)
}

/// What kind of answer `code` is.
#[must_use]
pub fn class(code: u32) -> ErrorClass {
    meaning(code).map_or(ErrorClass::Unknown, |meaning| meaning.class)
}

fn meaning(code: u32) -> Option<&'static Meaning> {
    MEANINGS.iter().find(|meaning| meaning.code == code)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_code_of_the_facility_is_known_once() {
        let codes: BTreeSet<u32> = known().collect();
        assert_eq!(codes.len(), MEANINGS.len());
        assert!((0x803B_0001..=0x803B_0037).all(|code| codes.contains(&code)));
    }

    #[test]
    fn codes_have_names_texts_and_classes() {
        fn check(code: u32, expect: Option<&str>, class: ErrorClass) {
            assert_eq!(name(code), expect);
            assert_eq!(super::class(code), class);
            assert_eq!(text(code).is_some(), expect.is_some());
        }
        check(0x803B_0001, Some("HCN_E_NETWORK_NOT_FOUND"), ErrorClass::Gone);
        check(0x8007_00B7, Some("ERROR_ALREADY_EXISTS"), ErrorClass::Exists);
        check(0x8007_06BA, Some("RPC_S_SERVER_UNAVAILABLE"), ErrorClass::Retry);
        check(0x803B_002D, Some("HCN_E_INVALID_INTERNAL_PORT"), ErrorClass::BadInput);
        check(0x8000_4001, Some("E_NOTIMPL"), ErrorClass::Unsupported);
        check(0x8000_FFFF, None, ErrorClass::Unknown);
    }
}
