//! What queries mean.

use serde_json::{Value, json};
use switchyard_hcn::Guid;

use crate::documents::{
    TCP, fresh, id, knob, l2bridge, load_balancer, local_at, network, overlay, query, remote_at,
    subnet, with,
};
use crate::finding::{Checked, Finding, accepted, equal, fails, that};
use crate::session::{Kind, Place, Session, id_of, same_ids};
use crate::trial::Trial;

/// Two networks with endpoints, two namespaces and two load balancers.
struct World {
    networks: [Guid; 2],
    /// Those of the first network.
    endpoints: Vec<Guid>,
    other_endpoint: Guid,
    namespaces: Vec<Guid>,
    load_balancers: Vec<Guid>,
}

impl World {
    fn make(hns: &Session<'_>) -> Result<Self, Finding> {
        let second = network("cbr1", "L2Bridge", &[subnet("10.43.0.0/24", "10.43.0.1")]);
        let networks = [hns.network(&l2bridge())?, hns.network(&with(second, "Flags", 8))?];
        let named = |document: Value, name: &str| with(document, "Name", name);
        let endpoints = vec![
            hns.endpoint(networks[0], &named(local_at(&["10.42.7.23"]), "pod"))?,
            hns.endpoint(networks[0], &named(remote_at("10.42.9.31"), "far"))?,
        ];
        let other_endpoint = hns.endpoint(networks[1], &named(local_at(&["10.43.0.23"]), "pod"))?;
        let namespaces = vec![hns.namespace()?, hns.namespace()?];
        let balancer = |port| load_balancer(&endpoints, "10.96.14.5", TCP, port);
        let load_balancers =
            vec![hns.load_balancer(&balancer(80))?, hns.load_balancer(&balancer(81))?];
        Ok(Self { networks, endpoints, other_endpoint, namespaces, load_balancers })
    }

    fn of(&self, kind: Kind) -> Vec<Guid> {
        match kind {
            Kind::Network => self.networks.to_vec(),
            Kind::Endpoint => [self.endpoints.as_slice(), &[self.other_endpoint]].concat(),
            Kind::Namespace => self.namespaces.clone(),
            Kind::LoadBalancer => self.load_balancers.clone(),
        }
    }
}

/// Load balancers with ids of the client.
fn numbered(hns: &Session<'_>, count: u16) -> Result<Vec<Guid>, Finding> {
    let network = hns.network(&l2bridge())?;
    let endpoint = hns.endpoint(network, &remote_at("10.42.9.31"))?;
    // Made in another order than that of the ids.
    let made: Result<Vec<_>, _> = (1..=count)
        .map(|number| {
            let document = load_balancer(&[endpoint], "10.96.14.5", TCP, number).to_string();
            hns.create_as(Place::LoadBalancer, id(u32::from(number) * 7 % 101), &document)
        })
        .collect();
    Ok(made?)
}

/// Q1.
pub(super) fn order(trial: &mut Trial<'_>) {
    trial.attempt("by id", &knob("enumerationOrder", "byId"), |hns| {
        let mut made = numbered(hns, 20)?;
        made.sort_unstable();
        for _ in 0..3 {
            let listed = hns.enumerate(Kind::LoadBalancer, "")?;
            let listed: Vec<Guid> = listed.iter().filter_map(|id| id.parse().ok()).collect();
            equal("ids in order", &listed, &made)?;
        }
        Ok(())
    });
    for setup in [knob("enumerationOrder", "rotated"), fresh()] {
        let what = if setup == fresh() { "by default" } else { "rotated" };
        trial.attempt(what, &setup, |hns| {
            let made = numbered(hns, 20)?;
            let mut sorted = 0;
            for _ in 0..8 {
                let texts = hns.enumerate(Kind::LoadBalancer, &query(2, 0, &Value::Null))?;
                let listed: Vec<Guid> = texts.iter().filter_map(|id| id.parse().ok()).collect();
                same_ids("all, whatever the order", &listed, &made)?;
                sorted += usize::from(listed.is_sorted());
            }
            that(sorted < 8, || "all of 8 enumerations are in the order of ids".to_owned())
        });
    }
    for upper in [false, true] {
        trial.attempt(format!("ids are bare, upper case {upper}"), &knob("upperCaseIds", upper), {
            move |hns| {
                let world = World::make(hns)?;
                for kind in Kind::ALL {
                    let texts = hns.enumerate(kind, "")?;
                    let bare = |text: &String| {
                        text.len() == 36 && (!upper || *text == text.to_uppercase())
                    };
                    that(texts.iter().all(bare), || format!("{kind:?}: ids are {texts:?}"))?;
                    same_ids("ids", &hns.all(kind)?, &world.of(kind))?;
                }
                Ok(())
            }
        });
    }
}

/// Q2.
pub(super) fn filters(trial: &mut Trial<'_>) {
    trial.attempt("ID of each kind, in any case; none", &fresh(), |hns| {
        let world = World::make(hns)?;
        for kind in Kind::ALL {
            let all = world.of(kind);
            let text = all[0].to_string();
            for written in [text.clone(), text.to_uppercase()] {
                same_ids(&written, &hns.list(kind, &json!({"ID": written}))?, &all[..1])?;
            }
            for none in ["", "banana", &id(1).to_string()] {
                same_ids("ID of none", &hns.list(kind, &json!({"ID": none}))?, &[])?;
            }
            same_ids("an empty filter", &hns.list(kind, &json!({}))?, &all)?;
            same_ids("no filter", &hns.list(kind, &Value::Null)?, &all)?;
        }
        Ok(())
    });
    trial.attempt("queries that say nothing", &fresh(), |hns| {
        let world = World::make(hns)?;
        for kind in Kind::ALL {
            for text in ["", "{}", r#"{"Filter":""}"#, &query(1, 0, &Value::Null)] {
                let count = hns.enumerate(kind, text)?.len();
                equal(&format!("{kind:?} for {text:?}"), &count, &world.of(kind).len())?;
            }
        }
        Ok(())
    });
    trial.attempt("Name", &fresh(), |hns| {
        let world = World::make(hns)?;
        let networks = |filter: Value| hns.list(Kind::Network, &filter);
        let endpoints = |filter: Value| hns.list(Kind::Endpoint, &filter);
        same_ids("a network", &networks(json!({"Name": "cbr1"}))?, &world.networks[1..])?;
        let pods = [world.endpoints[0], world.other_endpoint];
        same_ids("endpoints", &endpoints(json!({"Name": "pod"}))?, &pods)?;
        same_ids("another case", &networks(json!({"Name": "CBR1"}))?, &[])?;
        same_ids("a part", &networks(json!({"Name": "cbr"}))?, &[])?;
        same_ids("no name", &networks(json!({"Name": ""}))?, &[])?;
        let one = json!({"Name": "pod", "VirtualNetwork": world.networks[1]});
        same_ids("two members", &endpoints(one)?, &[world.other_endpoint])?;
        let none = json!({"Name": "far", "VirtualNetwork": world.networks[1]});
        same_ids("two members that disagree", &endpoints(none)?, &[])
    });
    trial.attempt("members of version 1, in queries of both versions", &fresh(), |hns| {
        let world = World::make(hns)?;
        for schema in [1, 2] {
            let list = |kind: Kind, filter: Value| -> Result<Vec<Guid>, Finding> {
                let texts = hns.enumerate(kind, &query(schema, 0, &filter))?;
                Ok(texts.iter().filter_map(|text| text.parse().ok()).collect())
            };
            let upper = world.networks[0].to_string().to_uppercase();
            for written in [world.networks[0].to_string(), upper] {
                let found = list(Kind::Endpoint, json!({"VirtualNetwork": written}))?;
                same_ids("VirtualNetwork", &found, &world.endpoints)?;
            }
            let found = list(Kind::Endpoint, json!({"VirtualNetworkName": "cbr0"}))?;
            same_ids("VirtualNetworkName", &found, &world.endpoints)?;
            let found = list(Kind::Network, json!({"Flags": 8}))?;
            same_ids("Flags", &found, &world.networks[1..])?;
            let found = list(Kind::Endpoint, json!({"VirtualNetwork": id(1)}))?;
            same_ids("VirtualNetwork of none", &found, &[])?;
        }
        Ok(())
    });
}

/// Q3.
pub(super) fn unknown_keys(trial: &mut Trial<'_>) {
    trial.attempt("keys that are none, or of version 2", &fresh(), |hns| {
        let world = World::make(hns)?;
        for kind in Kind::ALL {
            for filter in [json!({"Nonsense": "x"}), json!({"Nonsense": ""})] {
                same_ids("Nonsense", &hns.list(kind, &filter)?, &[])?;
            }
            let both = json!({"ID": world.of(kind)[0], "Nonsense": "x"});
            same_ids("beside one that matches", &hns.list(kind, &both)?, &[])?;
        }
        let found = hns.list(Kind::Endpoint, &json!({"HostComputeNetwork": world.networks[0]}))?;
        same_ids("HostComputeNetwork", &found, &[])?;
        let frontend = json!({"FrontendVIPs": ["10.96.14.5"]});
        same_ids("FrontendVIPs", &hns.list(Kind::LoadBalancer, &frontend)?, &[])
    });
}

/// Q4: a comment in WSL's networking.
pub(super) fn addresses(trial: &mut Trial<'_>) {
    trial.attempt("IPAddress", &fresh(), |hns| {
        let world = World::make(hns)?;
        for address in ["10.42.7.23", "10.42.9.31", ""] {
            let found = hns.list(Kind::Endpoint, &json!({"IPAddress": address}))?;
            same_ids(address, &found, &[])?;
        }
        let both = json!({"IPAddress": "10.42.7.23", "VirtualNetwork": world.networks[0]});
        same_ids("beside another", &hns.list(Kind::Endpoint, &both)?, &[])
    });
}

/// Q5: hcsshim passes the query of its lists on.
pub(super) fn properties(trial: &mut Trial<'_>) {
    trial.attempt("filters that match, that do not, and unknown keys", &fresh(), |hns| {
        let world = World::make(hns)?;
        for kind in Kind::ALL {
            let [first, second, ..] = world.of(kind)[..] else {
                return Err(Finding::of("too few objects"));
            };
            let bare = hns.shown(kind, first)?;
            for filter in [
                json!({"ID": first}),
                json!({"ID": second}),
                json!({"ID": ""}),
                json!({"Name": "none"}),
                json!({"Nonsense": 1}),
            ] {
                let shown = hns.ask(kind, first, &query(2, 0, &filter));
                let shown = accepted(&format!("{kind:?} for {filter}"), shown)?;
                equal(&format!("{kind:?} for {filter}"), &shown, &bare)?;
            }
            for text in ["", "{}"] {
                let shown = hns.ask(kind, first, text)?;
                equal("its id", &id_of(&shown)?, &first)?;
            }
        }
        Ok(())
    });
}

/// Q6.
pub(super) fn snapshots(trial: &mut Trial<'_>) {
    trial.attempt("1500 endpoints in one answer", &fresh(), |hns| {
        let network = hns.network(&l2bridge())?;
        let mut made = Vec::new();
        for number in 0..1500_u32 {
            let address = format!("10.60.{}.{}", number / 250, number % 250 + 1);
            made.push(hns.endpoint(network, &remote_at(&address))?);
        }
        same_ids("endpoints", &hns.all(Kind::Endpoint)?, &made)?;
        let filter = json!({"VirtualNetwork": network});
        same_ids("of the network", &hns.list(Kind::Endpoint, &filter)?, &made)?;
        let answer = hns.v1("GET", "/endpoints/", &Value::Null)?;
        let ids: Result<Vec<Guid>, _> =
            answer.as_array().map_or(&[][..], Vec::as_slice).iter().map(id_of).collect();
        same_ids("by version 1", &ids?, &made)
    });
    trial.attempt("what happens after the answer", &fresh(), |hns| {
        let world = World::make(hns)?;
        let listed = hns.all(Kind::LoadBalancer)?;
        hns.delete(Kind::LoadBalancer, world.load_balancers[0])?;
        let document = load_balancer(&world.endpoints, "10.96.14.6", TCP, 80);
        let new = hns.load_balancer(&document)?;
        same_ids("the answer", &listed, &world.load_balancers)?;
        let gone = hns.open(Kind::LoadBalancer, world.load_balancers[0]);
        fails("open what was listed", 0x8007_0490, gone)?;
        let now = [world.load_balancers[1], new];
        same_ids("the next answer", &hns.all(Kind::LoadBalancer)?, &now)
    });
}

/// Q7.
pub(super) fn details(trial: &mut Trial<'_>) {
    trial.attempt("with and without", &fresh(), |hns| {
        let world = World::make(hns)?;
        for kind in [Kind::Network, Kind::Endpoint, Kind::LoadBalancer] {
            for id in world.of(kind) {
                adds(kind, &hns.shown(kind, id)?, &hns.detailed(kind, id)?)?;
                let word = json!({"SchemaVersion": {"Major": 2, "Minor": 0}, "Flags": "Detailed"});
                let by_word = hns.ask(kind, id, &word.to_string())?;
                that(!by_word["State"].is_null(), || format!("{kind:?} by the word: {by_word}"))?;
            }
        }
        Ok(())
    });
    trial.attempt("it lists no more and no less", &fresh(), |hns| {
        let world = World::make(hns)?;
        let overlay = hns.network(&overlay())?;
        let texts = hns.enumerate(Kind::Network, &query(2, 1, &Value::Null))?;
        let listed: Vec<Guid> = texts.iter().filter_map(|text| text.parse().ok()).collect();
        same_ids("networks", &listed, &[world.networks[0], world.networks[1], overlay])
    });
}

fn adds(kind: Kind, plain: &Value, detailed: &Value) -> Checked {
    for member in ["State", "Resources"] {
        that(plain.get(member).is_none(), || format!("{kind:?} without has {member}: {plain}"))?;
    }
    let extra = &detailed["Health"]["Extra"];
    that(extra.is_object(), || format!("{kind:?}: Health.Extra is {extra}"))?;
    that(detailed["State"].is_u64(), || format!("{kind:?}: State is {}", detailed["State"]))?;
    // The schema has it inside Health.Extra, version 1 beside.
    let resources = [detailed.get("Resources"), extra.get("Resources")];
    that(resources.iter().any(Option::is_some), || format!("{kind:?} has no Resources"))?;
    let lost = plain.as_object().into_iter().flatten().find(|(member, value)| {
        member.as_str() != "Health" && detailed.get(member.as_str()) != Some(*value)
    });
    that(lost.is_none(), || format!("{kind:?}: {lost:?} is lost or other with details"))
}
