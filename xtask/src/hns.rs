//! What an HNS holds, and what it was asked, as the emulated one writes it down.

use anyhow::{Context, Result};
use serde_json::Value;
use switchyard_winkernel::OWNER;

/// The functions that change an HNS begin with these.
const CHANGING: [&str; 3] = ["HcnCreate", "HcnModify", "HcnDelete"];

/// How many calls of a log have changed an HNS, or tried to.
pub(crate) fn changes_in(log: &str) -> Result<usize> {
    let mut changes = 0;
    for line in log.lines() {
        let call: Value = serde_json::from_str(line).context("read a logged call")?;
        let name = call["call"].as_str().context("a logged call without a function")?;
        changes += usize::from(CHANGING.iter().any(|verb| name.starts_with(verb)));
    }
    Ok(changes)
}

/// How many objects of ours an HNS holds.
pub(crate) fn own_objects(state: &Value) -> usize {
    let kinds = ["loadBalancers", "endpoints"];
    let objects = kinds.iter().filter_map(|kind| state[kind].as_array()).flatten();
    objects.filter(|object| object["Owner"] == OWNER).count()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn calls_that_change_are_told_from_those_that_ask() {
        let log = "{\"call\":\"HcnEnumerateEndpoints\"}\n{\"call\":\"HcnCreateLoadBalancer\"}\n\
                   {\"call\":\"HcnDeleteEndpoint\"}\n";
        assert_eq!(changes_in(log).unwrap(), 2);
        assert_eq!(changes_in("").unwrap(), 0);
        assert!(changes_in("{}").is_err());
    }

    #[test]
    fn objects_of_others_are_not_ours() {
        let state = json!({
            "loadBalancers": [{"Owner": OWNER}, {"Owner": "kube-proxy"}],
            "endpoints": [{"Owner": OWNER}, {}],
            "networks": [{"Owner": OWNER}],
        });
        assert_eq!(own_objects(&state), 2);
        assert_eq!(own_objects(&Value::Null), 0);
    }
}
