//! Transcripts of the command line, run as they stand, from the root of the project.
//! `TRYCMD=overwrite cargo test -p switchyard` writes them anew.

use clap::Parser;
use serde_json::Value;
use switchyard::arguments::Arguments;
use switchyard::command::run;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

#[test]
fn transcripts_are_true() {
    std::env::set_current_dir(ROOT).expect("the project has a root");
    trycmd::TestCases::new()
        .case("bin/switchyard/tests/cmd/*.trycmd")
        .case("README.md")
        .case("docs/*.md")
        .case("examples/hns/*.md");
}

/// The page about Windows has a row for each field of kube-proxy's record, in the order in which `explain` prints them.
#[test]
fn every_field_of_the_service_record_is_told() {
    let shop = format!("{ROOT}/examples/shop");
    let words = ["switchyard", "explain", "-o", "json", "--node", "win-a", "shop/web"];
    let arguments = Arguments::parse_from(words.into_iter().chain(["--manifests", &shop]));
    let mut answer = Vec::new();
    run(arguments.command, &mut answer, &mut Vec::new()).unwrap_or_else(|fault| panic!("{fault}"));
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    let fields = answer["servicePorts"][0]["fields"].as_array().unwrap();
    let fields: Vec<_> = fields.iter().map(|field| field["field"].as_str().unwrap()).collect();
    let page = std::fs::read_to_string(format!("{ROOT}/docs/windows.md")).unwrap();
    let table = page.split("\n| field | what it is for |").nth(1).unwrap();
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let told: Vec<_> = rows.map(|row| row.split('`').nth(1).unwrap()).collect();
    assert_eq!(told, fields);
}
