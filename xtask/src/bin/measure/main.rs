//! What `cargo xtask bench` measures, in a program of its own: so that a counting allocator disturbs nothing else, and
//! valgrind sees no more than it must.
//!
//! * `measure full SERVICES` and `measure change SERVICES` do the work once, for an instruction counter that looks at
//!   [`full_view`], [`one_change`] and [`rest_of_change`] alone, and print the nanoseconds it took (which valgrind makes meaningless).
//! * `measure heap SERVICES ENDPOINTS` prints the bytes that a cluster and one node's views of it hold.
//! * `measure windows-heap SERVICES ENDPOINTS` prints the bytes that what is wanted and what is known of HNS hold.
//! * `measure calls SCENARIO NETWORK VERSION SERVICES` counts the calls that reach an emulated HNS and prints them as JSON.
//! * `measure replay PROFILE GROWTH PATTERN` has kube-proxy start on an emulated HNS and prints what that comes to as JSON.
//! * `measure soak CHANGES` makes so many random changes, and prints what is held after a tenth and after all of them.

#![expect(clippy::print_stdout, reason = "its output is its answer")]

mod agent;
mod calls;
mod cluster;
mod heap;
mod paper;
mod replay;
mod soak;

use std::time::Instant;

use anyhow::{Result, bail};
use switchyard_hcn::{Network, Version};
use switchyard_model::{ClusterEvent, Name, Settings, ViewEvent};
use switchyard_nodeview::Stream;
use switchyard_winkernel::{Call, CallId, Reconciler};

use crate::cluster::Shape;

/// How many changes are applied one by one; what is printed is for all of them.
const CHANGES: usize = 100;

/// How many endpoints each Service has where time or instructions are measured.
const ENDPOINTS: usize = 10;

/// The HNS that is measured on: one that changes load balancers in place.
const VERSION: Version = Version::new(15, 5);

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["full", services] => full(Shape { services: services.parse()?, endpoints: ENDPOINTS }),
        ["change", services] => change(Shape { services: services.parse()?, endpoints: ENDPOINTS }),
        ["heap", services, endpoints] => {
            let (services, endpoints) = (services.parse()?, endpoints.parse()?);
            println!("{}", held(Shape { services, endpoints }));
            Ok(())
        }
        ["windows-heap", services, endpoints] => {
            println!("{}", calls::held(services.parse()?, endpoints.parse()?)?);
            Ok(())
        }
        ["calls", scenario, network, version, services] => {
            calls::run(scenario, network, version, services)
        }
        ["replay", profile, growth, pattern] => replay::run(profile, growth, pattern),
        ["agent", services, endpoints, changes] => {
            let shape = Shape { services: services.parse()?, endpoints: endpoints.parse()? };
            agent::run(shape, changes.parse()?)
        }
        ["soak", changes] => soak::run(changes.parse()?),
        _ => bail!(
            "give full SERVICES, change SERVICES, heap SERVICES ENDPOINTS, windows-heap SERVICES ENDPOINTS, agent SERVICES ENDPOINTS CHANGES, calls, replay or soak"
        ),
    }
}

/// All of a cluster at once. The instruction counter finds this function by its name.
#[inline(never)]
fn full_view(stream: &mut Stream, events: Vec<ClusterEvent>) -> Vec<ViewEvent> {
    stream.apply(events)
}

/// One change of one slice, up to the view that follows and the first call to HNS. The instruction counter finds this
/// function by its name.
#[inline(never)]
fn one_change(
    stream: &mut Stream,
    reconciler: &mut Reconciler,
    event: ClusterEvent,
) -> Option<(CallId, Call)> {
    let events = stream.apply([event]);
    reconciler.view(events, paper::NOW);
    reconciler.next(paper::NOW)
}

/// The rest of what follows from one change, every call succeeding. The instruction counter finds this function by its name.
#[inline(never)]
fn rest_of_change(
    reconciler: &mut Reconciler,
    network: &Network,
    first: Option<(CallId, Call)>,
) -> usize {
    paper::finish(reconciler, network, VERSION, first)
}

fn full(shape: Shape) -> Result<()> {
    let events = shape.events();
    let mut stream = new_stream();
    let clock = start();
    let out = full_view(&mut stream, events);
    println!("{}", clock.elapsed().as_nanos());
    if out.len() != shape.services + 2 {
        bail!("{} events out of {} Services", out.len(), shape.services);
    }
    Ok(())
}

fn change(shape: Shape) -> Result<()> {
    let mut stream = new_stream();
    stream.apply(shape.events());
    let kind = calls::Kind { overlay: false, version: VERSION };
    let network = Network { id: Some(calls::network_id()), ..calls::network(kind) };
    let views = stream.snapshot();
    let mut reconciler = paper::settled(calls::settings(kind), &network, VERSION, views)?;
    let changes: Vec<_> = shape.changes(CHANGES).collect();
    let mut nanoseconds = 0;
    for change in changes {
        let clock = start();
        let first = one_change(&mut stream, &mut reconciler, change);
        nanoseconds += clock.elapsed().as_nanos();
        if !matches!(first, Some((_, Call::Change(_)))) {
            bail!("a change was not followed by a call to HNS but by {first:?}");
        }
        rest_of_change(&mut reconciler, &network, first);
    }
    println!("{nanoseconds}");
    Ok(())
}

/// The bytes that a cluster and the views hold, once nobody holds the events any more.
fn held(shape: Shape) -> i64 {
    let before = heap::live();
    let mut stream = new_stream();
    drop(stream.apply(shape.events()));
    let bytes = heap::live() - before;
    drop(stream);
    bytes
}

fn new_stream() -> Stream {
    Stream::new(Name::from(cluster::node_name(0)), Settings::default())
}

#[expect(clippy::disallowed_methods, reason = "a time that is quoted")]
fn start() -> Instant {
    Instant::now()
}
