//! The process dies after any call, and the next one must find its way.

use serde::Serialize;
use switchyard_hcn_emulator::{Emulator, Setup};
use switchyard_winkernel::MemoryLedger;

use super::judge::{Judge, tear_down};
use super::knobs::{Setting, others};
use super::node::{Node, drive};
use super::play::{Play, UNDISTURBED, restart_hns};
use super::recorder::{Picture, RecordedLedger, Recorder};
use super::report::{Failure, Report};
use super::scenario::{Prepared, Stage};
use super::world::World;

/// How many times the default's places of death lie apart where the next process is followed until everything is torn down.
const TEARDOWNS: usize = 5;

/// What is started anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
enum Restart {
    /// The proxy.
    Proxy,
    /// HNS, and then the proxy.
    Both,
}

/// A place where the process dies.
struct Place {
    picture: Picture,
    /// The number of the stage, from 0 for what was before.
    stage: usize,
    world: World,
}

/// Plays `prepared` under every setting, with deaths everywhere.
pub(super) fn play(prepared: &Prepared, report: &mut Report) {
    for setting in std::iter::once(Setting::usual()).chain(others()) {
        play_with(prepared, &setting, report);
    }
}

fn play_with(prepared: &Prepared, setting: &Setting, report: &mut Report) {
    let name = || format!("{} on {}", prepared.scenario.name, prepared.network.name());
    let fail = |size: usize, what: String| Failure {
        scenario: name(),
        knobs: setting.name.to_owned(),
        size,
        what,
    };
    let mut judge = Judge::default();
    let places = match record(prepared, setting, &mut judge, report) {
        Ok(places) => places,
        Err(why) => return report.fail(fail(0, format!("without a death: {why}"))),
    };
    let is_usual = setting.name == "default";
    for (index, place) in places.iter().enumerate() {
        // After a call that only reads, nothing is other than before it.
        if !is_usual && !place.picture.is_change {
            continue;
        }
        for restart in [Restart::Proxy, Restart::Both] {
            if restart == Restart::Proxy && setting.is_about_restarts() {
                continue;
            }
            report.crashes += 1;
            *report.by_setting.entry(setting.name.to_owned()).or_default() += 1;
            let tears = index % TEARDOWNS == 0;
            if let Err(why) = revive(prepared, setting, place, restart, tears, &mut judge, report) {
                let after = place.picture.after;
                let what = format!(
                    "stage {}, dead at place {index} after {after}, restart of {restart:?}: {why}",
                    place.stage
                );
                report.fail(fail(index + 1, what));
            }
        }
    }
}

/// Plays everything without a death; the places where there could be one.
fn record(
    prepared: &Prepared,
    setting: &Setting,
    judge: &mut Judge,
    report: &mut Report,
) -> Result<Vec<Place>, String> {
    let mut play = Play::begin(prepared, &setting.knobs)?;
    let mut places = Vec::new();
    for (index, stage) in prepared.stages.iter().enumerate() {
        let is_away = prepared.scenario.away && index == 0;
        let span = play.act(stage, is_away)?;
        drop(play.node.emulator.take_calls());
        let Node { emulator, ledger, proxy } = &mut play.node;
        let recorder = Recorder::new(emulator, &ledger.0);
        let mut text = std::mem::take(&mut ledger.0);
        let took =
            drive(proxy, emulator, &recorder, &mut RecordedLedger(&recorder, &mut text), span)
                .map_err(|why| format!("stage {}: {why}", index + 1))?;
        ledger.0 = text;
        report.took(took.saturating_sub(span.least));
        let world = play.world.clone();
        let pictures = recorder.into_pictures().into_iter();
        places.extend(pictures.map(|picture| Place {
            picture,
            stage: index + 1,
            world: world.clone(),
        }));
    }
    report.plays += 1;
    let (number, stage) = last(prepared);
    judge.judge(&play.node, (number, stage), &play.world, &prepared.addresses)?;
    tear_down(&mut play.node, stage, &prepared.nothing, &play.world)?;
    Ok(places)
}

/// The last stage, and its number.
pub(super) fn last(prepared: &Prepared) -> (usize, &Stage) {
    let last = prepared.stages.last().unwrap_or(&prepared.first);
    (prepared.stages.len(), last)
}

/// Starts the next process after a death, and holds what it makes of HNS against what is wanted.
fn revive(
    prepared: &Prepared,
    setting: &Setting,
    place: &Place,
    restart: Restart,
    tears: bool,
    judge: &mut Judge,
    report: &mut Report,
) -> Result<(), String> {
    let stage = prepared.stages.get(place.stage - 1).unwrap_or(&prepared.first);
    let emulator =
        Emulator::in_virtual_time(Setup { knobs: setting.knobs.clone(), ..Setup::default() });
    emulator.steer(|service| *service = (*place.picture.service).clone());
    emulator.advance_to(place.picture.now);
    let mut world = place.world.clone();
    if restart == Restart::Both {
        restart_hns(&emulator, &mut world);
    }
    let ledger = MemoryLedger(place.picture.ledger.clone());
    let mut node = Node::start(emulator, ledger, stage.settings.clone(), &stage.views);
    let took = node.settle(UNDISTURBED)?;
    report.took(took);
    judge.judge(&node, (place.stage, stage), &world, &prepared.addresses)?;
    if tears {
        report.teardowns += 1;
        tear_down(&mut node, stage, &prepared.nothing, &world)?;
    }
    Ok(())
}
