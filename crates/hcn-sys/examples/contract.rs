//! Puts the contract of HNS to the HNS of this machine, which must be an emulated one: it is thrown away and made anew for
//! each rule. Prints a row of JSON for each, and ends with 1 when one is broken.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the rows are what it is for")]

use std::process::ExitCode;

use switchyard_hcn_contract::{Verdict, run};

fn main() -> ExitCode {
    let hns = match switchyard_hcn_sys::open() {
        Ok(hns) => hns,
        Err(absent) => {
            eprintln!("contract: {absent}");
            return ExitCode::FAILURE;
        }
    };
    let rows = run(&*hns);
    for row in &rows {
        match serde_json::to_string(row) {
            Ok(row) => println!("{row}"),
            Err(error) => eprintln!("contract: {}: {error}", row.id),
        }
    }
    let is_kept = rows.iter().all(|row| row.verdict == Verdict::Pass);
    if is_kept { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
