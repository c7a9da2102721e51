//! The settings of the emulator that matter to what we do, each on its own.

use switchyard_hcn_emulator::{
    DeleteOfReferenced, DuplicateFrontend, EnumerationOrder, Knobs, MissingLoadBalancer, Modify,
    NetworkDelete, Rehydration,
};

/// A setting of the emulator, by name.
#[derive(Debug, Clone)]
pub(super) struct Setting {
    pub(super) name: &'static str,
    pub(super) knobs: Knobs,
}

impl Setting {
    /// What is not said otherwise.
    pub(super) fn usual() -> Self {
        Self { name: "default", knobs: Knobs::default() }
    }

    /// Whether it shows only where HNS is started anew.
    pub(super) fn is_about_restarts(&self) -> bool {
        self.knobs.restores_with_new_ids || self.knobs.rehydration != Rehydration::All
    }
}

/// Every setting but the default, and the pair under which only the ledger tells whose an object is.
pub(super) fn others() -> Vec<Setting> {
    let set = |name, set: &dyn Fn(&mut Knobs)| {
        let mut knobs = Knobs::default();
        set(&mut knobs);
        Setting { name, knobs }
    };
    vec![
        set("honoursCallerId=false,keepsOwner=false", &|knobs| {
            knobs.honours_caller_id = false;
            knobs.keeps_owner = false;
        }),
        set("honoursCallerId=false", &|knobs| knobs.honours_caller_id = false),
        set("keepsOwner=false", &|knobs| knobs.keeps_owner = false),
        set("restoresWithNewIds=true", &|knobs| knobs.restores_with_new_ids = true),
        set("rehydration=withoutLoadBalancers", &|knobs| {
            knobs.rehydration = Rehydration::WithoutLoadBalancers;
        }),
        set("rehydration=withoutEndpoints", &|knobs| {
            knobs.rehydration = Rehydration::WithoutEndpoints;
        }),
        set("rehydration=networksAlone", &|knobs| knobs.rehydration = Rehydration::NetworksAlone),
        set("rehydration=nothing", &|knobs| knobs.rehydration = Rehydration::Nothing),
        set("deleteOfReferenced=allowed", &|knobs| {
            knobs.delete_of_referenced = DeleteOfReferenced::Allowed;
        }),
        set("duplicateFrontend=portAlreadyExists", &|knobs| {
            knobs.duplicate_frontend = DuplicateFrontend::PortAlreadyExists;
        }),
        set("duplicateFrontend=allowed", &|knobs| {
            knobs.duplicate_frontend = DuplicateFrontend::Allowed;
        }),
        set("missingLoadBalancer=policyNotFound", &|knobs| {
            knobs.missing_load_balancer = MissingLoadBalancer::PolicyNotFound;
        }),
        set("modify=notImplemented", &|knobs| knobs.modify = Some(Modify::NotImplemented)),
        set("modify=withoutEffect", &|knobs| knobs.modify = Some(Modify::WithoutEffect)),
        set("upperCaseIds=true", &|knobs| knobs.upper_case_ids = true),
        set("enumerationOrder=byId", &|knobs| {
            knobs.enumeration_order = EnumerationOrder::ById;
        }),
        set("networkDelete=removesLoadBalancers", &|knobs| {
            knobs.network_delete = NetworkDelete::RemovesLoadBalancers;
        }),
    ]
}
