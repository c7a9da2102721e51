//! Answers onto standard output.

use std::io::Write;

use anyhow::Context;
use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, LineStyle, Table};
use serde::Serialize;

use crate::arguments::Output;
use crate::failure::Failure;

/// Prints `answer` for programs; `false` when a table is wanted, which the caller has to print.
pub(crate) fn structured(
    answer: &impl Serialize,
    output: Output,
    out: &mut dyn Write,
) -> Result<bool, Failure> {
    match output {
        Output::Table => return Ok(false),
        Output::Json => {
            let json = serde_json::to_string_pretty(answer).context("write JSON")?;
            writeln!(out, "{json}")?;
        }
        Output::Yaml => {
            let yaml = serde_saphyr::to_string(answer).context("write YAML")?;
            write!(out, "{yaml}")?;
        }
    }
    Ok(true)
}

/// A table with these headings, as wide as its content.
pub(crate) fn table<const N: usize>(headings: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING.header_separator(LineStyle::new('─', '─', '─', '─')));
    table.set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(headings);
    table
}

/// `1 file`, `2 files`.
pub(crate) fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}
