//! A file into documents: split first, so that a broken one harms no other.

use serde::Deserialize;
use serde_saphyr::UserMessageFormatter;
use serde_saphyr::options::{DuplicateKeyPolicy, NonFiniteFloatPolicy};

use crate::field::Field;
use crate::raw::Document;

/// The largest document that is read. A cluster of 10,000 Services with 10 endpoints each is a dump of some 150 MB.
const LARGEST_DOCUMENT: usize = 1 << 30;

/// One document of a file, not yet read.
#[derive(Debug)]
pub(crate) struct RawDocument<'a> {
    file: &'a str,
    /// The line the document begins at, from 1.
    line: usize,
    bytes: &'a [u8],
}

/// Splits a file at the marks of YAML: lines that begin with `---` or `...`. No line inside a document can: YAML indents what
/// it nests, and JSON has no such line. The mark itself belongs to neither side.
pub(crate) fn split<'a>(file: &'a str, bytes: &'a [u8]) -> Vec<RawDocument<'a>> {
    let mut documents = Vec::new();
    let (mut start, mut start_line, mut place) = (0, 1, 0);
    for (index, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let mark = line.strip_prefix(b"---").or_else(|| line.strip_prefix(b"..."));
        if mark.is_some_and(|rest| rest.first().is_none_or(u8::is_ascii_whitespace)) {
            documents.push(RawDocument { file, line: start_line, bytes: &bytes[start..place] });
            (start, start_line) = (place + 3, index + 1);
        }
        place += line.len();
    }
    documents.push(RawDocument { file, line: start_line, bytes: &bytes[start..] });
    documents
}

impl RawDocument<'_> {
    /// Where it stands, for people.
    pub(crate) fn place(&self) -> String {
        format!("{} line {}", self.file, self.line)
    }

    /// How many lines of the file stand before its first.
    pub(crate) fn lines_before(&self) -> usize {
        self.line - 1
    }

    /// Reads it: nothing, one document, or several JSON objects behind each other. What stands behind something that cannot
    /// be read is lost with it; what stands before is not.
    pub(crate) fn read(&self) -> Vec<Result<Field<Document>, String>> {
        let text = match self.text() {
            Ok(Some(text)) => text,
            Ok(None) => return Vec::new(),
            Err(reason) => return vec![Err(reason)],
        };
        let mut read = if text.trim_start().starts_with('{') {
            let mut objects = self.json_objects(text);
            // YAML may be written with braces, too.
            if let [only @ Err(_)] = objects.as_mut_slice()
                && let Ok(yaml) = from_yaml(text)
            {
                *only = Ok(yaml);
            }
            objects
        } else {
            vec![from_yaml(text).map_err(|reason| self.in_file(&reason))]
        };
        // A key that one object of a list has twice must not cost the others: it is reported, and the first is used.
        if matches!(read.as_slice(), [Err(_)])
            && let Ok(list) = yaml_with(text, DuplicateKeyPolicy::FirstWins)
            && matches!(&list, Field::Present(Document { items: Field::Present(_), .. }))
        {
            read.push(Ok(list));
        }
        read
    }

    /// Reads JSON objects behind each other. A comment behind them is none.
    fn json_objects(&self, text: &str) -> Vec<Result<Field<Document>, String>> {
        let mut read = Vec::new();
        let mut objects = serde_json::Deserializer::from_str(text).into_iter();
        loop {
            let begin = objects.byte_offset();
            match objects.next() {
                Some(Ok(object)) => read.push(Ok(object)),
                Some(Err(_)) if !read.is_empty() && is_blank(&text[begin..]) => break,
                Some(Err(reason)) => {
                    read.push(Err(self.in_file(&reason.to_string())));
                    break;
                }
                None => break,
            }
        }
        read
    }

    /// Its text; `None` when there is nothing in it.
    pub(crate) fn text(&self) -> Result<Option<&str>, String> {
        if self.bytes.len() > LARGEST_DOCUMENT {
            return Err(format!("{} bytes, more than {LARGEST_DOCUMENT}", self.bytes.len()));
        }
        let text = std::str::from_utf8(self.bytes)
            .map_err(|trouble| format!("not UTF-8 from byte {}", trouble.valid_up_to()))?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        Ok(Some(text).filter(|text| !is_blank(text)))
    }

    /// A message with line numbers of the document, told apart from those of the file.
    fn in_file(&self, trouble: &str) -> String {
        match self.line {
            1 => trouble.to_owned(),
            line => format!("{trouble} (lines counted from line {line} of the file)"),
        }
    }
}

/// Whether there is nothing but white space, comments and directives.
fn is_blank(text: &str) -> bool {
    text.lines().all(|line| {
        let first = line.trim_start().chars().next();
        let directive = line.starts_with("%YAML") || line.starts_with("%TAG");
        first.is_none_or(|first| first == '#') || directive
    })
}

/// Reads YAML with our limits: large documents are fine, bombs are not.
///
/// # Errors
/// Where and why it cannot be read, in one line.
pub fn from_yaml<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, String> {
    yaml_with(text, DuplicateKeyPolicy::Error)
}

/// Reads YAML of which a key may be there twice: the last counts where the reader lets it.
pub(crate) fn from_yaml_last_wins<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, String> {
    yaml_with(text, DuplicateKeyPolicy::LastWins)
}

fn yaml_with<'a, T: Deserialize<'a>>(
    text: &'a str,
    duplicate_keys: DuplicateKeyPolicy,
) -> Result<T, String> {
    // A node takes at least one byte of text, unless an alias repeats it.
    let size = text.len().max(1 << 16);
    let budget = serde_saphyr::budget! {
        max_events: 4 * size,
        max_nodes: 2 * size,
        max_total_scalar_bytes: 2 * size,
        max_reader_input_bytes: None,
        max_total_comment_bytes: size,
        max_documents: 1,
    };
    let options = serde_saphyr::options! {
        budget: budget,
        duplicate_keys: duplicate_keys,
        strict_booleans: true,
        with_snippet: false,
        non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|trouble| {
        let text = trouble.render_with_formatter(&UserMessageFormatter);
        text.lines().collect::<Vec<_>>().join("; ")
    })
}
