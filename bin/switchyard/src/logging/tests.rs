use std::fs;

use clap::Parser;
use tracing::debug;
use tracing::subscriber::with_default;

use super::*;

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    logging: LoggingArguments,
}

fn parse(words: &str) -> LoggingArguments {
    let words = ["switchyard"].into_iter().chain(words.split_whitespace());
    Line::try_parse_from(words).unwrap().logging
}

#[test]
fn flags_are_taken_as_klog_takes_them() {
    for words in ["--v 4", "--v=4", "-v 4", "-v=4", "-v4"] {
        assert_eq!(parse(words).v, Some(4), "{words}");
    }
    assert_eq!(parse("-v -1").v, Some(-1));
    for (words, value) in
        [("--logtostderr", true), ("--logtostderr=false", false), ("--logtostderr=T", true)]
    {
        assert_eq!(parse(words).logtostderr, Some(value), "{words}");
    }
    for (words, severity) in [
        ("", Severity::Error),
        ("--stderrthreshold=WARNING", Severity::Warning),
        ("--stderrthreshold info", Severity::Info),
        ("--stderrthreshold 3", Severity::Fatal),
    ] {
        assert_eq!(parse(words).stderrthreshold, severity, "{words}");
    }
    for wrong in [
        "-v x",
        "--vmodule x",
        "--stderrthreshold 4",
        "--logtostderr=maybe",
        "--log-dir a --log-file b",
    ] {
        let words = ["switchyard"].into_iter().chain(wrong.split_whitespace());
        assert!(Line::try_parse_from(words).is_err(), "{wrong}");
    }
}

#[test]
fn flags_say_where_the_log_goes() {
    let check = |words: &str, usual: Option<&str>, expected: Option<&str>| {
        let path = path(&parse(words), usual.map(PathBuf::from));
        assert_eq!(path, expected.map(PathBuf::from), "{words}");
    };
    check("", None, None);
    check("--alsologtostderr", None, None);
    check("--log-dir=a", None, Some("a/switchyard.log"));
    check("--log-dir a --logtostderr=false", Some("b"), Some("a/switchyard.log"));
    check("--log-file=a/b.log", Some("b"), Some("a/b.log"));
    check("--log-dir=a --logtostderr", Some("b"), None);
    check("", Some("b"), Some("b/switchyard.log"));
    check("--logtostderr=true", Some("b"), None);
}

#[test]
fn what_has_no_effect_is_said_once() {
    assert_eq!(parse("--skip-log-headers --add-dir-header").ignored(), [""; 0]);
    let said = parse(
        "--one-output --log-flush-frequency=5s --log-backtrace-at a:1 --log-dir=a --logtostderr",
    )
    .ignored();
    assert_eq!(said.len(), 4, "{said:?}");
    for flag in ["--one-output", "--log-flush-frequency", "--log-backtrace-at", "--log-dir"] {
        assert_eq!(said.iter().filter(|text| text.starts_with(flag)).count(), 1, "{flag}");
    }
}

/// What is in the file after a few lines were logged.
fn logged(test: &str, words: &str) -> String {
    let folder =
        std::env::temp_dir().join(format!("switchyard-{}-logging-{test}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    let words = format!("{words} --log-dir {}", folder.display());
    let arguments = parse(&words);
    let (mut log, writer) = Log::open(&arguments, "n1", None).unwrap();
    with_default(registry().with(lines(&arguments, log.clone())), || {
        info!(node = "n1", count = 3_u32, "one");
        debug!(error = "refused", "two");
        log.write_all(b"as it is\n").unwrap();
    });
    drop(writer);
    let text = fs::read_to_string(folder.join(FILE)).unwrap();
    fs::remove_dir_all(&folder).unwrap();
    text
}

#[test]
fn lines_are_for_people() {
    let text = logged("text", "");
    let lines: Vec<_> = text.lines().collect();
    let [heading, one, two, last] = lines[..] else { panic!("{text}") };
    assert!(
        heading.starts_with("switchyard ") && heading.contains("the proxy of node n1"),
        "{heading}"
    );
    assert!(one.ends_with("INFO one node=\"n1\" count=3"), "{one}");
    assert!(two.ends_with("DEBUG two error=\"refused\""), "{two}");
    assert_eq!(last, "as it is");
    let bare = logged("bare", "--skip-headers --skip-log-headers --add-dir-header=true");
    let first = bare.lines().next().unwrap();
    assert!(
        first.contains("logging/tests.rs:") && first.ends_with("one node=\"n1\" count=3"),
        "{first}"
    );
    assert!(!first.contains("INFO"), "{first}");
}

#[test]
fn lines_are_for_programs() {
    let text = logged("json", "--logging-format json --add-dir-header");
    let mut lines = text.lines();
    let mut next = || serde_json::from_str::<serde_json::Value>(lines.next().unwrap()).unwrap();
    let (one, two, last) = (next(), next(), next());
    assert_eq!(
        (&one["msg"], &one["node"], &one["count"]),
        (&"one".into(), &"n1".into(), &3.into())
    );
    assert_eq!((&one["level"], &one["v"]), (&"info".into(), &0.into()));
    assert!(one["ts"].as_f64().is_some_and(|seconds| seconds > 1.7e9), "{one}");
    assert!(one["caller"].as_str().is_some_and(|caller| caller.contains("tests.rs:")), "{one}");
    assert_eq!((&two["err"], &two["v"]), (&"refused".into(), &4.into()));
    assert_eq!((&last["msg"], &last["level"]), (&"as it is".into(), &"info".into()));
}
