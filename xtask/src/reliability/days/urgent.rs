//! F51: much is to be done, and then the DNS changes. That is done next.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use serde_json::Value;
use switchyard_conformance::Change;
use switchyard_model::ServiceKey;
use switchyard_nodeview::Stream;
use switchyard_winkernel::Call;

use super::cluster::{endpoints, service, slice};
use super::day::Day;

/// How many calls may come between.
const MOST_AHEAD: u32 = 2;
/// How many Services there are to be done beside it, and how many changes must come after its own to show that they waited.
const SERVICES: u8 = 30;
const WAITED: u32 = 10;

/// The change of the DNS, and what was done since the proxy knew of it.
#[derive(Debug)]
pub(super) struct Urgent {
    dns: ServiceKey,
    /// The endpoint that is new.
    address: IpAddr,
    is_known: bool,
    is_done: bool,
    ahead: u32,
    after: u32,
}

impl Urgent {
    /// Takes in what the proxy knows.
    pub(super) fn know(&mut self, stream: &Stream) {
        if !self.is_known {
            let slices = stream.cluster().slices();
            let mut endpoints = slices.flat_map(|slice| slice.endpoints.iter());
            self.is_known = endpoints.any(|own| own.address == Some(self.address));
        }
    }

    /// Takes in a call that the proxy makes.
    pub(super) fn called(&mut self, call: &Call) -> Result<(), String> {
        let is_of_dns = match call {
            Call::Change(change) => {
                change.operation.views.iter().any(|view| view.service == self.dns)
            }
            Call::WriteLedger { .. } => return Ok(()),
            _ => false,
        };
        if !self.is_known {
            return Ok(());
        }
        if self.is_done {
            self.after += 1;
        } else if !is_of_dns {
            self.ahead += 1;
        } else if self.ahead > MOST_AHEAD {
            return Err(format!("F51: {} calls come before those for the DNS", self.ahead));
        } else {
            self.is_done = true;
        }
        Ok(())
    }
}

impl Day<'_> {
    /// Has the DNS change behind much else, and HNS lose all of it then.
    pub(super) async fn urgent_change(&mut self) -> Result<(), String> {
        let is_slice = |own: &&Value| own["metadata"]["name"] == "kube-dns-0";
        let dns_slice = self.cluster.setup.documents.iter().find(is_slice).cloned();
        let dns = ServiceKey::new("kube-system", "kube-dns");
        let known = self.cluster.truth.cluster().service(&dns);
        let is_dns = known.is_some_and(|service| service.cluster_dns);
        let Some(mut dns_slice) = dns_slice.filter(|_| is_dns) else { return Ok(()) };
        let number = 60 + u8::try_from(self.dice.below(100)).unwrap_or(0);
        let address = Ipv4Addr::new(10, 1, 9, number);
        dns_slice["endpoints"] = endpoints(&[&address.to_string()]);
        let others: Vec<Value> = (1..=SERVICES).flat_map(other).collect();
        let address = IpAddr::V4(address);
        let (is_known, is_done) = (false, false);
        self.urgent = Some(Urgent { dns, address, is_known, is_done, ahead: 0, after: 0 });
        let gone: Vec<Change> = others.iter().map(gone).collect();
        self.cluster.apply(&others.into_iter().map(Change::Apply).collect::<Vec<_>>());
        self.cluster.apply(&[Change::Apply(dns_slice)]);
        self.pass(Duration::from_secs(5)).await?;
        if self.urgent.take().is_some_and(|urgent| urgent.after >= WAITED) {
            self.report.met("F51 DNS changes behind many");
        }
        self.heal().await?;
        self.total_loss().await?;
        self.cluster.apply(&gone);
        self.heal().await
    }
}

fn gone(object: &Value) -> Change {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let metadata = &object["metadata"];
    let (namespace, name) = (text(&metadata["namespace"]), text(&metadata["name"]));
    Change::Delete { kind: text(&object["kind"]), namespace, name }
}

/// A Service beside the DNS, and its slice.
fn other(number: u8) -> [Value; 2] {
    let name = format!("other-{number}");
    let (ip, endpoint) = (format!("172.20.254.{number}"), format!("10.1.8.{number}"));
    [service("many", &name, &ip, "TCP", 80), slice("many", &name, "TCP", 8080, &[&endpoint])]
}
