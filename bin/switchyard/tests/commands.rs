//! Transcripts of the command line, run as they stand, from the root of the project.
//! `TRYCMD=overwrite cargo test -p switchyard` writes them anew.

#[test]
fn transcripts_are_true() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    std::env::set_current_dir(root).expect("the project has a root");
    trycmd::TestCases::new()
        .case("bin/switchyard/tests/cmd/*.trycmd")
        .case("README.md")
        .case("docs/*.md")
        .case("examples/hns/*.md");
}
