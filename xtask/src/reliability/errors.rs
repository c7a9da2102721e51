//! Any call is refused with any code, and the proxy must find its way.

use std::time::Duration;

use switchyard_hcn_emulator::{FailureCode, Fault, FaultScript, Knobs, Trouble};

use super::crash::last;
use super::judge::{Judge, tear_down};
use super::node::Span;
use super::play::Play;
use super::report::{Failure, Report};
use super::scenario::{Event, Prepared};

/// The verbs, each with what the names of its functions begin with.
const VERBS: [(&str, &[&str]); 7] = [
    ("create endpoint", &["HcnCreateEndpoint"]),
    ("delete endpoint", &["HcnDeleteEndpoint"]),
    ("create load balancer", &["HcnCreateLoadBalancer"]),
    ("modify load balancer", &["HcnModifyLoadBalancer"]),
    ("delete load balancer", &["HcnDeleteLoadBalancer"]),
    ("enumerate", &["HcnEnumerate"]),
    ("open or query", &["HcnOpen", "HcnQuery"]),
];

/// Codes of facility 0x3B, from and to.
const HCN_CODES: [(u32, u32); 2] = [(0x803B_0001, 0x803B_0020), (0x803B_002A, 0x803B_002F)];

/// The codes of Win32 and RPC that nodes have been seen to return: not found, exists, access denied, invalid argument, out
/// of memory, not implemented, RPC server unavailable, RPC failed.
const OTHER_CODES: [u32; 8] = [
    0x8007_0490,
    0x8007_00B7,
    0x8007_0005,
    0x8007_0057,
    0x8007_000E,
    0x8000_4001,
    0x8007_06BA,
    0x8007_06BE,
];

/// How often a call is refused in a row.
const TIMES: [u64; 2] = [1, 3];

/// How long the proxy may take to come to rest after three errors: its waits double from half a second, so that the third
/// is two seconds and a quarter more, and a lost HNS is looked for again.
const BOUND: Duration = Duration::from_secs(30);

/// How long it takes at most until readings that failed three times succeed.
const RETRIED: Duration = Duration::from_secs(5);

/// The same where the CNI's endpoint is looked for, which happens every ten seconds at the least.
const LOOKED: Duration = Duration::from_secs(30);

/// The first, the middle and the last of several.
const POSITIONS: [&str; 3] = ["first", "middle", "last"];

/// All codes.
pub(super) fn codes() -> Vec<u32> {
    let hcn = HCN_CODES.iter().flat_map(|(first, last)| *first..=*last);
    hcn.chain(OTHER_CODES).collect()
}

/// What is refused.
#[derive(Debug, Clone, Copy)]
struct Case {
    verb: usize,
    code: u32,
    position: usize,
    after: bool,
    times: u64,
}

/// A scenario with the functions that it calls, in order.
struct Called<'a> {
    prepared: &'a Prepared,
    functions: Vec<&'static str>,
}

impl Called<'_> {
    /// The calls of a verb.
    fn of(&self, verb: usize) -> Vec<&'static str> {
        let (_, names) = VERBS[verb];
        let is_of = |function: &&&str| names.iter().any(|name| function.starts_with(name));
        self.functions.iter().filter(is_of).copied().collect()
    }
}

/// Refuses every verb with every code at every position; the scenarios take turns.
pub(super) fn play(all: &[&Prepared], report: &mut Report) {
    let called: Vec<Called<'_>> = all.iter().filter_map(|prepared| called(prepared)).collect();
    let mut turn = 0;
    for verb in 0..VERBS.len() {
        let fit: Vec<&Called<'_>> =
            called.iter().filter(|scenario| !scenario.of(verb).is_empty()).collect();
        for code in codes() {
            for position in 0..POSITIONS.len() {
                for after in [false, true] {
                    for times in TIMES {
                        let case = Case { verb, code, position, after, times };
                        turn += 1;
                        let Some(scenario) = fit.get(turn % fit.len().max(1)) else { continue };
                        play_case(scenario, case, report);
                    }
                }
            }
        }
    }
}

/// The calls of a scenario in which nothing goes wrong.
fn called(prepared: &Prepared) -> Option<Called<'_>> {
    let mut play = Play::begin(prepared, &Knobs::default()).ok()?;
    drop(play.node.emulator.take_calls());
    events(prepared, &mut play).ok()?;
    let calls = play.node.emulator.take_calls();
    let functions = calls.log().map(|call| call.function()).collect();
    Some(Called { prepared, functions })
}

fn events(prepared: &Prepared, play: &mut Play) -> Result<Duration, String> {
    let mut longest = Duration::ZERO;
    for (index, stage) in prepared.stages.iter().enumerate() {
        let is_away = prepared.scenario.away && index == 0;
        let span = play.act(stage, is_away)?;
        // A reading that failed is made again a second later, which nothing waits for.
        let retried = if matches!(stage.event, Event::AddPod(_)) { LOOKED } else { RETRIED };
        let least = span.least + retried;
        let span = Span { least, most: least + BOUND };
        let took = play.node.drive(span).map_err(|why| format!("stage {}: {why}", index + 1))?;
        longest = longest.max(took.saturating_sub(span.least));
    }
    Ok(longest)
}

fn play_case(scenario: &Called<'_>, case: Case, report: &mut Report) {
    let calls = scenario.of(case.verb);
    let index = match case.position {
        0 => 0,
        1 => calls.len() / 2,
        _ => calls.len() - 1,
    };
    let function = calls[index];
    let skip = calls[..index].iter().filter(|earlier| **earlier == function).count();
    let verb = VERBS[case.verb].0;
    *report.errors.entry(verb.to_owned()).or_default() += 1;
    match refuse(scenario.prepared, function, skip, case, report) {
        Ok(()) => {}
        Err(why) => {
            let effect = if case.after { "after its effect" } else { "before its effect" };
            let prepared = scenario.prepared;
            let what = format!(
                "{function} number {} refused {} times with 0x{:08X} {effect}: {why}",
                skip + 1,
                case.times,
                case.code
            );
            report.fail(Failure {
                scenario: format!("{} on {}", prepared.scenario.name, prepared.network.name()),
                knobs: format!("refused {verb}"),
                size: index + 1,
                what,
            });
        }
    }
}

fn refuse(
    prepared: &Prepared,
    function: &str,
    skip: usize,
    case: Case,
    report: &mut Report,
) -> Result<(), String> {
    let code = FailureCode::try_from(case.code).map_err(|trouble| trouble.to_string())?;
    let does = Trouble::Refuse { code, after: case.after };
    let fault = Fault::at(function, does).map_err(|trouble| trouble.to_string())?;
    let fault = Fault { skip: skip as u64, times: Some(case.times), ..fault };
    let mut play = Play::begin(prepared, &Knobs::default())?;
    drop(play.node.emulator.take_calls());
    play.node.emulator.steer(|service| service.set_faults(FaultScript { faults: vec![fault] }));
    let took = events(prepared, &mut play)?;
    report.took_after_error(took);
    let calls = play.node.emulator.take_calls();
    let met = calls.log().any(|call| call.hresult == case.code && call.function() == function);
    report.errors_not_met += u64::from(!met);
    play.node.emulator.steer(|service| service.set_faults(FaultScript::default()));
    let (number, stage) = last(prepared);
    Judge::default().judge(&play.node, (number, stage), &play.world, &prepared.addresses)?;
    tear_down(&mut play.node, stage, &prepared.nothing, &play.world)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_46_codes_of_failures() {
        let codes = codes();
        assert_eq!(codes.len(), 46);
        assert!(codes.iter().all(|code| FailureCode::try_from(*code).is_ok()));
    }
}
