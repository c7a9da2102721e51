//! Faults by script: which calls go wrong, and how.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use switchyard_hcn::Guid;

use crate::request::{Request, function_name, function_names};
use crate::state::without_mark;

#[cfg(test)]
mod tests;

/// A script of faults. A call meets the first fault that is for it, is not used up, and has let enough calls go well. Those
/// that still let calls go well count it as one; those behind the fault that it meets do not see it.
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
    /// If it is not JSON, or a fault, a function or a code is none. The message has the line.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(without_mark(text))
    }

    /// What is to go wrong with a call of `request`, which is about the object `id`. Counts the call.
    pub(crate) fn meet(&mut self, request: &Request<'_>, id: Option<Guid>) -> Option<Trouble> {
        for fault in self.faults.iter_mut().filter(|fault| fault.is_for(request, id)) {
            if fault.skip > 0 {
                fault.skip -= 1;
                continue;
            }
            fault.times = fault.times.map(|times| times.saturating_sub(1));
            return Some(fault.does);
        }
        None
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
    ///
    /// # Errors
    ///
    /// If there is no such function.
    pub fn at(function: &str, does: Trouble) -> Result<Self, UnknownFunction> {
        let on = On { call: function.parse()?, id: None };
        Ok(Self { on, skip: 0, times: Some(1), does })
    }

    fn is_for(&self, request: &Request<'_>, id: Option<Guid>) -> bool {
        let function = function_name(request.verb(), request.kind());
        self.times != Some(0)
            && self.on.call.is(function)
            && (self.on.id.is_none() || self.on.id == id)
    }
}

/// Which calls a fault is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct On {
    /// The function.
    pub call: Called,
    /// The object; none is any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Guid>,
}

/// An exported function, or `*` for all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Called(&'static str);

/// A name that no exported function has which the emulator knows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} is neither a function of HNS that is emulated nor *")]
pub struct UnknownFunction {
    name: String,
}

impl Called {
    /// All functions.
    pub const ANY: Self = Self("*");

    fn is(self, function: &str) -> bool {
        self == Self::ANY || self.0 == function
    }
}

impl FromStr for Called {
    type Err = UnknownFunction;

    fn from_str(name: &str) -> Result<Self, UnknownFunction> {
        if name == Self::ANY.0 {
            return Ok(Self::ANY);
        }
        let known = function_names().find(|known| *known == name).map(Self);
        known.ok_or_else(|| UnknownFunction { name: name.to_owned() })
    }
}

impl Serialize for Called {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0)
    }
}

impl<'de> Deserialize<'de> for Called {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// An HRESULT that says of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailureCode(u32);

/// An HRESULT that says of a success, so that nothing can be refused with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("0x{code:08X} is the HRESULT of a success, and nothing is refused with it")]
pub struct NoFailure {
    code: u32,
}

impl FailureCode {
    /// The number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl TryFrom<u32> for FailureCode {
    type Error = NoFailure;

    /// The highest bit is set in all failures, and in them alone.
    fn try_from(code: u32) -> Result<Self, NoFailure> {
        if code >> 31 == 1 { Ok(Self(code)) } else { Err(NoFailure { code }) }
    }
}

impl fmt::Display for FailureCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:08X}", self.0)
    }
}

impl Serialize for FailureCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for FailureCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Code {
            Number(u32),
            Text(String),
        }

        let code = match Code::deserialize(deserializer)? {
            Code::Number(code) => code,
            Code::Text(text) => {
                let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
                let code = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
                code.ok_or_else(|| {
                    D::Error::custom(format!("{text:?} is not an HRESULT such as 0x803B0013"))
                })?
            }
        };
        Self::try_from(code).map_err(D::Error::custom)
    }
}

/// How a call goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "camelCase", deny_unknown_fields)]
pub enum Trouble {
    /// It is refused.
    Refuse {
        /// The HRESULT, as a number or as text such as `0x803B0013`.
        code: FailureCode,
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
    Hang {
        /// Whether it has its effect all the same.
        #[serde(default)]
        after: bool,
    },
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
