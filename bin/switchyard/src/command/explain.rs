//! `explain`: kube-proxy's record of a Service on Windows, and what is kept here instead.

use std::io::Write;
use std::net::IpAddr;

use anyhow::anyhow;
use comfy_table::ContentArrangement;
use switchyard_hcn::Feature;
use switchyard_model::{Family, FrontendKind, ServedBy, Service, ServiceKey, ServiceType, ViewKey};
use switchyard_winkernel::limits::Limit;
use switchyard_winkernel::{
    EndpointKey, LoadBalancerKey, WindowsNetwork, endpoint_id, has_load_balancer, health_check_key,
    load_balancer_id,
};

use crate::answer::{ExplainAnswer, ExplainLimit, ExplainServicePort, Programmed, limits_met};
use crate::arguments::ExplainArguments;
use crate::failure::{Exit, Failure};
use crate::input::Input;
use crate::network::Hns;
use crate::print::{structured, table};

/// How wide the table is, in characters.
const WIDTH: u16 = 160;

pub(super) fn run(
    arguments: &ExplainArguments,
    out: &mut dyn Write,
    notices: &mut dyn Write,
) -> Result<Exit, Failure> {
    let (namespace, name) = arguments.service.split_once('/').ok_or_else(|| {
        Failure::Usage(format!("{:?}: a Service is named NAMESPACE/NAME", arguments.service))
    })?;
    let key = ServiceKey::new(namespace, name);
    let input = Input::read(&arguments.input, notices)?;
    let cluster = input.stream.cluster();
    let Some(service) = cluster.service(&key) else {
        let known = cluster.services().filter(|other| other.key.namespace == key.namespace);
        let known: Vec<_> = known.map(|other| other.key.to_string()).collect();
        return Err(anyhow!("unknown Service {key}: its namespace has {}", list(&known)).into());
    };
    let hns = Hns::new(&arguments.windows, &input.windows, &input.stream)?;
    let answer = answer(&input, &hns, service);
    if !structured(&answer, arguments.input.common.output, out)? {
        print(&answer, out)?;
    }
    Ok(input.exit(arguments.input.common.strict))
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

fn answer(input: &Input, hns: &Hns, service: &Service) -> ExplainAnswer {
    let view = input.stream.view();
    let mut service_ports = Vec::new();
    for port in &service.ports {
        for family in Family::ALL {
            let key = ViewKey {
                service: service.key.clone(),
                port: port.name.clone(),
                protocol: port.protocol,
                family,
            };
            let node = view.node();
            let Some(view) = view.view(&key) else { continue };
            let load_balancers = view.frontends.iter().filter_map(|frontend| {
                let own = load_balancer_id(&LoadBalancerKey::of(view, frontend), 0);
                let id = match health_check_key(view, frontend, &hns.network) {
                    Some(key) => format!("{own}, health checks {}", load_balancer_id(&key, 0)),
                    None => own.to_string(),
                };
                has_load_balancer(view, frontend, node, &hns.network).then_some((
                    frontend.kind,
                    frontend.address,
                    id,
                ))
            });
            let load_balancers: Vec<_> = load_balancers.collect();
            let cluster_ip = load_balancers.iter().find_map(|(kind, address, _)| match kind {
                FrontendKind::ClusterIP => *address,
                _ => None,
            });
            let programmed = Programmed {
                load_balancers,
                remote_endpoint: remote_endpoint(cluster_ip, &hns.network),
                has_dsr: hns.network.capabilities.has(Feature::DirectServerReturn),
                limits: limits_met(view, hns.ground(node)).into_iter().map(limit).collect(),
            };
            service_ports.push(ExplainServicePort::new(service, port, view, programmed));
        }
    }
    ExplainAnswer {
        node: view.node().name.to_string(),
        namespace: service.key.namespace.to_string(),
        service: service.key.name.to_string(),
        served: served(service, !service_ports.is_empty()).to_owned(),
        service_ports,
    }
}

/// The id of the remote endpoint at a ClusterIP that has a load balancer, or why there is none.
fn remote_endpoint(cluster_ip: Option<IpAddr>, network: &WindowsNetwork) -> String {
    if !network.overlay {
        return "none: only on overlay networks".to_owned();
    }
    let (Some(address), Some(mac)) = (cluster_ip, network.host_mac) else {
        return "none".to_owned();
    };
    let key = EndpointKey { network: network.id, address };
    endpoint_id(&key, network.provider_address, mac, 0).to_string()
}

fn limit((limit, frontend): (Limit, String)) -> ExplainLimit {
    ExplainLimit { limit: limit.as_str(), frontend, detail: limit.explanation() }
}

fn served(service: &Service, has_ports: bool) -> &'static str {
    match (service.served_by, service.kind) {
        (ServedBy::OtherProxy, _) => {
            "no: the label service.kubernetes.io/service-proxy-name gives it to another proxy"
        }
        (ServedBy::Nobody, _) => "no: the label service.kubernetes.io/headless",
        (ServedBy::This, ServiceType::ExternalName) => "no: type ExternalName is for the DNS alone",
        (ServedBy::This, _) if service.cluster_ips.is_empty() => "no: it has no ClusterIP",
        (ServedBy::This, _) if has_ports => "yes",
        (ServedBy::This, _) => "no: it has no usable port, or this node is not of its family",
    }
}

fn print(answer: &ExplainAnswer, out: &mut dyn Write) -> Result<(), Failure> {
    let (namespace, service, node) = (&answer.namespace, &answer.service, &answer.node);
    writeln!(out, "{namespace}/{service} on {node}; served: {}", answer.served)?;
    for port in &answer.service_ports {
        let colon = if port.port.is_empty() { "" } else { ":" };
        writeln!(
            out,
            "\n{namespace}/{service}{colon}{} {} {}",
            port.port, port.protocol, port.family
        )?;
        let mut fields = table(["KUBE-PROXY FIELD", "VALUE NOW", "MEANING", "HERE INSTEAD"]);
        fields.set_content_arrangement(ContentArrangement::Dynamic).set_width(WIDTH);
        for field in &port.fields {
            fields.add_row([field.field, &field.value, field.meaning, field.instead]);
        }
        writeln!(out, "{}", fields.trim_fmt())?;
        for ExplainLimit { limit, frontend, detail } in &port.limits {
            writeln!(out, "  limit {limit}: {frontend}: {detail}")?;
        }
    }
    Ok(())
}
