use super::*;
use crate::tidy::code;

fn troubles(path: &str, text: &str) -> Vec<String> {
    let path = Path::new(path);
    let mut troubles = super::text(path, text);
    if path.extension().is_some_and(|extension| extension == "rs") {
        troubles.extend(source(&Source { path, text, lines: code::lines(text) }));
    }
    troubles.iter().map(ToString::to_string).collect()
}

/// That the file has exactly one trouble, which begins with `expected`; or none where nothing is expected.
fn check(path: &str, text: &str, expected: &str) {
    let found = troubles(path, text);
    let fits = match found.as_slice() {
        [] => expected.is_empty(),
        [one] => !expected.is_empty() && one.starts_with(expected),
        _ => false,
    };
    assert!(fits, "{path}: {text:?}: expected {expected:?}, found {found:?}");
}

#[test]
fn a_file_is_short_and_says_what_it_is() {
    let lines = |count: usize| format!("//! Text.\n{}", "a();\n".repeat(count - 1));
    check("xtask/src/a.rs", &lines(600), "");
    check("xtask/src/a.rs", &lines(601), "xtask/src/a.rs:601: 601 lines, more than 600");
    check("xtask/src/a.rs", "use a;\n", "xtask/src/a.rs:1: does not begin with `//!`");
    check("crates/a/src/a/tests.rs", "use a;\n", "");
    check("crates/a/src/a/tests/b.rs", "use a;\n", "");
    check("crates/a/tests/b.rs", "use a;\n", "crates/a/tests/b.rs:1: does not begin");
    check("crates/a/tests/b/c.rs", "use a;\n", "");
}

#[test]
fn every_test_runs_and_nothing_is_left_over() {
    let rest = |code: &str| format!("//! Text.\n{code}\n");
    check("a.rs", &rest("#[ignore]"), "a.rs:2: `#[ignore`");
    check("a.rs", &rest("#[ignore = \"later\"]"), "a.rs:2: `#[ignore`");
    check("a.rs", &rest("#[should_panic]"), "a.rs:2: `should_panic`");
    check("a.rs", &rest("todo!()"), "a.rs:2: `todo!`");
    check("a.rs", &rest("x(unimplemented!())"), "a.rs:2: `unimplemented!`");
    check("a.rs", &rest("dbg!(a)"), "a.rs:2: `dbg!`");
    check("a.rs", &rest("// todo!() and #[ignore]"), "");
    check("a.rs", &rest("let a = \"todo!()\";"), "");
    check("a.rs", &rest("my_todo!()"), "");
}

#[test]
fn unsafe_code_is_rare_and_explained() {
    let heap = "xtask/src/bin/measure/heap.rs";
    let rest = |code: &str| format!("//! Text.\n{code}\n");
    check("a.rs", &rest("// SAFETY: none.\nunsafe { a() }"), "a.rs:3: `unsafe`");
    check("a.rs", &rest("#![deny(unsafe_code)]"), "");
    check(heap, &rest("// SAFETY: it is sound\n// for a reason.\nunsafe { a() }"), "");
    check(heap, &rest("unsafe { a() }"), &format!("{heap}:2: unsafe without a reason"));
    check(heap, &rest("unsafe impl A for B {}"), &format!("{heap}:2: unsafe without a reason"));
    check(heap, &rest("// SAFETY: no.\na();\nunsafe { b() }"), &format!("{heap}:4: unsafe"));
    check(heap, &rest("unsafe fn a();"), "");
}

#[test]
fn lines_end_well() {
    check("a.md", "", "");
    check("a.md", "a\n", "");
    check("a.md", "a", "a.md:1: the last line does not end");
    check("a.md", "a \nb\n", "a.md:1: white space");
    check("a.md", "a\nb\t\n", "a.md:2: white space");
    check("a.md", "a\r\n", "a.md:1: white space");
    check("a.md", "a\n\n", "a.md:2: empty lines");
    check("fuzz/corpus/manifests/a", "a \n\n", "");
}

#[test]
fn no_file_names_a_path_of_one_machine() {
    for path in MACHINE_PATHS {
        let wrong = format!("a.md:2: `{path}`");
        check("a.md", &format!("a\n{path}b\n"), &wrong);
        check("a.md", &format!("a\nsee `{path}b`\n"), &wrong);
        check("a.md", &format!("a\nhttps://example.com{path}b\n"), "");
    }
}
