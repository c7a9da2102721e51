//! `cargo xtask tidy`: the house rules that no compiler knows.
//!
//! * `code`: Rust source taken apart.
//! * `rules`: the rules for one file.
//! * `graph`: who may depend on whom.
//! * `links`: where the pages lead.

mod code;
mod graph;
mod links;
mod rules;

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;

use crate::workspace::Workspace;
use rules::Source;

/// Checks the house rules.
#[derive(Args)]
pub(crate) struct Tidy {}

/// One place where a rule is not kept: where, which, and what to do.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Trouble {
    path: PathBuf,
    line: usize,
    what: String,
}

impl Trouble {
    fn new(path: &Path, line: usize, what: String) -> Self {
        Self { path: path.to_owned(), line, what }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path.display(), self.line, self.what)
    }
}

impl Tidy {
    #[expect(clippy::unused_self, reason = "as every task")]
    pub(crate) fn run(self) -> Result<bool> {
        let workspace = Workspace::find()?;
        let files = workspace.files()?;
        let mut troubles = graph::check(&workspace);
        let mut pages = BTreeMap::new();
        for path in &files {
            let bytes = fs::read(workspace.root.join(path))
                .with_context(|| format!("read {}", path.display()))?;
            // What is no text (some of the corpus) has no lines.
            let Ok(text) = String::from_utf8(bytes) else { continue };
            troubles.extend(rules::text(path, &text));
            if path.extension().is_some_and(|extension| extension == "rs") {
                let source = Source { path, text: &text, lines: code::lines(&text) };
                troubles.extend(rules::source(&source));
            }
            if path.extension().is_some_and(|extension| extension == "md") {
                pages.insert(path.clone(), text);
            }
        }
        troubles.extend(links::check(&pages, &files.iter().cloned().collect()));
        troubles.sort();
        for trouble in &troubles {
            println!("{trouble}");
        }
        eprintln!("tidy: {} files, {} troubles", files.len(), troubles.len());
        Ok(troubles.is_empty())
    }
}
