//! Rust source taken apart: for each line its code, with texts emptied, and its comments.

/// One line of a source file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Line {
    /// The code; what stands between quotes is left out.
    pub(super) code: String,
    /// The comments, with their marks.
    pub(super) comment: String,
}

/// Where in the source one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Code,
    LineComment,
    BlockComment { depth: usize },
    Text,
    RawText { hashes: usize },
}

/// Takes `source` apart.
pub(super) fn lines(source: &str) -> Vec<Line> {
    let mut state = State::Code;
    let mut lines = Vec::new();
    for text in source.lines() {
        let mut line = Line::default();
        let mut rest = text;
        while !rest.is_empty() {
            let taken;
            (state, taken) = step(state, rest, &mut line);
            rest = &rest[taken..];
        }
        if state == State::LineComment {
            state = State::Code;
        }
        lines.push(line);
    }
    lines
}

/// Takes something off the front of `rest`: returns where that leads and how much it was.
fn step(state: State, rest: &str, line: &mut Line) -> (State, usize) {
    let first = rest.chars().next().map_or(1, char::len_utf8);
    match state {
        State::Code => code(rest, first, line),
        State::LineComment => {
            line.comment.push_str(rest);
            (state, rest.len())
        }
        State::BlockComment { depth } => {
            let (depth, taken) = if rest.starts_with("*/") {
                (depth - 1, 2)
            } else if rest.starts_with("/*") {
                (depth + 1, 2)
            } else {
                (depth, first)
            };
            line.comment.push_str(&rest[..taken]);
            (if depth == 0 { State::Code } else { State::BlockComment { depth } }, taken)
        }
        State::Text if rest.starts_with('\\') => {
            (state, first + rest[1..].chars().next().map_or(0, char::len_utf8))
        }
        State::Text if rest.starts_with('"') => {
            line.code.push('"');
            (State::Code, 1)
        }
        State::RawText { hashes } if ends_raw(rest, hashes) => {
            line.code.push('"');
            (State::Code, 1 + hashes)
        }
        State::Text | State::RawText { .. } => (state, first),
    }
}

fn code(rest: &str, first: usize, line: &mut Line) -> (State, usize) {
    if rest.starts_with("//") {
        return (State::LineComment, 0);
    }
    if rest.starts_with("/*") {
        line.comment.push_str("/*");
        return (State::BlockComment { depth: 1 }, 2);
    }
    if rest.starts_with('"') {
        line.code.push('"');
        return (State::Text, 1);
    }
    let in_word = line.code.ends_with(|last: char| last.is_alphanumeric() || last == '_');
    if let Some((taken, hashes)) = raw_start(rest).filter(|_| !in_word) {
        line.code.push('"');
        return (State::RawText { hashes }, taken);
    }
    if let Some(taken) = character(rest) {
        line.code.push_str("' '");
        return (State::Code, taken);
    }
    line.code.push_str(&rest[..first]);
    (State::Code, first)
}

/// `r"`, `r#"`, `br"` and so on: how long that is, and how many marks end it.
fn raw_start(rest: &str) -> Option<(usize, usize)> {
    let letters = ["r", "br", "cr"].into_iter().find(|letters| {
        rest.strip_prefix(letters).is_some_and(|rest| rest.starts_with(['#', '"']))
    })?;
    let after = &rest[letters.len()..];
    let hashes = after.len() - after.trim_start_matches('#').len();
    after[hashes..].starts_with('"').then_some((letters.len() + hashes + 1, hashes))
}

fn ends_raw(rest: &str, hashes: usize) -> bool {
    rest.strip_prefix('"')
        .is_some_and(|rest| rest.bytes().take_while(|byte| *byte == b'#').count() >= hashes)
}

/// A character between quotes, and no lifetime: how long that is.
fn character(rest: &str) -> Option<usize> {
    let inner = rest.strip_prefix('\'')?;
    if let Some(escaped) = inner.strip_prefix('\\') {
        let skipped = escaped.chars().next()?.len_utf8();
        return Some(escaped[skipped..].find('\'')? + skipped + 3);
    }
    let length = inner.chars().next()?.len_utf8();
    inner[length..].starts_with('\'').then_some(length + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_told_from_texts_and_comments() {
        let check = |source: &str, code: &str, comment: &str| {
            let lines = lines(source);
            let joined =
                |part: fn(&Line) -> &str| lines.iter().map(part).collect::<Vec<_>>().join("\n");
            assert_eq!(joined(|line| &line.code), code, "{source}");
            assert_eq!(joined(|line| &line.comment), comment, "{source}");
        };
        check("a // b", "a ", "// b");
        check("a /* b\n/* c */ */ d", "a \n d", "/* b\n/* c */ */");
        check("\"a // b\\\" c\" d", "\"\" d", "");
        check("\"a\nb\" c", "\"\n\" c", "\n");
        check("r#\"a\" // b\"# c", "\"\" c", "");
        check("br\"\\\" c", "\"\" c", "");
        check("for\"x\"", "for\"\"", "");
        check("'\"' '\\'' '\\u{41}' 'é' &'a str", "' ' ' ' ' ' ' ' &'a str", "");
        check("r#type", "r#type", "");
    }
}
