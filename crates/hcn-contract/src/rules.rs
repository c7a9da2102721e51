//! The rules, in order.
//!
//! Ids and sources are those of the reference of HNS: E rows are what HNS refuses, and what it accepts although one might
//! think otherwise; G rows what it generates; Q rows what queries mean; L rows how long things live. Sources: the HNS
//! schema that Microsoft publishes, hcsshim's and hnslib's hcn packages and their tests, and issues by their number.

mod endpoint;
mod generated;
mod lifetime;
mod load_balancer;
mod namespace;
mod network;
mod query;
mod service;

use crate::trial::{Rule, Trial};

/// Every rule.
pub(crate) const RULES: &[Rule] = &[
    rule("E1", "documents are JSON, and ids are GUIDs", 0x803B_001B, service::documents_parse),
    rule("E2", "names of networks are unique", 0x803B_0010, network::names_are_unique),
    rule("E3", "type, adapter and subnet of a network", 0x803B_000B, network::settings_are_valid),
    rule("E4", "a subnet needs no default route", 0, network::routes_are_optional),
    rule("E5", "an endpoint needs its network", 0x803B_0001, endpoint::network_exists),
    rule("E6", "a local address is of a subnet", 0x803B_001E, endpoint::addresses_are_inside),
    rule("E7", "a local address is free", 0x803B_002F, endpoint::addresses_are_free),
    rule("E8", "no two endpoints are equal", 0x8007_1392, endpoint::duplicates),
    rule("E9", "local and remote share an address", 0, endpoint::local_and_remote),
    rule("E10", "remote on overlay has its node", 0x803B_000D, endpoint::provider_address),
    rule("E11", "a load balancer has endpoints", 0x803B_001C, load_balancer::references_resolve),
    rule("E12", "a frontend is used once", 0x8007_00B7, load_balancer::frontends_are_unique),
    rule("E13", "the internal port is not zero", 0x803B_002D, load_balancer::internal_port),
    rule("E14", "no process has the port", 0x803B_0013, load_balancer::bound_ports),
    rule("E15", "without DSR it takes ports", 0x803B_0013, load_balancer::port_pool),
    rule("E16", "destinations are limited", 0x8007_0057, load_balancer::destinations),
    rule("E17", "an endpoint's port is there", 0x803B_0007, load_balancer::ports_vanish),
    rule("E18", "backends share a MAC", 0, load_balancer::identical_macs),
    rule("E19", "a network goes with its endpoints", 0, network::deleting_takes_endpoints),
    rule("E20", "a referenced endpoint stays", 0x803B_002C, endpoint::deleting_referenced),
    rule("E21", "what is missing is not found", 0x803B_0001, service::missing_objects),
    rule("E22", "a remote endpoint is not changed", 0x803B_000F, endpoint::remote_operations),
    rule("E23", "an endpoint is in one place", 0x803B_002B, namespace::one_place),
    rule("E24", "only a member can be removed", 0x8007_0490, namespace::removing_strangers),
    rule("E24b", "names of endpoints are not unique", 0, endpoint::names_are_shared),
    rule("E25", "a mapped port is used once", 0x803B_0013, endpoint::port_mappings),
    rule("E26", "while HNS stops, and after", 0x8007_06BA, service::stopped),
    rule("E27", "a delete may be a pretence", 0, service::pretended_deletes),
    rule("G1", "every object has an id and a state", 0, generated::common),
    rule("G2", "what a network gets", 0, generated::network),
    rule("G3", "what a local endpoint gets", 0, generated::local_endpoint),
    rule("G4", "what a remote endpoint keeps", 0, generated::remote_endpoint),
    rule("G5", "a load balancer gets an id only", 0, generated::load_balancer),
    rule("G6", "what a namespace gets", 0, generated::namespace),
    rule("Q1", "enumerations are in no order", 0, query::order),
    rule("Q2", "filters compare members of version 1", 0, query::filters),
    rule("Q3", "unknown keys match nothing", 0, query::unknown_keys),
    rule("Q4", "IPAddress is no key", 0, query::addresses),
    rule("Q5", "properties ignore the filter", 0, query::properties),
    rule("Q6", "results are a snapshot, in one page", 0, query::snapshots),
    rule("Q7", "what Detailed adds", 0, query::details),
    rule("L1", "objects outlive their clients", 0, lifetime::clients_leave),
    rule("L2", "what a restart of HNS does", 0, lifetime::restart),
    rule("L3", "what a reboot does", 0, lifetime::reboot),
    rule("L4", "data of another build", 0x8007_0022, lifetime::other_build),
    rule("L5", "deletes by others are not told", 0, lifetime::other_clients),
    rule("L6", "calls can hang", 0, lifetime::hanging),
];

const fn rule(id: &'static str, rule: &'static str, code: u32, check: fn(&mut Trial<'_>)) -> Rule {
    Rule { id, rule, code, check }
}
