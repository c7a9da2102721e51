//! Links between the pages lead somewhere: to a file or folder of the workspace, and to a heading that is there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use super::Trouble;

/// Everything that is wrong with the links of `pages`, which are all pages by their paths; `files` are all files.
pub(super) fn check(pages: &BTreeMap<PathBuf, String>, files: &BTreeSet<PathBuf>) -> Vec<Trouble> {
    let headings: BTreeMap<&Path, BTreeSet<String>> =
        pages.iter().map(|(path, text)| (path.as_path(), anchors(text))).collect();
    let mut troubles = Vec::new();
    for (path, text) in pages {
        for (line, target) in links(text) {
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let place = if file.is_empty() { path.clone() } else { beside(path, file) };
            let what = if !exists(&place, files) {
                format!("`{target}`: there is no {}", place.display())
            } else if !anchor.is_empty()
                && !headings.get(place.as_path()).is_some_and(|known| known.contains(anchor))
            {
                format!("`{target}`: {} has no such heading", place.display())
            } else {
                continue;
            };
            troubles.push(Trouble::new(path, line, what));
        }
    }
    troubles
}

fn exists(place: &Path, files: &BTreeSet<PathBuf>) -> bool {
    // Paths are ordered by their parts, so the files of a folder come right after its own path.
    place.as_os_str().is_empty()
        || files.range(place.to_owned()..).next().is_some_and(|file| file.starts_with(place))
}

/// What `relative` names, seen from the page at `page`.
fn beside(page: &Path, relative: &str) -> PathBuf {
    let mut place = page.parent().unwrap_or(Path::new("")).to_owned();
    for part in Path::new(relative).components() {
        match part {
            Component::ParentDir => {
                place.pop();
            }
            Component::CurDir => {}
            part => place.push(part),
        }
    }
    place
}

/// The lines outside of blocks of code, with their numbers.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut in_code = false;
    text.lines().enumerate().filter_map(move |(number, line)| {
        let is_fence = line.trim_start().starts_with("```");
        in_code ^= is_fence;
        (!is_fence && !in_code).then_some((number + 1, line))
    })
}

/// The targets of links to other places of the workspace, with the numbers of their lines.
fn links(text: &str) -> impl Iterator<Item = (usize, &str)> {
    prose(text).flat_map(|(number, line)| {
        let targets = line.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
        let inside = targets.map(|(target, _)| target).filter(|target| !target.contains("://"));
        inside.map(move |target| (number, target)).collect::<Vec<_>>()
    })
}

/// What links call the headings, as the usual viewers of Markdown make it of their words.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    for (_, line) in prose(text) {
        let words = line.trim_start_matches('#');
        let is_heading = words.len() < line.len() && words.starts_with(' ');
        if !is_heading {
            continue;
        }
        let lower = words.trim().to_lowercase();
        let kept =
            lower.chars().filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter));
        let anchor: String = kept.map(|letter| if letter == ' ' { '-' } else { letter }).collect();
        let free = (1..).map(|number| format!("{anchor}-{number}"));
        let free = std::iter::once(anchor.clone()).chain(free).find(|name| !anchors.contains(name));
        anchors.extend(free);
    }
    anchors
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The troubles of a page `docs/a.md` that stands beside `docs/b.md` and `examples/c/d.yaml`.
    fn check_page(text: &str, expected: &[&str]) {
        let other = "# First, of `all`\n\n## Again\n\n## Again\n\n```text\n# not this\n```\n";
        let pages: BTreeMap<PathBuf, String> =
            [("docs/a.md", text), ("docs/b.md", other)].map(|(a, b)| (a.into(), b.into())).into();
        let files = ["docs/a.md", "docs/b.md", "examples/c/d.yaml", "README"].map(PathBuf::from);
        let found = check(&pages, &BTreeSet::from(files));
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn links_lead_to_files_folders_and_headings() {
        check_page(
            "# Own\n[a](b.md), [b](../examples), [c](../examples/c/) [d](#own) [e](../README)",
            &[],
        );
        check_page("[a](b.md#first-of-all) [b](b.md#again) [c](b.md#again-1)", &[]);
        check_page("[a](https://example.com/none.md#none)\n```\n[a](none.md)\n```", &[]);
        check_page("x\n[a](none.md)", &["docs/a.md:2: `none.md`: there is no docs/none.md"]);
        check_page("[a](../exam)", &["docs/a.md:1: `../exam`: there is no exam"]);
        check_page("[a](#none)", &["docs/a.md:1: `#none`: docs/a.md has no such heading"]);
        check_page(
            "[a](b.md#again-2) and [b](b.md#not-this)",
            &[
                "docs/a.md:1: `b.md#again-2`: docs/b.md has no such heading",
                "docs/a.md:1: `b.md#not-this`: docs/b.md has no such heading",
            ],
        );
    }
}
