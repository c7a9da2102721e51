//! The rules for one file, each with what to do about it.

use std::path::Path;

use super::Trouble;
use super::code::Line;

/// No Rust file may be longer.
const MOST_LINES: usize = 600;

/// The files and folders that may be unsafe. The first two ship, for they call Windows; the others do not.
const MAY_BE_UNSAFE: &[&str] = &[
    "crates/hcn-sys",
    "crates/windows-host",
    "dll/computenetwork",
    "xtask/src/bin/measure/heap.rs",
    "fuzz/targets",
];

/// Files whose bytes matter, however odd they are.
const RAW_FOLDERS: &[&str] = &["fuzz/corpus"];

/// Paths that exist on one machine only. Put together so that this file does not have them.
const MACHINE_PATHS: &[&str] = &[
    concat!("/wo", "rk/"),
    concat!("/ho", "me/"),
    concat!("/ro", "ot/"),
    concat!("/tm", "p/"),
    concat!("/Use", "rs/"),
    concat!("C:\\Use", "rs\\"),
];

/// A Rust file.
pub(super) struct Source<'a> {
    pub(super) path: &'a Path,
    pub(super) text: &'a str,
    pub(super) lines: Vec<Line>,
}

/// Everything that is wrong with a Rust file.
pub(super) fn source(source: &Source<'_>) -> Vec<Trouble> {
    let rules = [
        length,
        opening,
        no_ignored_tests,
        no_expected_panics,
        no_leftovers,
        safe_where_it_ships,
        safety_comments,
    ];
    rules.iter().flat_map(|rule| rule(source)).collect()
}

/// Everything that is wrong with any text file.
pub(super) fn text(path: &Path, text: &str) -> Vec<Trouble> {
    let mut troubles = machine_paths(path, text);
    if !RAW_FOLDERS.iter().any(|folder| path.starts_with(folder)) {
        troubles.extend(line_ends(path, text));
    }
    troubles
}

fn length(source: &Source<'_>) -> Vec<Trouble> {
    let count = source.lines.len();
    if count <= MOST_LINES {
        return Vec::new();
    }
    let what = format!("{count} lines, more than {MOST_LINES}: split the file, one idea each");
    vec![Trouble::new(source.path, MOST_LINES + 1, what)]
}

/// Files of tests belong to the file that they test, which says what it is.
fn opening(source: &Source<'_>) -> Vec<Trouble> {
    let parts = || source.path.components().map(|part| part.as_os_str());
    let of_tests = source.path.file_name().is_some_and(|name| name == "tests.rs")
        || parts().any(|part| part == "tests");
    let is_root = parts().any(|part| part == "tests") && source.path.components().count() == 4;
    if source.text.starts_with("//!") || (of_tests && !is_root) {
        return Vec::new();
    }
    let what = "does not begin with `//!`: say in a sentence what the file is".to_owned();
    vec![Trouble::new(source.path, 1, what)]
}

fn no_ignored_tests(source: &Source<'_>) -> Vec<Trouble> {
    find(source, &["#[ignore"], "a test that does not run: make it run, or delete it")
}

fn no_expected_panics(source: &Source<'_>) -> Vec<Trouble> {
    find(source, &["should_panic"], "a test that panics on purpose: return an error and check it")
}

fn no_leftovers(source: &Source<'_>) -> Vec<Trouble> {
    let words = ["todo!", "unimplemented!", "dbg!"];
    find(source, &words, "a leftover: finish it, or return an error that says what is missing")
}

fn safe_where_it_ships(source: &Source<'_>) -> Vec<Trouble> {
    if MAY_BE_UNSAFE.iter().any(|path| source.path.starts_with(path)) {
        return Vec::new();
    }
    let what = "unsafe code outside the places that may have it: see MAY_BE_UNSAFE in xtask";
    find(source, &["unsafe"], what)
}

/// Each `unsafe` block and implementation says why it is sound, in the comment right before it.
fn safety_comments(source: &Source<'_>) -> Vec<Trouble> {
    let begins = |line: &Line| {
        has_word(&line.code, "unsafe")
            && (line.code.contains("unsafe {") || line.code.contains("unsafe impl"))
    };
    let explained = |index: usize| {
        let before = source.lines[..index].iter().rev();
        let mut comment = before.take_while(|line| line.code.trim().is_empty());
        comment.any(|line| line.comment.contains("// SAFETY:"))
    };
    let wrong = source.lines.iter().enumerate();
    wrong
        .filter(|(index, line)| begins(line) && !explained(*index))
        .map(|(index, _)| {
            let what = "unsafe without a reason: put `// SAFETY:` and why right before it";
            Trouble::new(source.path, index + 1, what.to_owned())
        })
        .collect()
}

fn find(source: &Source<'_>, words: &[&str], what: &str) -> Vec<Trouble> {
    let lines = source.lines.iter().enumerate();
    lines
        .flat_map(|(index, line)| {
            let found = words.iter().find(|word| has_word(&line.code, word));
            found.map(|word| Trouble::new(source.path, index + 1, format!("`{word}`: {what}")))
        })
        .collect()
}

/// Whether `code` has `word`, not as a part of a longer one.
fn has_word(code: &str, word: &str) -> bool {
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
    code.match_indices(word).any(|(start, found)| {
        let end = &code[start + found.len()..];
        let closed = !found.ends_with(is_part) || !end.starts_with(is_part);
        let opened = !found.starts_with(is_part) || !code[..start].ends_with(is_part);
        opened && closed
    })
}

fn line_ends(path: &Path, text: &str) -> Vec<Trouble> {
    let mut troubles = Vec::new();
    let spaced = |line: &str| line.ends_with([' ', '\t', '\r']);
    if let Some(first) = text.split('\n').position(spaced) {
        let more = text.split('\n').skip(first + 1).filter(|line| spaced(line)).count();
        let what = format!("white space at the end of the line, and of {more} more: remove it");
        troubles.push(Trouble::new(path, first + 1, what));
    }
    let count = text.split('\n').count();
    if !text.is_empty() && !text.ends_with('\n') {
        let what = "the last line does not end: add a newline".to_owned();
        troubles.push(Trouble::new(path, count, what));
    } else if text.ends_with("\n\n") {
        let what = "empty lines at the end: remove them".to_owned();
        troubles.push(Trouble::new(path, count - 1, what));
    }
    troubles
}

fn machine_paths(path: &Path, text: &str) -> Vec<Trouble> {
    let lines = text.lines().enumerate();
    lines
        .flat_map(|(index, line)| {
            let found = MACHINE_PATHS.iter().find(|path| begins_path(line, path));
            found.map(|word| {
                let what = format!("`{word}`: a path of one machine: name it relative to the top");
                Trouble::new(path, index + 1, what)
            })
        })
        .collect()
}

/// Whether `line` has `path` at the beginning of a path: not in the middle of one, as in an address on the web.
fn begins_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(start, _)| {
        let before = line[..start].chars().next_back();
        before.is_none_or(|letter| !letter.is_alphanumeric() && !".-_/}~".contains(letter))
    })
}

#[cfg(test)]
mod tests;
