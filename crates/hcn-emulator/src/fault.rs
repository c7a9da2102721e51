//! Faults by script: which calls go wrong, and how.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use switchyard_hcn::Guid;

use crate::request::Request;
use crate::request::function_name;

/// A script of faults. Each call meets the first fault that is for it and is not used up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultScript {
    /// The faults.
    #[serde(default)]
    pub faults: Vec<Fault>,
}

impl FaultScript {
    /// Reads the file of a script.
    ///
    /// # Errors
    ///
    /// If it is not JSON, or a fault is not known. The message has the line.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// What is to go wrong with a call of `request`, which is about the object `id`. Counts the call.
    pub(crate) fn meet(&mut self, request: &Request<'_>, id: Option<Guid>) -> Option<Trouble> {
        let fault = self.faults.iter_mut().find(|fault| fault.is_for(request, id))?;
        if fault.skip > 0 {
            fault.skip -= 1;
            return None;
        }
        if let Some(times) = &mut fault.times {
            *times -= 1;
        }
        Some(fault.does)
    }
}

/// A fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Which calls it is for.
    pub on: On,
    /// How many of them go well first.
    #[serde(default)]
    pub skip: u64,
    /// How many of them then go wrong; none is all.
    #[serde(default)]
    pub times: Option<u64>,
    /// How they go wrong.
    pub does: Trouble,
}

impl Fault {
    /// One fault at the next call of `function`, or with `*` at the next call of all.
    #[must_use]
    pub fn at(function: &str, does: Trouble) -> Self {
        let on = On { call: function.to_owned(), id: None };
        Self { on, skip: 0, times: Some(1), does }
    }

    fn is_for(&self, request: &Request<'_>, id: Option<Guid>) -> bool {
        let function = function_name(request.verb(), request.kind());
        self.times != Some(0)
            && (self.on.call == "*" || self.on.call == function)
            && (self.on.id.is_none() || self.on.id == id)
    }
}

/// Which calls a fault is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct On {
    /// The name of the exported function, or `*`.
    pub call: String,
    /// The object; none is any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Guid>,
}

/// How a call goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "camelCase", deny_unknown_fields)]
pub enum Trouble {
    /// It is refused.
    Refuse {
        /// The HRESULT, as a number or as text such as `0x803B0013`.
        #[serde(serialize_with = "as_code", deserialize_with = "code")]
        code: u32,
        /// Whether it has its effect all the same.
        #[serde(default)]
        after: bool,
    },
    /// It succeeds and does nothing.
    Pretend,
    /// It takes so much longer.
    Delay {
        /// The time.
        milliseconds: u64,
    },
    /// It does not return until HNS is restarted.
    Hang,
    /// It succeeds, and then the object is lost without a word.
    Lose,
    /// A listing lacks ids.
    Omit {
        /// How many; none is all.
        #[serde(default)]
        count: Option<usize>,
    },
    /// It succeeds, and then the load balancer is degraded.
    Degrade,
    /// HNS stops during it.
    Stop {
        /// How long HNS is away; 0 is until it is started.
        #[serde(default)]
        milliseconds: u64,
    },
}

impl Trouble {
    /// How much longer the call takes.
    pub(crate) const fn delay(self) -> Duration {
        match self {
            Self::Delay { milliseconds } => Duration::from_millis(milliseconds),
            _ => Duration::ZERO,
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn as_code<S: Serializer>(code: &u32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format!("0x{code:08X}"))
}

fn code<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Code {
        Number(u32),
        Text(String),
    }

    match Code::deserialize(deserializer)? {
        Code::Number(code) => Ok(code),
        Code::Text(text) => {
            let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
            digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()).ok_or_else(|| {
                serde::de::Error::custom(format!("{text:?} is not an HRESULT such as 0x803B0013"))
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ObjectKind;

    #[test]
    fn scripts_are_read_and_written() {
        let text = r#"{"faults":[
            {"on":{"call":"HcnCreateLoadBalancer"},"skip":2,"times":1,
             "does":{"fault":"refuse","code":"0x803B0013","after":true}},
            {"on":{"call":"*","id":"00000000-0000-0000-0000-000000000001"},
             "does":{"fault":"delay","milliseconds":20}},
            {"on":{"call":"HNSCall"},"does":{"fault":"hang"}}]}"#;
        let script = FaultScript::from_json(text).unwrap();
        assert_eq!(script.faults[0].does, Trouble::Refuse { code: 0x803B_0013, after: true });
        let again = serde_json::to_string(&script).unwrap();
        assert_eq!(FaultScript::from_json(&again).unwrap(), script);
    }

    #[test]
    fn what_is_not_known_is_refused() {
        let check = |fault: &str, expect: &str| {
            let text = format!(r#"{{"faults":[{fault}]}}"#);
            let error = FaultScript::from_json(&text).unwrap_err().to_string();
            assert!(error.contains(expect), "{error}");
        };
        check(r#"{"on":{"call":"*"},"does":{"fault":"explode"}}"#, "unknown variant `explode`");
        check(r#"{"on":{"call":"*"},"does":{"fault":"refuse","code":"13"}}"#, "not an HRESULT");
        check(r#"{"does":{"fault":"hang"}}"#, "missing field `on`");
    }

    #[test]
    fn a_fault_comes_after_so_many_calls_and_so_many_times() {
        let mut script = FaultScript {
            faults: vec![Fault {
                skip: 1,
                times: Some(2),
                ..Fault::at("HcnDeleteEndpoint", Trouble::Pretend)
            }],
        };
        let delete = |kind| Request::Delete { kind, id: Guid::NIL };
        let mut meet = |kind| script.meet(&delete(kind), None);
        let met: Vec<_> = (0..5).map(|_| meet(ObjectKind::Endpoint).is_some()).collect();
        assert_eq!(met, [false, true, true, false, false]);
        assert_eq!(meet(ObjectKind::LoadBalancer), None);
    }
}
