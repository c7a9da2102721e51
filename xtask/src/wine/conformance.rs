//! The programs of `tests/windows`: compiled, run where HNS is, and each of their checks accounted for.
//!
//! They share no code with what they test. A check that is listed and prints no verdict counts as failed: a program that dies
//! cannot hide behind those that went well before.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

use super::prefix::{Prefix, ended, windows_path};
use crate::go::Go;
use crate::program;
use crate::windows::GCC;
use crate::workspace::Workspace;

/// Compiles the programs and runs them under Wine. Gives a sentence for each check that did not go well.
pub(super) fn run(workspace: &Workspace, prefix: &Prefix) -> Result<Vec<String>> {
    let go = Go::find(workspace)?;
    let programs = build(workspace, &go, &prefix.folder("conformance")?)?;
    let mut state = |name: &str| Ok(windows_path(&prefix.folder(&format!("hns-{name}"))?));
    let mut run = |program: &Path, arguments: &[&str], environment: &[(String, String)]| {
        let mut command = prefix.command(program);
        command.args(arguments).envs(environment.iter().map(|(name, value)| (name, value)));
        let output = ended(&mut command)?;
        let said = String::from_utf8_lossy(&output.stderr);
        let printed = String::from_utf8(output.stdout).context("what it prints is not UTF-8")?;
        ensure!(!printed.is_empty(), "{}: {}: {said}", program::words(&command), output.status);
        if !output.status.success() {
            // Processes that a check starts say there what they met.
            eprint!("{said}");
        }
        Ok(printed)
    };
    check(&programs, &mut state, &mut run)
}

/// Runs a program with arguments and environment where HNS is, and gives what it printed, whatever its exit code.
type Runner<'a> = dyn FnMut(&Path, &[&str], &[(String, String)]) -> Result<String> + 'a;

/// One run of one program.
struct Part {
    program: &'static str,
    arguments: &'static [&'static str],
    /// Lists the names of its checks.
    list: &'static [&'static str],
    read: fn(&str) -> Result<Vec<Row>>,
}

const PARTS: [Part; 6] = [
    Part { program: "conformance", arguments: &[], list: &["--list"], read: lines },
    Part {
        program: "conformance",
        arguments: &["--processes"],
        list: &["--processes", "--list"],
        read: lines,
    },
    Part { program: "hcsshim", arguments: &[], list: &["-list"], read: lines },
    Part {
        program: "hcsshim",
        arguments: &["-processes"],
        list: &["-processes", "-list"],
        read: lines,
    },
    Part {
        program: "hcsshim-own",
        arguments: &["-test.v"],
        list: &["-test.list", "."],
        read: verdicts,
    },
    Part {
        program: "hnslib-own",
        arguments: &["-test.v"],
        list: &["-test.list", "."],
        read: verdicts,
    },
];

/// Tests of hcsshim's own that make routes. These functions are not in the published header, and answer `E_NOTIMPL`.
const OF_ROUTES: [&str; 5] = [
    "TestAddRoute",
    "TestCreateDeleteRoute",
    "TestGetRouteById",
    "TestListRoutes",
    "TestRouteAddRemoveEndpoint",
];

/// How hcsshim prints that a function is not implemented.
const NOT_IMPLEMENTED: &str = "(0x80004001)";

/// How one check went.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    id: String,
    /// Why it failed.
    failure: Option<String>,
}

/// Where the programs are that [`build`] has made.
struct Programs {
    folder: PathBuf,
}

impl Programs {
    fn file(&self, program: &str) -> PathBuf {
        self.folder.join(format!("{program}.exe"))
    }
}

/// Compiles them all into `folder`.
fn build(workspace: &Workspace, go: &Go, folder: &Path) -> Result<Programs> {
    fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    let programs = Programs { folder: folder.to_owned() };
    let sources = workspace.root.join("tests/windows");
    compile(&sources.join("conformance"), &programs.file("conformance"))?;
    let module = sources.join("hcsshim");
    program::run(go.for_windows(&module, &["build", "-o"]).arg(programs.file("hcsshim")).arg("."))?;
    for (program, package) in [
        ("hcsshim-own", "github.com/Microsoft/hcsshim/hcn"),
        ("hnslib-own", "github.com/Microsoft/hnslib/hcn"),
    ] {
        let mut test = go.for_windows(&module, &["test", "-c", "-tags", "integration", "-o"]);
        program::run(test.arg(programs.file(program)).arg(package))?;
    }
    Ok(programs)
}

/// Compiles the C files of a folder into one program.
fn compile(folder: &Path, program: &Path) -> Result<()> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))? {
        files.push(entry.with_context(|| format!("list {}", folder.display()))?.path());
    }
    files.retain(|file| file.extension().is_some_and(|extension| extension == "c"));
    files.sort();
    ensure!(!files.is_empty(), "{} has no C files", folder.display());
    let mut gcc = Command::new(GCC);
    gcc.args(["-std=c11", "-O1", "-Wall", "-Wextra", "-Werror", "-D__USE_MINGW_ANSI_STDIO=1"]);
    gcc.args(files).arg("-o").arg(program);
    program::run(gcc.args(["-static", "-lcomputenetwork", "-lole32"]))
}

/// Runs them all, each on an HNS of its own whose state is in a folder that `state` gives, as Windows names it. Gives a
/// sentence for each check that did not go well.
fn check(
    programs: &Programs,
    state: &mut dyn FnMut(&str) -> Result<String>,
    run: &mut Runner<'_>,
) -> Result<Vec<String>> {
    let mut troubles = Vec::new();
    for (number, part) in PARTS.iter().enumerate() {
        let program = programs.file(part.program);
        let folder = state(&format!("{}-{number}", part.program))?;
        let environment = [("SWITCHYARD_HNS_DIR".to_owned(), folder)];
        let what = [&[part.program], part.arguments].concat().join(" ");
        let listed = run(&program, part.list, &environment)?;
        let listed: Vec<&str> = listed.lines().map(str::trim).collect();
        ensure!(!listed.is_empty(), "{what} lists no check");
        let printed = run(&program, part.arguments, &environment)?;
        let rows = (part.read)(&printed).with_context(|| what.clone())?;
        let found = account(&listed, rows);
        println!("{what}: {} checks, {} failed", listed.len(), found.len());
        troubles.extend(found.into_iter().map(|trouble| format!("{what}: {trouble}")));
    }
    Ok(troubles)
}

/// What did not go well: checks that failed, those that have not exactly one verdict, and verdicts of none.
fn account(listed: &[&str], rows: Vec<Row>) -> Vec<String> {
    let mut verdicts: BTreeMap<&str, Vec<Option<String>>> =
        listed.iter().map(|id| (*id, Vec::new())).collect();
    let mut troubles = Vec::new();
    for row in rows {
        match verdicts.get_mut(row.id.as_str()) {
            Some(of_check) => of_check.push(row.failure),
            None => troubles.push(format!("{} is no check that it lists", row.id)),
        }
    }
    for (id, of_check) in verdicts {
        match of_check.as_slice() {
            [None] => {}
            [Some(failure)] => troubles.push(format!("{id}: {failure}")),
            more => troubles.push(format!("{id} has {} verdicts", more.len())),
        }
    }
    troubles
}

/// A line as our own programs print it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    id: String,
    status: String,
    detail: String,
}

/// The rows of a program that prints a line of JSON for each check. Windows ends lines in its own way.
fn lines(printed: &str) -> Result<Vec<Row>> {
    let line = |text: &str| -> Result<Row> {
        let line: Line = serde_json::from_str(text).with_context(|| format!("read {text:?}"))?;
        match line.status.as_str() {
            "pass" => Ok(Row { id: line.id, failure: None }),
            "fail" => Ok(Row { id: line.id, failure: Some(line.detail) }),
            other => bail!("{} has the status {other:?}", line.id),
        }
    };
    printed.lines().filter(|text| !text.trim().is_empty()).map(line).collect()
}

/// The rows of a program of Go's tests.
#[expect(clippy::unnecessary_wraps, reason = "the other reader may fail")]
fn verdicts(printed: &str) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    let mut said = Vec::new();
    for line in printed.lines().map(str::trim_end) {
        if line.starts_with("=== RUN") {
            said.clear();
            continue;
        }
        let Some((verdict, id)) = line.strip_prefix("--- ").and_then(|rest| rest.split_once(": "))
        else {
            said.push(line.trim());
            continue;
        };
        let id = id.split_once(" (").map_or(id, |(id, _)| id).to_owned();
        let why = said.join(" ");
        let failure = match (verdict, OF_ROUTES.contains(&id.as_str())) {
            ("PASS", false) => None,
            ("FAIL", true) if why.contains(NOT_IMPLEMENTED) => None,
            (verdict, true) => Some(format!("{verdict}, and must be E_NOTIMPL: {why}")),
            (verdict, false) => Some(format!("{verdict}: {why}")),
        };
        rows.push(Row { id, failure });
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: &str, failure: Option<&str>) -> Row {
        Row { id: id.to_owned(), failure: failure.map(str::to_owned) }
    }

    #[test]
    fn lines_of_json_are_read() {
        let printed = "{\"id\":\"E1\",\"status\":\"pass\",\"detail\":\"a sentence\"}\r\n\
            {\"id\":\"E2\",\"status\":\"fail\",\"detail\":\"a reason\"}\r\n";
        assert_eq!(lines(printed).unwrap(), [row("E1", None), row("E2", Some("a reason"))]);
        for wrong in
            ["text", "{\"id\":\"E1\"}", "{\"id\":\"E1\",\"status\":\"skip\",\"detail\":\"\"}"]
        {
            assert!(lines(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn verdicts_of_tests_are_read() {
        let printed = "=== RUN   TestOne\r\nsome text\r\n--- PASS: TestOne (0.01s)\r\n\
            === RUN   TestTwo\r\n    file.go:7: it failed\r\n--- FAIL: TestTwo (0.00s)\r\n\
            === RUN   TestThree\r\n--- SKIP: TestThree (0.00s)\r\n\
            === RUN   TestAddRoute\r\n    file.go:8: not there (0x80004001)\r\n--- FAIL: TestAddRoute (0.00s)\r\n\
            === RUN   TestListRoutes\r\n    file.go:9: gone (0x490)\r\n--- FAIL: TestListRoutes (0.00s)\r\n\
            FAIL\r\n";
        let rows = verdicts(printed).unwrap();
        assert_eq!(rows[0], row("TestOne", None));
        assert_eq!(rows[1], row("TestTwo", Some("FAIL: file.go:7: it failed")));
        assert_eq!(rows[2], row("TestThree", Some("SKIP: ")));
        assert_eq!(rows[3], row("TestAddRoute", None));
        assert!(rows[4].failure.is_some());
        assert_eq!(rows.len(), 5);
    }

    #[test]
    fn each_check_has_one_verdict() {
        let check = |rows: Vec<Row>, expected: &[&str]| {
            assert_eq!(account(&["E1", "E2"], rows), expected);
        };
        check(vec![row("E1", None), row("E2", None)], &[]);
        check(vec![row("E1", Some("a reason")), row("E2", None)], &["E1: a reason"]);
        check(vec![row("E1", None)], &["E2 has 0 verdicts"]);
        let rows = vec![row("E1", None), row("E2", None), row("E2", Some("a reason"))];
        check(rows, &["E2 has 2 verdicts"]);
        let rows = vec![row("E1", None), row("E2", None), row("E3", None)];
        check(rows, &["E3 is no check that it lists"]);
    }

    #[test]
    fn every_part_is_run_and_accounted_for() {
        let programs = Programs { folder: "folder".into() };
        let mut runs = Vec::new();
        let mut run = |program: &Path, arguments: &[&str], environment: &[(String, String)]| {
            let name = program.file_name().unwrap().to_string_lossy().into_owned();
            runs.push(format!("{name} {} {}", arguments.join(" "), environment[0].1));
            let lists = arguments.iter().any(|word| word.ends_with("list"));
            Ok(match (name.contains("own"), lists) {
                (_, true) => "One\r\n",
                (true, false) => "--- PASS: One (0.00s)\r\n",
                (false, false) => "{\"id\":\"One\",\"status\":\"fail\",\"detail\":\"why\"}\r\n",
            }
            .to_owned())
        };
        let mut state = |name: &str| Ok(format!("Z:\\{name}"));
        let troubles = check(&programs, &mut state, &mut run).unwrap();
        assert_eq!(
            troubles,
            [
                "conformance: One: why",
                "conformance --processes: One: why",
                "hcsshim: One: why",
                "hcsshim -processes: One: why",
            ]
        );
        assert_eq!(runs.len(), 2 * PARTS.len());
        assert_eq!(runs[2], "conformance.exe --processes --list Z:\\conformance-1");
    }
}
