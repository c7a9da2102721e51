//! The numbers that HNS answers with.
//!
//! Names and texts of facility 0x3B are those of the published HNS schema (`HCNHResult`) and of the Windows SDK; the
//! others are the Win32 and RPC codes that nodes have been seen to return, as HRESULTs. The advice is ours: what is known
//! of the causes from issues of Kubernetes, hcsshim and Windows-Containers.

use crate::ErrorClass;

/// What a code means.
struct Meaning {
    code: u32,
    name: &'static str,
    class: ErrorClass,
    text: &'static str,
    advice: &'static str,
}

macro_rules! meanings {
    ($($name:ident = $code:literal, $class:ident, $text:literal, $advice:literal;)*) => {
        $(#[doc = $text] pub const $name: u32 = $code;)*

        const MEANINGS: &[Meaning] = &[
            $(Meaning {
                code: $code,
                name: stringify!($name),
                class: ErrorClass::$class,
                text: $text,
                advice: $advice,
            },)*
        ];
    };
}

meanings! {
    HCN_E_NETWORK_NOT_FOUND = 0x803B_0001, Gone, "The network was not found.",
        "Look for the network again by its name: its id is another after it was made anew.";
    HCN_E_ENDPOINT_NOT_FOUND = 0x803B_0002, Gone, "The endpoint was not found.",
        "Take the endpoint as gone, read the endpoints again, and make it anew if it is still needed.";
    HCN_E_LAYER_NOT_FOUND = 0x803B_0003, Unknown, "The network's underlying layer was not found.",
        "Look whether the adapter of the network is still there, and make the network anew if it is not.";
    HCN_E_SWITCH_NOT_FOUND = 0x803B_0004, Unknown, "The virtual switch was not found.",
        "Look for the network's switch with Get-VMSwitch; without it the network must be made anew.";
    HCN_E_SUBNET_NOT_FOUND = 0x803B_0005, BadInput, "The network does not have a subnet for this endpoint.",
        "Give the network a subnet, or the endpoint an address in one that the network has.";
    HCN_E_ADAPTER_NOT_FOUND = 0x803B_0006, BadInput, "An adapter was not found.",
        "Compare the adapter that the NetAdapterName policy names with Get-NetAdapter.";
    HCN_E_PORT_NOT_FOUND = 0x803B_0007, Retry, "The switch-port was not found.",
        "Read the endpoints again and try again: a port vanished under the call (microsoft/hcsshim#1043).";
    HCN_E_POLICY_NOT_FOUND = 0x803B_0008, Gone, "An expected policy was not found.",
        "Take the policy as gone, and read the object again before the next change.";
    HCN_E_VFP_PORTSETTING_NOT_FOUND = 0x803B_0009, Retry, "A required VFP port setting was not found.",
        "Try again; if it stays, look whether the VFP extension of the switch is enabled.";
    HCN_E_INVALID_NETWORK = 0x803B_000A, BadInput, "The provided network configuration is invalid or missing parameters.",
        "Compare the network's document with the schema: a member is missing or contradicts another.";
    HCN_E_INVALID_NETWORK_TYPE = 0x803B_000B, BadInput, "Invalid network type.",
        "Use a network type that this Windows knows, such as Overlay or L2Bridge.";
    HCN_E_INVALID_ENDPOINT = 0x803B_000C, BadInput, "The provided endpoint configuration is invalid or missing parameters.",
        "Compare the endpoint's document with the schema: a member is missing or contradicts another.";
    HCN_E_INVALID_POLICY = 0x803B_000D, BadInput, "The provided policy configuration is invalid or missing parameters.",
        "Look at the policies: an overlay's remote endpoint needs its ProviderAddress, a version 1 load balancer its endpoints.";
    HCN_E_INVALID_POLICY_TYPE = 0x803B_000E, BadInput, "Invalid policy type.",
        "Leave the policy out: this object, or this Windows, does not know its type.";
    HCN_E_INVALID_REMOTE_ENDPOINT_OPERATION = 0x803B_000F, BadInput, "This requested operation is invalid for a remote endpoint.",
        "Delete the remote endpoint and create it anew: it cannot be changed or attached.";
    HCN_E_NETWORK_ALREADY_EXISTS = 0x803B_0010, Exists, "A network with this name already exists.",
        "Use the network that has the name, or delete it first.";
    HCN_E_LAYER_ALREADY_EXISTS = 0x803B_0011, Exists, "A network with this name already exists.",
        "Use the network that has the layer, or delete it first.";
    HCN_E_POLICY_ALREADY_EXISTS = 0x803B_0012, Exists, "Policy information already exists on this object.",
        "Find the object that holds the policy, and adopt or replace it.";
    HCN_E_PORT_ALREADY_EXISTS = 0x803B_0013, Exists, "The specified port already exists.",
        "Look which load balancer or process of the host holds the port, and whether the pools of 64 ports are used up, then back off.";
    HCN_E_ENDPOINT_ALREADY_ATTACHED = 0x803B_0014, Exists, "This endpoint is already attached to the switch.",
        "Take the endpoint as attached, or detach it first.";
    HCN_E_REQUEST_UNSUPPORTED = 0x803B_0015, Unsupported, "The specified request is unsupported.",
        "Do without what was asked for: this HNS does not do it.";
    HCN_E_MAPPING_NOT_SUPPORTED = 0x803B_0016, Unsupported, "Port mapping is not supported on the given network.",
        "Leave the port mapping out: networks of this type have none.";
    HCN_E_DEGRADED_OPERATION = 0x803B_0017, Retry, "There was an operation attempted on a degraded object.",
        "Delete the degraded object and create it anew.";
    HCN_E_SHARED_SWITCH_MODIFICATION = 0x803B_0018, BadInput, "Cannot modify a switch shared by multiple networks.",
        "Delete the other networks of the switch first, or leave it as it is.";
    HCN_E_GUID_CONVERSION_FAILURE = 0x803B_0019, BadInput, "Failed to interpret a parameter as a GUID.",
        "Correct the id in the document: it is not a GUID.";
    HCN_E_REGKEY_FAILURE = 0x803B_001A, Unknown, "Failed to process registry key.",
        "Look into the event log of HNS, and restart HNS if it stays.";
    HCN_E_INVALID_JSON = 0x803B_001B, BadInput, "Invalid JSON document string.",
        "Correct the document: it is not JSON, or a member is of the wrong kind.";
    HCN_E_INVALID_JSON_REFERENCE = 0x803B_001C, Gone, "The reference is invalid in the JSON document.",
        "Make the endpoints that the load balancer names anew: one is gone, or there is none (microsoft/Windows-Containers#103).";
    HCN_E_ENDPOINT_SHARING_DISABLED = 0x803B_001D, Unsupported, "Endpoint sharing is disabled.",
        "Use an endpoint of its own for each container: this one is not shared.";
    HCN_E_INVALID_IP = 0x803B_001E, BadInput, "IP address is either invalid or not part of any configured subnet(s).",
        "Use an address in a subnet of the network; a source address outside of them is a configuration error.";
    HCN_E_SWITCH_EXTENSION_NOT_FOUND = 0x803B_001F, Unsupported, "The specified switch extension does not exist on this switch.",
        "Look for the extension with Get-VMSwitchExtension, or leave it out.";
    HCN_E_MANAGER_STOPPED = 0x803B_0020, Retry, "Operation cannot be performed while service is stopping.",
        "Wait until HNS runs again, and read everything anew: it is stopping.";
    GCN_E_MODULE_NOT_FOUND = 0x803B_0021, Unsupported, "Operation cannot be performed while service module not found.",
        "Look whether the guest's networking service is installed.";
    GCN_E_NO_REQUEST_HANDLERS = 0x803B_0022, Unsupported, "Non-handler exists for the request.",
        "Do without what was asked for: the guest's networking service does not do it.";
    GCN_E_REQUEST_UNSUPPORTED = 0x803B_0023, Unsupported, "The specified request is unsupported.",
        "Do without what was asked for: the guest's networking service does not do it.";
    GCN_E_RUNTIMEKEYS_FAILED = 0x803B_0024, Unknown, "Adding runtime keys to the container failed.",
        "Look into the event log of HNS, and start the container anew.";
    GCN_E_NETADAPTER_TIMEOUT = 0x803B_0025, Retry, "Timeout while waiting for network adapter.",
        "Try again: the container's adapter was not there in time.";
    GCN_E_NETADAPTER_NOT_FOUND = 0x803B_0026, Retry, "Network adapter not found.",
        "Try again: the container's adapter is not there yet, or no longer.";
    GCN_E_NETCOMPARTMENT_NOT_FOUND = 0x803B_0027, Retry, "Network compartment not found.",
        "Try again: the container's compartment is not there yet, or no longer.";
    GCN_E_NETINTERFACE_NOT_FOUND = 0x803B_0028, Retry, "Network interface not found.",
        "Try again: the container's interface is not there yet, or no longer.";
    GCN_E_DEFAULTNAMESPACE_EXISTS = 0x803B_0029, Exists, "Default namespace already exists.",
        "Use the default namespace that is there.";
    HCN_E_ICS_DISABLED = 0x803B_002A, Unsupported, "Internet Connection Sharing service is disabled.",
        "Enable the SharedAccess service, which networks of the type ICS need.";
    HCN_E_ENDPOINT_NAMESPACE_ALREADY_EXISTS = 0x803B_002B, Exists, "This requested operation is invalid as endpoint is already part of a network namespace.",
        "Remove the endpoint from the namespace that it is in, then add it to the other.";
    HCN_E_ENTITY_HAS_REFERENCES = 0x803B_002C, Retry, "The specified entity cannot be removed while it still has references.",
        "Delete what refers to the object first, such as the load balancers of an endpoint, then try again.";
    HCN_E_INVALID_INTERNAL_PORT = 0x803B_002D, BadInput, "The internal port must exist and cannot be zero.",
        "Correct the target port: it must not be 0.";
    HCN_E_NAMESPACE_ATTACH_FAILED = 0x803B_002E, Unknown, "The requested operation for attach namespace failed.",
        "Look into the event log of HNS, and make the pod's namespace anew.";
    HCN_E_ADDR_INVALID_OR_RESERVED = 0x803B_002F, BadInput, "An address provided is invalid or reserved.",
        "Use another address: this one is in use, or is the gateway's or the subnet's own.";
    HCN_E_INVALID_PREFIX = 0x803B_0030, BadInput, "The prefix provided is invalid.",
        "Correct the prefix: it must be an address, a slash and a length.";
    HCN_E_OBJECT_USED_AFTER_UNLOAD = 0x803B_0031, Retry, "A call was performed against an object that was torn down.",
        "Open the object again, and read everything anew: it was torn down.";
    HCN_E_INVALID_SUBNET = 0x803B_0032, BadInput, "The provided subnet configuration is invalid or missing parameters.",
        "Compare the subnet with the schema: its prefix or its default route is missing or wrong.";
    HCN_E_INVALID_IP_SUBNET = 0x803B_0033, BadInput, "The provided IP subnet configuration is invalid or missing parameters.",
        "Compare the parts of the subnet with the schema: each needs a prefix within the subnet.";
    HCN_E_ENDPOINT_NOT_ATTACHED = 0x803B_0034, Retry, "The endpoint must be attached to complete the operation.",
        "Try again when the endpoint is attached.";
    HCN_E_ENDPOINT_NOT_LOCAL = 0x803B_0035, BadInput, "The endpoint must be local to complete the operation.",
        "Use an endpoint of this node: it cannot be done for a remote one.";
    HCN_INTERFACEPARAMETERS_ALREADY_APPLIED = 0x803B_0036, Exists, "The interface parameters are already applied.",
        "Nothing is left to do: the parameters are in place.";
    HCN_E_VFP_NOT_ALLOWED = 0x803B_0037, Unsupported, "The Virtual Filtering Platform is not allowed here.",
        "Do without what was asked for: the Virtual Filtering Platform is not allowed here.";
    E_NOTIMPL = 0x8000_4001, Unsupported, "Not implemented.",
        "Do without the call: this HNS does not have it. Delete a load balancer and create it instead of changing it.";
    E_ACCESSDENIED = 0x8007_0005, Unknown, "Access is denied.",
        "Run as an administrator, or as a HostProcess container of the system account.";
    E_HANDLE = 0x8007_0006, Unknown, "The handle is invalid.",
        "Open the object again: the handle was closed, or is from before HNS was restarted.";
    E_OUTOFMEMORY = 0x8007_000E, Retry, "Not enough memory resources are available to complete this operation.",
        "Look whether the pools of 64 ports or the memory of the node are used up, then back off.";
    ERROR_WRONG_DISK = 0x8007_0022, Unknown, "The wrong diskette is in the drive.",
        "Stop HNS, remove its HNS.data file, which is of another build of Windows, and start it.";
    E_INVALIDARG = 0x8007_0057, BadInput, "The parameter is incorrect.",
        "Compare the document with the schema: a load balancer may have too many endpoints, a network a wrong subnet.";
    ERROR_ALREADY_EXISTS = 0x8007_00B7, Exists, "Cannot create a file when that file already exists.",
        "Find the load balancer with the same frontend, compare it, and change or replace it.";
    ERROR_NOT_FOUND = 0x8007_0490, Gone, "Element not found.",
        "Take the object as gone, and read everything again.";
    RPC_S_SERVER_UNAVAILABLE = 0x8007_06BA, Retry, "The RPC server is unavailable.",
        "Wait until HNS runs again: it is stopped or restarting, and nothing is known to be gone.";
    RPC_S_SERVER_TOO_BUSY = 0x8007_06BB, Retry, "The RPC server is too busy to complete this operation.",
        "Back off and try again.";
    RPC_S_CALL_FAILED = 0x8007_06BE, Retry, "The remote procedure call failed.",
        "Read the object before trying again: HNS went away during the call, which may have had its effect.";
    RPC_S_CALL_FAILED_DNE = 0x8007_06BF, Retry, "The remote procedure call failed and did not execute.",
        "Try again when HNS runs: the call did not reach it.";
    RPC_S_CALL_CANCELLED = 0x8007_071A, Retry, "The remote procedure call was cancelled.",
        "Read the object before trying again: the call was cancelled, and may have had its effect.";
    EPT_S_NOT_REGISTERED = 0x8007_06D9, Retry, "There are no more endpoints available from the endpoint mapper.",
        "Wait until HNS runs again: it is stopped or starting, and nothing is known to be gone.";
    ERROR_OBJECT_ALREADY_EXISTS = 0x8007_1392, Exists, "The object already exists.",
        "Use the endpoint that is there with the same addresses.";
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

/// What an operator or a caller does about `code`, in a sentence or two.
#[must_use]
pub fn advice(code: u32) -> &'static str {
    meaning(code).map_or(
        "Look into the event log of HNS, and read what HNS holds before trying again.",
        |meaning| meaning.advice,
    )
}

/// The Win32 code in an HRESULT, where hcsshim takes one out: its callers compare `0x490` where HNS answers
/// `0x80070490`, but whole codes of other facilities.
#[must_use]
pub const fn win32(code: u32) -> Option<u16> {
    let failed = code & 0x8000_0000 != 0;
    if failed && code & 0x1FFF_0000 == 0x0007_0000 { Some((code & 0xFFFF) as u16) } else { None }
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
    #[test]
    fn every_code_has_an_advice() {
        fn check(code: u32) {
            let advice = advice(code);
            assert!(advice.len() > 20 && advice.ends_with('.'), "0x{code:08X}: {advice}");
        }
        for code in known().chain([S_OK, 0x8000_FFFF]) {
            check(code);
        }
        assert!(advice(HCN_E_PORT_ALREADY_EXISTS).contains("64 ports"));
        assert!(advice(ERROR_WRONG_DISK).contains("HNS.data"));
        assert_ne!(advice(ERROR_NOT_FOUND), advice(0x8000_FFFF));
    }

    #[test]
    fn win32_codes_are_taken_out_as_hcsshim_does() {
        fn check(code: u32, expect: Option<u16>) {
            assert_eq!(win32(code), expect, "0x{code:08X}");
        }
        check(ERROR_NOT_FOUND, Some(0x490));
        check(ERROR_ALREADY_EXISTS, Some(183));
        check(ERROR_WRONG_DISK, Some(34));
        check(RPC_S_CALL_CANCELLED, Some(1818));
        check(RPC_S_SERVER_UNAVAILABLE, Some(1722));
        check(0xA007_0005, Some(5));
        check(HCN_E_PORT_ALREADY_EXISTS, None);
        check(E_NOTIMPL, None);
        check(S_OK, None);
        check(0x0007_0005, None);
    }
}
