//! The door by which a test steers the emulator: paths of `HNSCall` that a real HNS does not have.
//!
//! It is part of the same interface as everything else, so that a suite written against HNS alone can set the stage. What
//! comes through it is neither counted nor subject to faults, and it opens when HNS is stopped, too.
//!
//! | call | does |
//! | --- | --- |
//! | `POST /emulator/reset` | throws everything away and begins anew with the [`Setup`] sent |
//! | `POST /emulator/faults` | puts the [`FaultScript`] sent in the place of the last one |
//! | `POST /emulator/stop`, `/start`, `/restart`, `/reboot` | what they say; `/start` takes `{"data":…}`, one of [`SavedData`] |
//! | `POST /emulator/advance` | has time pass, so many `milliseconds`; where time is real it does so by itself |
//! | `GET /emulator/state` | all that HNS holds, as in its file |
//! | `GET /emulator/calls` | the calls so far, each with number, function, id and HRESULT |

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use switchyard_hcn::{Error, hresult};

use super::Service;
use crate::fault::FaultScript;
use crate::request::Answer;
use crate::settings::{refused, refused_for};
use crate::{SavedData, Setup};

/// Where the door is.
const DOOR: &str = "/emulator/";

impl Service {
    /// The answer to what came through the door, if it did.
    pub(super) fn through_door(
        &mut self,
        method: &str,
        path: &str,
        object: &str,
        now: Duration,
    ) -> Option<Answer> {
        let order = path.strip_prefix(DOOR)?;
        self.wake(now);
        let answer = match self.steer(method, order, object, now) {
            Ok(output) => json!({ "Success": true, "Output": output }).to_string(),
            Err(error) => error.record.unwrap_or_default(),
        };
        Some(Answer::Text(answer))
    }

    fn steer(
        &mut self,
        method: &str,
        order: &str,
        object: &str,
        now: Duration,
    ) -> Result<Value, Error> {
        match (method.to_ascii_uppercase().as_str(), order.trim_end_matches('/')) {
            ("POST", "reset") => {
                let setup = Setup::from_json(object).map_err(|error| unreadable(&error))?;
                let (stops, last_handle) = (self.stops + 1, self.last_handle);
                *self = Self { stops, last_handle, busy_until: now, ..Self::new(setup) };
            }
            ("POST", "faults") => {
                let script = FaultScript::from_json(object).map_err(|error| unreadable(&error))?;
                self.set_faults(script);
            }
            ("POST", "stop") => self.stop(),
            ("POST", "start") => self.start(saved_data(object)?),
            ("POST", "advance") => self.asked_time = self.asked_time.saturating_add(time(object)?),
            ("POST", "restart") => self.restart(),
            ("POST", "reboot") => self.reboot(),
            ("GET", "state") => return self.state.to_value().map_err(|error| unreadable(&error)),
            ("GET", "calls") => return Ok(self.calls.rows().collect()),
            _ => return Err(refused(hresult::HCN_E_REQUEST_UNSUPPORTED)),
        }
        Ok(Value::Null)
    }
}

fn saved_data(object: &str) -> Result<SavedData, Error> {
    #[derive(Default, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Order {
        data: SavedData,
    }

    let text = if object.trim().is_empty() { "{}" } else { object };
    let order: Order = serde_json::from_str(text).map_err(|error| unreadable(&error))?;
    Ok(order.data)
}

fn time(object: &str) -> Result<Duration, Error> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Order {
        milliseconds: u64,
    }

    let order: Order = serde_json::from_str(object).map_err(|error| unreadable(&error))?;
    Ok(Duration::from_millis(order.milliseconds))
}

fn unreadable(error: &(dyn std::error::Error + 'static)) -> Error {
    let source = error.source().map(|source| format!(": {source}")).unwrap_or_default();
    refused_for(hresult::HCN_E_INVALID_JSON, &format!("{error}{source}"))
}
