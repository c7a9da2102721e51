//! What the node is called where nobody says it.

use anyhow::anyhow;

/// The name of the Node that this is: the one that is given, or the machine's, in lower case, as the kubelet registers it. So a
/// node and its proxy come to the same name by the same flags.
///
/// # Errors
/// When the machine has no name that can be a Node's.
pub(crate) fn node_name(given: Option<&str>) -> anyhow::Result<String> {
    named(given, || gethostname::gethostname().into_string().ok())
}

/// The rule of kube-proxy and the kubelet (`GetHostname` of k8s.io/component-helpers/node/util): white space around is no part of
/// the name, an empty one is an error, and what is given is put in lower case, too.
fn named(given: Option<&str>, machine: impl FnOnce() -> Option<String>) -> anyhow::Result<String> {
    let name = given.filter(|name| !name.is_empty()).map(str::to_owned).or_else(machine);
    let name = name.map(|name| name.trim().to_lowercase()).filter(|name| !name.is_empty());
    name.ok_or_else(|| anyhow!("the machine has no name that is text: give the Node's with --node"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_called_as_the_kubelet_calls_it() {
        let check = |given: Option<&str>, machine: Option<&str>, expected: Option<&str>| {
            let name = named(given, || machine.map(str::to_owned));
            assert_eq!(name.ok().as_deref(), expected, "{given:?} {machine:?}");
        };
        check(None, Some("WIN-8EDQ4F7"), Some("win-8edq4f7"));
        check(Some("n1"), Some("WIN-8EDQ4F7"), Some("n1"));
        check(Some(" Node-1.Example.COM\n"), Some("other"), Some("node-1.example.com"));
        check(Some(""), Some("Machine"), Some("machine"));
        check(Some("  "), Some("Machine"), None);
        check(None, Some("\n"), None);
        check(None, None, None);
    }
}
