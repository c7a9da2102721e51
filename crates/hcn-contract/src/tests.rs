//! The suite itself, put to ways into HNS that lead nowhere.

use switchyard_hcn::{
    CallbackHandle, EndpointHandle, Error, Guid, Hcn, LoadBalancerHandle, NamespaceHandle,
    NetworkHandle, NotificationCallback,
};

use crate::{Row, Verdict, rule_ids, run};

/// What a call that leads nowhere does.
#[derive(Clone, Copy)]
enum Nowhere {
    /// It fails.
    Fails,
    /// It panics.
    Panics,
    /// HNSCall says yes, everything else that HNS has nothing.
    SaysYes,
}

impl Nowhere {
    fn fail<T>(self) -> Result<T, Error> {
        assert!(!matches!(self, Self::Panics), "a panic in HNS");
        Err(Error::without_record(0x8007_06BA))
    }

    fn list(self) -> Result<String, Error> {
        if matches!(self, Self::SaysYes) { Ok("[]".to_owned()) } else { self.fail() }
    }
}

macro_rules! nowhere {
    ($($name:ident($($argument:ty),*) -> $answer:ty;)*) => {
        $(fn $name(&self, $(_: $argument),*) -> Result<$answer, Error> {
            self.fail()
        })*
    };
}

impl Hcn for Nowhere {
    nowhere! {
        create_network(Guid, &str) -> NetworkHandle;
        open_network(Guid) -> NetworkHandle;
        modify_network(NetworkHandle, &str) -> ();
        query_network_properties(NetworkHandle, &str) -> String;
        delete_network(Guid) -> ();
        close_network(NetworkHandle) -> ();
        create_endpoint(NetworkHandle, Guid, &str) -> EndpointHandle;
        open_endpoint(Guid) -> EndpointHandle;
        modify_endpoint(EndpointHandle, &str) -> ();
        query_endpoint_properties(EndpointHandle, &str) -> String;
        delete_endpoint(Guid) -> ();
        close_endpoint(EndpointHandle) -> ();
        create_namespace(Guid, &str) -> NamespaceHandle;
        open_namespace(Guid) -> NamespaceHandle;
        modify_namespace(NamespaceHandle, &str) -> ();
        query_namespace_properties(NamespaceHandle, &str) -> String;
        delete_namespace(Guid) -> ();
        close_namespace(NamespaceHandle) -> ();
        create_load_balancer(Guid, &str) -> LoadBalancerHandle;
        open_load_balancer(Guid) -> LoadBalancerHandle;
        modify_load_balancer(LoadBalancerHandle, &str) -> ();
        query_load_balancer_properties(LoadBalancerHandle, &str) -> String;
        delete_load_balancer(Guid) -> ();
        close_load_balancer(LoadBalancerHandle) -> ();
        register_service_callback(NotificationCallback) -> CallbackHandle;
        unregister_service_callback(CallbackHandle) -> ();
    }

    fn enumerate_networks(&self, _: &str) -> Result<String, Error> {
        self.list()
    }

    fn enumerate_endpoints(&self, _: &str) -> Result<String, Error> {
        self.list()
    }

    fn enumerate_namespaces(&self, _: &str) -> Result<String, Error> {
        self.list()
    }

    fn enumerate_load_balancers(&self, _: &str) -> Result<String, Error> {
        self.list()
    }

    fn hns_call(&self, _: &str, _: &str, _: &str) -> Result<String, Error> {
        match self {
            Self::SaysYes => Ok(r#"{"Success":true,"Output":null}"#.to_owned()),
            _ => self.fail(),
        }
    }
}

/// The rules as the reference numbers them.
fn expected_ids() -> Vec<String> {
    let numbered = |letter: char, count: u32| (1..=count).map(move |n| format!("{letter}{n}"));
    let mut ids: Vec<_> = numbered('E', 27).collect();
    ids.insert(24, "E24b".to_owned());
    ids.extend(numbered('G', 6).chain(numbered('Q', 7)).chain(numbered('L', 6)));
    ids
}

#[test]
fn every_rule_is_there_once_and_in_order() {
    assert_eq!(rule_ids(), expected_ids());
    assert_eq!(rule_ids().len(), 47);
}

/// `docs/hns.md` has a row for each rule, with the code that the rule is about.
#[test]
fn every_rule_is_documented() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/hns.md");
    let page = std::fs::read_to_string(path).unwrap();
    for rule in crate::rules::RULES {
        let start = format!("| {} |", rule.id);
        let rows: Vec<&str> = page.lines().filter(|line| line.starts_with(&start)).collect();
        assert_eq!(rows.len(), 1, "hns.md: rows of {}", rule.id);
        let code = format!("0x{:08X}", rule.code);
        assert!(rule.code == 0 || rows[0].contains(&code), "hns.md: {} without {code}", rule.id);
    }
}

/// That every rule has a row that says what was tried and that it failed.
fn check(nowhere: Nowhere, expect: &str) {
    let rows: Vec<Row> = run(&nowhere);
    let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
    assert_eq!(ids, rule_ids());
    for row in &rows {
        assert_eq!(row.verdict, Verdict::Fail, "{row:?}");
        assert!(!row.tried.is_empty(), "{row:?}");
        assert!(row.detail.as_deref().is_some_and(|detail| detail.contains(expect)), "{row:?}");
    }
}

#[test]
fn no_rule_holds_where_hns_is_not_there() {
    check(Nowhere::Fails, "0x800706BA");
}

#[test]
fn a_panic_is_a_failed_row() {
    check(Nowhere::Panics, "a panic in HNS");
}

#[test]
fn no_rule_holds_where_hns_has_nothing() {
    check(Nowhere::SaysYes, "");
}

#[test]
fn rows_have_the_form_that_programs_read() {
    let row = Row {
        id: "E12",
        rule: "a frontend is used once",
        tried: "one; two".to_owned(),
        code: "0x800700B7".to_owned(),
        verdict: Verdict::Pass,
        detail: None,
    };
    assert_eq!(
        serde_json::to_string(&row).unwrap(),
        r#"{"id":"E12","rule":"a frontend is used once","tried":"one; two","code":"0x800700B7","verdict":"pass","detail":null}"#
    );
}
