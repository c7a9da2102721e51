//! How much is logged: klog's numbers as levels, for all modules and for single ones.

use std::str::FromStr;

use tracing::level_filters::LevelFilter;

/// What the paths of our modules begin with.
const OURS: &str = "switchyard";
/// From which number on libraries are heard, too.
const DEBUGGING: i32 = 4;

/// Levels of single modules, from `--vmodule`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Modules(Vec<(String, i32)>);

impl FromStr for Modules {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split(',').filter(|part| !part.is_empty());
        let modules = parts.map(|part| {
            let parsed = part.split_once('=').and_then(|(pattern, level)| {
                let level = level.trim().parse().ok()?;
                (!pattern.is_empty()).then(|| (pattern.trim().to_owned(), level))
            });
            parsed
                .ok_or_else(|| format!("{part:?}: give MODULE=LEVEL, with commas between several"))
        });
        modules.collect::<Result<_, _>>().map(Self)
    }
}

impl Modules {
    /// Adds what counts after what is said already.
    pub(super) fn extend(&mut self, more: Self) {
        self.0.extend(more.0);
    }

    /// The most that is logged of any module.
    pub(super) fn most(&self, general: i32) -> LevelFilter {
        let levels = self.0.iter().map(|(_, level)| *level);
        level(levels.fold(general, i32::max))
    }

    /// How much is logged of the module whose path is `path`. What is said of it first goes before what is said of all. What
    /// libraries say is for debugging: their failures come back to us, and are told once and in our words.
    pub(super) fn level(&self, path: &str, general: i32) -> LevelFilter {
        let name = path.rsplit("::").next().unwrap_or(path);
        let own = self.0.iter().find(|(pattern, _)| matches(pattern.as_bytes(), name.as_bytes()));
        match own {
            Some((_, number)) => level(*number),
            None if path.starts_with(OURS) || general >= DEBUGGING => level(general),
            None => LevelFilter::OFF,
        }
    }
}

/// The level of one of klog's numbers. In Kubernetes 2 is what is usual in production, and 4 is for debugging.
fn level(number: i32) -> LevelFilter {
    match number {
        ..=3 => LevelFilter::INFO,
        4..=5 => LevelFilter::DEBUG,
        6.. => LevelFilter::TRACE,
    }
}

/// Whether `name` is as `pattern`, in which `*` stands for any letters and `?` for any one.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern.split_first(), name.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) => (0..=name.len()).any(|skipped| matches(rest, &name[skipped..])),
        (Some((b'?', pattern)), Some((_, name))) => matches(pattern, name),
        (Some((one, pattern)), Some((other, name))) => one == other && matches(pattern, name),
        (None, Some(_)) | (Some(_), None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_levels() {
        let none = Modules::default();
        for (number, level) in [
            (-1, LevelFilter::INFO),
            (0, LevelFilter::INFO),
            (3, LevelFilter::INFO),
            (4, LevelFilter::DEBUG),
            (6, LevelFilter::TRACE),
            (i32::MAX, LevelFilter::TRACE),
        ] {
            assert_eq!(none.level("switchyard_agent::journal", number), level);
            assert_eq!(none.most(number), level);
        }
    }

    #[test]
    fn libraries_are_heard_where_one_debugs_or_asks_for_them() {
        let path = "kube_client::client::builder";
        let none = Modules::default();
        assert_eq!(none.level(path, 3), LevelFilter::OFF);
        assert_eq!(none.level(path, 4), LevelFilter::DEBUG);
        assert_eq!("builder=0".parse::<Modules>().unwrap().level(path, 0), LevelFilter::INFO);
    }

    #[test]
    fn modules_have_levels_of_their_own() {
        let modules: Modules = "journal=0,ex*=6,threa?s=4".parse().unwrap();
        assert_eq!(modules.most(0), LevelFilter::TRACE);
        for (path, level) in [
            ("switchyard_agent::journal", LevelFilter::INFO),
            ("switchyard_agent::executor", LevelFilter::TRACE),
            ("ex", LevelFilter::TRACE),
            ("switchyard_agent::threads", LevelFilter::DEBUG),
            ("switchyard_agent::threads::inner", LevelFilter::DEBUG),
            ("a::thread", LevelFilter::DEBUG),
        ] {
            assert_eq!(modules.level(path, 5), level, "{path}");
        }
        assert_eq!("".parse(), Ok(Modules::default()));
        for wrong in ["journal", "journal=", "=4", "journal=x", "journal=1;other=2"] {
            assert!(wrong.parse::<Modules>().is_err(), "{wrong}");
        }
    }
}
