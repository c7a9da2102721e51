//! Steps about health: what happens to the proxy, and what its pages say.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::Value;

use crate::health::{HealthAnswer, HealthEvent, HealthPage, ask};
use crate::subject::Subject;

/// How long it is waited until what the proxy does besides is done: opening and closing ports.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a case says that asks for health.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HealthSection {
    /// Whether nothing can be changed yet when the case begins.
    #[serde(default)]
    pub(super) blocked: bool,
}

/// Something that happens to the proxy.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum ProxyEvent {
    /// So many seconds pass.
    Passes(u64),
    /// Nothing can be changed that traffic goes by.
    Blocked,
    /// It can again.
    GoesOn,
    /// What is wanted cannot be read any more.
    InputGoes,
    /// Somebody else has the port.
    PortTaken(u16),
    /// Nobody has it any more.
    PortFree(u16),
}

impl ProxyEvent {
    pub(super) fn happen(&self, subject: &mut dyn Subject) -> Result<(), String> {
        let event = match self {
            Self::Passes(seconds) => HealthEvent::Passes(Duration::from_secs(*seconds)),
            Self::Blocked => HealthEvent::Blocked,
            Self::GoesOn => HealthEvent::GoesOn,
            Self::InputGoes => HealthEvent::InputGoes,
            Self::PortTaken(port) => HealthEvent::PortTaken(*port),
            Self::PortFree(port) => HealthEvent::PortFree(*port),
        };
        subject.health()?.event(&event)
    }
}

/// A page, and what it has to say.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Get {
    /// `/healthz`, `/livez`, or the number of a health-check node port.
    page: Value,
    /// The code; none where nobody may answer.
    #[serde(default)]
    code: Option<u16>,
    /// Values in the body, by JSON pointer.
    #[serde(default)]
    body: BTreeMap<String, Value>,
    /// Headers, in lower case.
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

impl Get {
    pub(super) fn judge(&self, subject: &mut dyn Subject) -> Result<(), String> {
        let (page, path) = match (&self.page, self.page.as_u64().map(u16::try_from)) {
            (_, Some(Ok(port))) => (HealthPage::Port(port), "/".to_owned()),
            (Value::String(path), _) => (HealthPage::Proxy(path.clone()), path.clone()),
            (other, _) => return Err(format!("get: {other} is no page")),
        };
        wait(|| {
            let address = subject.health()?.address(&page)?;
            let fits = self.fits(ask(address, &path).as_ref());
            Ok(fits.map_err(|trouble| format!("get {}: {trouble}", self.page)))
        })
    }

    fn fits(&self, answer: Option<&HealthAnswer>) -> Result<(), String> {
        let Some(answer) = answer else {
            let wanted = self.code;
            return wanted.map_or(Ok(()), |code| Err(format!("expected {code}; nobody answers")));
        };
        if self.code != Some(answer.code) {
            return Err(format!("expected {:?}; came {} {}", self.code, answer.code, answer.body));
        }
        for (pointer, wanted) in &self.body {
            if answer.body.pointer(pointer) != Some(wanted) {
                return Err(format!("expected {wanted} at {pointer}; came {}", answer.body));
            }
        }
        for (name, value) in &self.headers {
            if !answer.head.contains(&format!("{name}: {value}")) {
                return Err(format!("expected the header {name}: {value}; came {:?}", answer.head));
            }
        }
        Ok(())
    }
}

/// Fails unless the proxy reports something that holds each of `words`, or nothing at all where there are none.
pub(super) fn reported(words: &[String], subject: &mut dyn Subject) -> Result<(), String> {
    wait(|| {
        let reports = subject.health()?.reports()?;
        let like = |report: &String| words.iter().all(|word| report.contains(word));
        let fits = if words.is_empty() { reports.is_empty() } else { reports.iter().any(like) };
        let missing = || format!("expected a report of {words:?}; came {reports:?}");
        Ok(fits.then_some(()).ok_or_else(missing))
    })
}

/// Tries until it holds, for a while. What cannot be asked at all ends it at once.
#[expect(
    clippy::disallowed_methods,
    reason = "ports are opened beside what is asked: it is waited for them, with a deadline"
)]
fn wait(mut holds: impl FnMut() -> Result<Result<(), String>, String>) -> Result<(), String> {
    let until = Instant::now() + PATIENCE;
    loop {
        match holds()? {
            Ok(()) => return Ok(()),
            Err(trouble) if Instant::now() >= until => return Err(trouble),
            Err(_) => std::thread::sleep(Duration::from_millis(5)),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::load;
    use super::super::notation::Step;
    use super::*;

    #[test]
    fn every_case_about_health_asks_over_http() {
        for fact in load().unwrap() {
            let is_meant = fact.section == "J" || fact.id == "B129" || fact.id == "B131";
            for case in &fact.cases {
                let asks = case.steps.iter().any(|step| matches!(step, Step::Get(_)));
                assert_eq!((case.health.is_some(), asks), (is_meant, is_meant), "{}", fact.id);
            }
        }
    }

    #[test]
    fn answers_are_told_from_others() {
        let get = |text: &str| serde_saphyr::from_str::<Get>(text).unwrap();
        let answer = HealthAnswer {
            code: 503,
            head: "http/1.1 503\r\nx-load-balancing-endpoint-weight: 0".to_owned(),
            body: json!({"localEndpoints": 0, "service": {"name": "web"}}),
        };
        let right = [
            "{page: 31080, code: 503}",
            "{page: 31080, code: 503, body: {/localEndpoints: 0, /service/name: web}}",
            "{page: 31080, code: 503, headers: {x-load-balancing-endpoint-weight: '0'}}",
        ];
        for text in right {
            assert_eq!(get(text).fits(Some(&answer)), Ok(()), "{text}");
            assert!(get(text).fits(None).is_err(), "{text}");
        }
        let wrong = [
            "{page: 31080}",
            "{page: 31080, code: 200}",
            "{page: 31080, code: 503, body: {/localEndpoints: 1}}",
            "{page: 31080, code: 503, body: {/nothing: null}}",
            "{page: 31080, code: 503, headers: {x-load-balancing-endpoint-weight: '1'}}",
        ];
        for text in wrong {
            assert!(get(text).fits(Some(&answer)).is_err(), "{text}");
        }
        assert_eq!(get("{page: 31080}").fits(None), Ok(()));
    }
}
