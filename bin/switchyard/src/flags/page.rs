//! The page about the flags.

use std::fmt::Write as _;

use super::{Effect, Flag, Mirror, Origin, TABLE};

const HEAD: &str = "\
# kube-proxy's flags

`switchyard proxy` takes every flag of kube-proxy 1.34 and 1.35, on Windows and elsewhere, and those that kube-proxy no longer has but that
still stand in scripts. Of each that does nothing here, and is given, one line in the log says so. Our own flags are told in
[the command line](command-line.md#proxy).

Flags are written as the libraries of Go take them: with one dash or two, with `_` for `-`, several times (the last counts; feature gates
and lists add up), and with the value after `=` or as the next word. Truth values stand after `=`; alone, a flag is true.

**With `--config`.** Where the file has a `KubeProxyConfiguration`, a flag that says the same as one of its fields counts for nothing, and a
line in the log says so: kube-proxy reads the file in place of these flags. The flags marked *flag first* go before the file, as in kube-proxy. A file
that has a `SwitchyardConfiguration` alone leaves all flags as they are.

**Feature gates** are checked as kube-proxy checks them. One that it does not know is refused. `WinDSR` and `WinOverlay` are locked
since 1.34: `true` is said to be on anyway, `false` is refused.

This page is made by `cargo xtask flags` from `bin/switchyard/src/flags/table.rs`.

";

/// `docs/flags.md` as it should be.
#[must_use]
pub fn page() -> String {
    let mut text = HEAD.to_owned();
    section(&mut text, "kube-proxy's own", |flag| flag.origin == Origin::KubeProxy);
    section(&mut text, "For the log", |flag| flag.origin == Origin::Logging);
    section(&mut text, "No longer kube-proxy's, or of others", |flag| {
        matches!(flag.origin, Origin::Until(_) | Origin::Kpng)
    });
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

fn section(text: &mut String, title: &str, belongs: impl Fn(&Flag) -> bool) {
    // Writing to a text cannot fail.
    let _ = write!(
        text,
        "## {title}\n\n| flag | kube-proxy's default | field | effect |\n| --- | --- | --- | --- |\n"
    );
    for flag in TABLE.iter().filter(|flag| belongs(flag)) {
        let value = if flag.kind.may_be_alone() {
            format!("[={}]", flag.kind.value_name())
        } else {
            format!(" {}", flag.kind.value_name())
        };
        let default =
            if flag.default.is_empty() { String::new() } else { format!("`{}`", flag.default) };
        let _ = writeln!(
            text,
            "| `--{}{value}` | {default} | {} | {} |",
            flag.name,
            field(flag),
            effect(flag)
        );
    }
    text.push('\n');
}

fn field(flag: &Flag) -> String {
    match flag.field {
        Mirror::None => String::new(),
        Mirror::Below(field) => format!("`{field}`"),
        Mirror::Above(field) => format!("`{field}`; flag first"),
    }
}

fn effect(flag: &Flag) -> String {
    let whose = match flag.origin {
        Origin::KubeProxy | Origin::Logging => String::new(),
        Origin::Until(release) => format!("; kube-proxy has it no more since {release}"),
        Origin::Kpng => "; KPNG's".to_owned(),
    };
    match flag.effect {
        Effect::Works(what) => format!("{what}{whose}"),
        Effect::Ignored(why) => format!("ignored: {why}{whose}"),
    }
}
