//! The flags of the table that are given.

use std::collections::BTreeMap;

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};
use serde_json::Value;

use super::{Effect, Flag, Mirror, Parsed, TABLE, flag};

/// The flags of kube-proxy that the table alone parses, as they were given.
#[derive(Debug, Clone, Default)]
pub struct GivenFlags(BTreeMap<&'static str, Value>);

/// Under which head help lists those that do something.
const HEADING: &str = "kube-proxy's flags";

impl GivenFlags {
    /// The value of a flag, if it was given; of several the last, but feature gates and lists add up.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// Whether a flag that is true or false was given and is true.
    #[must_use]
    pub fn is_true(&self, name: &str) -> bool {
        self.value(name) == Some(&Value::Bool(true))
    }

    /// The text of a flag, if it was given and is not empty.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.value(name).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    /// The flags that were given, with their rows.
    pub fn iter(&self) -> impl Iterator<Item = (&'static Flag, &Value)> {
        self.0.iter().filter_map(|(name, value)| Some((flag(name)?, value)))
    }

    /// What is said of those that do nothing.
    #[must_use]
    pub fn ignored(&self) -> Vec<String> {
        let said = self.iter().filter_map(|(flag, _)| match flag.effect {
            Effect::Ignored(why) => Some(format!("--{} is ignored: {why}", flag.name)),
            Effect::Works(_) => None,
        });
        said.collect()
    }

    /// Those that mirror a field of a `KubeProxyConfiguration`: the field, the value and the flag.
    pub fn fields(&self) -> impl Iterator<Item = (&'static str, &Value, &'static Flag)> {
        self.iter().filter_map(|(flag, value)| match flag.field {
            Mirror::Below(field) | Mirror::Above(field) => Some((field, value, flag)),
            Mirror::None => None,
        })
    }
}

fn rows() -> impl Iterator<Item = &'static Flag> {
    TABLE.iter().filter(|flag| flag.parsed == Parsed::Here)
}

fn argument(flag: &'static Flag) -> Arg {
    let kind = flag.kind;
    let argument = Arg::new(flag.name)
        .long(flag.name)
        .value_name(kind.value_name())
        .action(ArgAction::Append)
        .value_parser(move |text: &str| kind.parse(text))
        .help_heading(HEADING);
    let argument = match flag.effect {
        Effect::Works(what) => argument.help(capitalized(what)),
        Effect::Ignored(_) => argument.hide(true),
    };
    if kind.may_be_alone() {
        argument.num_args(0..=1).require_equals(true).default_missing_value("true")
    } else {
        argument.allow_hyphen_values(true)
    }
}

fn capitalized(text: &str) -> String {
    let plain = text.replace('`', "");
    let mut letters = plain.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).chain(['.']).collect()
    })
}

/// The values of one flag in one: lists and gates add up, of others the last counts.
fn joined(values: Vec<Value>) -> Option<Value> {
    values.into_iter().reduce(|before, value| match (before, value) {
        (Value::Array(mut all), Value::Array(more)) => {
            all.extend(more);
            Value::Array(all)
        }
        (Value::Object(mut all), Value::Object(more)) => {
            all.extend(more);
            Value::Object(all)
        }
        (_, value) => value,
    })
}

impl Args for GivenFlags {
    fn augment_args(command: Command) -> Command {
        rows().fold(command, |command, flag| command.arg(argument(flag)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for GivenFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = rows().filter_map(|flag| {
            let values = matches.get_many::<Value>(flag.name)?;
            Some((flag.name, joined(values.cloned().collect())?))
        });
        Ok(Self(given.collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.0.extend(Self::from_arg_matches(matches)?.0);
        Ok(())
    }
}
