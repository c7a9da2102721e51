//! Namespaces: who is in which.

use serde_json::{Value, json};
use switchyard_hcn::{Error, Guid};

use crate::documents::{fresh, l2bridge, local_at, membership};
use crate::finding::{Checked, Finding, accepted, that};
use crate::session::{Kind, Session};
use crate::trial::Trial;

/// Attaches an endpoint to the host by version 1, as hcsshim does.
pub(super) fn attach(hns: &Session<'_>, endpoint: Guid) -> Result<(), Error> {
    let request = json!({"CompartmentId": 1, "SystemType": "Host"});
    hns.v1("POST", &format!("/endpoints/{endpoint}/attach"), &request).map(drop)
}

/// Detaches it again.
pub(super) fn detach(hns: &Session<'_>, endpoint: Guid) -> Result<(), Error> {
    let request = json!({"SystemType": "Host"});
    hns.v1("POST", &format!("/endpoints/{endpoint}/detach"), &request).map(drop)
}

/// Puts an endpoint into a namespace.
pub(super) fn add(hns: &Session<'_>, namespace: Guid, endpoint: Guid) -> Result<(), Error> {
    hns.change(Kind::Namespace, namespace, &membership("Add", endpoint))
}

/// Takes it out.
pub(super) fn remove(hns: &Session<'_>, namespace: Guid, endpoint: Guid) -> Result<(), Error> {
    hns.change(Kind::Namespace, namespace, &membership("Remove", endpoint))
}

/// That the endpoint is listed among the resources of exactly these namespaces, and says so itself.
fn is_in(hns: &Session<'_>, endpoint: Guid, expected: Option<Guid>) -> Checked {
    let is_it = |resource: &Value| {
        let id = resource["Data"]["ID"].as_str().or_else(|| resource["Data"]["Id"].as_str());
        resource["Type"] == "Endpoint" && id.is_some_and(|id| id.parse::<Guid>() == Ok(endpoint))
    };
    for namespace in hns.all(Kind::Namespace)? {
        let shown = hns.shown(Kind::Namespace, namespace)?;
        let listed = shown["Resources"].as_array().is_some_and(|all| all.iter().any(is_it));
        that(listed == (expected == Some(namespace)), || {
            format!("namespace {namespace} lists {}", shown["Resources"])
        })?;
    }
    let shown = hns.shown(Kind::Endpoint, endpoint)?;
    let said = shown["HostComputeNamespace"].as_str().and_then(|text| text.parse().ok());
    that(said.filter(|id: &Guid| !id.is_nil()) == expected, || {
        format!("the endpoint says that it is in {said:?}")
    })
}

/// Two namespaces and an endpoint of each address.
fn two_namespaces(
    hns: &Session<'_>,
    addresses: &[&str],
) -> Result<([Guid; 2], Vec<Guid>), Finding> {
    let network = hns.network(&l2bridge())?;
    let endpoints: Result<Vec<_>, _> =
        addresses.iter().map(|address| hns.endpoint(network, &local_at(&[address]))).collect();
    Ok(([hns.namespace()?, hns.namespace()?], endpoints?))
}

/// E23: the published schema.
pub(super) fn one_place(trial: &mut Trial<'_>) {
    for address in ["10.42.7.23", "fd00:42:7::23"] {
        trial.attempt(format!("{address} into two namespaces"), &fresh(), |hns| {
            let ([first, second], endpoints) = two_namespaces(hns, &[address])?;
            let endpoint = endpoints[0];
            accepted("add", add(hns, first, endpoint))?;
            is_in(hns, endpoint, Some(first))?;
            hns.refuses("to another namespace", 0x803B_002B, || add(hns, second, endpoint))?;
            hns.refuses("to its own again", 0x803B_002B, || add(hns, first, endpoint))?;
            is_in(hns, endpoint, Some(first))?;
            accepted("remove", remove(hns, first, endpoint))?;
            is_in(hns, endpoint, None)?;
            accepted("to another after it left", add(hns, second, endpoint))?;
            is_in(hns, endpoint, Some(second))
        });
        trial.attempt(format!("attach {address} twice"), &fresh(), |hns| {
            let network = hns.network(&l2bridge())?;
            let endpoint = hns.endpoint(network, &local_at(&[address]))?;
            accepted("attach", attach(hns, endpoint))?;
            hns.refuses("attach again", 0x803B_0014, || attach(hns, endpoint))?;
            accepted("detach", detach(hns, endpoint))?;
            accepted("attach after detach", attach(hns, endpoint))
        });
    }
    trial.attempt("two endpoints into one namespace", &fresh(), |hns| {
        let ([first, _], endpoints) = two_namespaces(hns, &["10.42.7.23", "10.42.7.24"])?;
        for endpoint in &endpoints {
            accepted("add", add(hns, first, *endpoint))?;
        }
        endpoints.iter().try_for_each(|endpoint| is_in(hns, *endpoint, Some(first)))
    });
}

/// E24: nothing is known; this is the default.
pub(super) fn removing_strangers(trial: &mut Trial<'_>) {
    trial.attempt("remove who is in none, in another, and no more", &fresh(), |hns| {
        let ([first, second], endpoints) = two_namespaces(hns, &["10.42.7.23"])?;
        let endpoint = endpoints[0];
        hns.refuses("in none", 0x8007_0490, || remove(hns, first, endpoint))?;
        add(hns, second, endpoint)?;
        hns.refuses("in another", 0x8007_0490, || remove(hns, first, endpoint))?;
        is_in(hns, endpoint, Some(second))?;
        accepted("from its own", remove(hns, second, endpoint))?;
        hns.refuses("no more", 0x8007_0490, || remove(hns, second, endpoint))?;
        is_in(hns, endpoint, None)
    });
}
