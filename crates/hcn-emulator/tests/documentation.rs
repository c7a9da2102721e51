//! `docs/hns.md` is true: its calls are made, in order, to one emulated HNS, and their answers are those on the page.
//!
//! A block `hns` has one call in each line; a line that begins with a space continues the one before. The block `json` after
//! it has the answers of those calls that have one: a document, or the error record of a call that was refused. The JSON
//! after the other arguments is sent as it stands. `name=ID` is the id that an object is to have, and from then on `name`
//! and, within JSON and paths, `<name>` stand for it. Where a function takes a handle, the object is opened for it and
//! closed. `UPDATE_DOCUMENTS=1 cargo test -p switchyard-hcn-emulator --test documentation` writes the answers anew.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use serde_json::Value;
use switchyard_hcn::{Error, Guid, Hcn, hresult};
use switchyard_hcn_emulator::{Build, Emulator, FOUND, Knobs, Modify, Setup};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/hns.md");
/// What an answer may be wide in one line.
const WIDTH: usize = 146;

#[test]
fn every_answer_is_that_of_the_emulator() {
    let page = fs::read_to_string(PAGE).unwrap();
    let mut reader = Reader::default();
    let mut written = String::new();
    let mut wrong = Vec::new();
    let mut lines = page.lines().enumerate().peekable();
    while let Some((number, line)) = lines.next() {
        writeln!(written, "{line}").unwrap();
        assert_ne!(line, "```json", "hns.md:{}: an answer without calls", number + 1);
        if line != "```hns" {
            continue;
        }
        let mut calls: Vec<(usize, String)> = Vec::new();
        for (number, line) in lines.by_ref() {
            writeln!(written, "{line}").unwrap();
            match (line, calls.last_mut()) {
                ("```", _) => break,
                (line, Some((_, call))) if line.starts_with(' ') => call.push_str(line.trim_end()),
                (line, _) => calls.push((number + 1, line.to_owned())),
            }
        }
        let actual: String =
            calls.iter().filter_map(|(number, call)| reader.answer(*number, call)).collect();
        lines.next_if(|(_, line)| line.is_empty());
        let mut expected = String::new();
        if lines.next_if(|(_, line)| *line == "```json").is_some() {
            let answer = lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "```");
            expected = answer.fold(expected, |text, line| text + line + "\n");
        }
        if !actual.is_empty() {
            write!(written, "\n```json\n{actual}```\n").unwrap();
        }
        if lines.peek().is_some_and(|(_, line)| !line.is_empty()) || actual.is_empty() {
            written.push('\n');
        }
        if actual != expected {
            let (first, call) = &calls[0];
            wrong.push(format!(
                "hns.md:{first}: {call}\n--- on the page\n{expected}--- from the emulator\n{actual}"
            ));
        }
    }
    if std::env::var_os("UPDATE_DOCUMENTS").is_some() {
        fs::write(PAGE, written).unwrap();
        return;
    }
    assert!(wrong.is_empty(), "{}\nUPDATE_DOCUMENTS=1 writes the answers anew.", wrong.join("\n"));
}

/// The rows of the table of unknowns have each knob and its default, as a Setup document has them.
#[test]
fn every_knob_is_among_the_unknowns() {
    let page = fs::read_to_string(PAGE).unwrap();
    let table = page.split("\n## What is not known\n").nth(1).unwrap();
    let rows = rows(table);
    let Value::Object(knobs) = serde_json::to_value(Knobs::default()).unwrap() else {
        panic!("knobs are an object");
    };
    for (name, default) in &knobs {
        let cell = format!("`{name}`: `{default}`");
        let row = rows.iter().find(|row| row[1] == cell);
        let row = row.unwrap_or_else(|| panic!("hns.md: no row has {cell} in its second column"));
        assert!(row[2].len() > 10 && row[3].len() > 40, "hns.md: no reason or check: {row:?}");
    }
    let named = rows.iter().filter_map(|row| row[1].strip_prefix('`')?.split_once("`: `"));
    let strangers: Vec<_> = named.filter(|(name, _)| !knobs.contains_key(*name)).collect();
    assert!(strangers.is_empty(), "hns.md: these are no knobs: {strangers:?}");
}

#[test]
fn codes_have_their_names_and_classes() {
    let page = fs::read_to_string(PAGE).unwrap();
    let rows = rows(&page);
    let codes = rows.iter().filter(|row| row[0].len() == 10 && row[0].starts_with("0x"));
    let mut count = 0;
    for row in codes {
        let code = u32::from_str_radix(&row[0][2..], 16).unwrap();
        let expected = format!("`{}`, {}", hresult::name(code).unwrap(), hresult::class(code));
        assert_eq!(format!("{}, {}", row[1], row[2]), expected, "hns.md: {}", row[0]);
        count += 1;
    }
    assert!(count > 20, "hns.md: {count} codes");
}

#[test]
fn builds_do_what_the_table_says() {
    let page = fs::read_to_string(PAGE).unwrap();
    let rows = rows(&page);
    for (product, version) in FOUND {
        let build = Build::of(version);
        let modify = match build.modify {
            Modify::NotImplemented => "`E_NOTIMPL`",
            Modify::WithoutEffect => "succeeds, changes nothing",
            Modify::Works => "works",
        };
        let word = |truth: bool| if truth { "yes" } else { "no" }.to_owned();
        let expected = [
            product.to_owned(),
            version.to_string(),
            modify.to_owned(),
            build.maximum_destinations.to_string(),
            word(build.direct_server_return),
            word(build.ipv6),
            word(build.distribution),
        ];
        assert!(rows.iter().any(|row| *row == expected), "hns.md: no row {expected:?}");
    }
}

/// The cells of all rows of tables.
fn rows(text: &str) -> Vec<Vec<String>> {
    let rows = text.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    let cells = |row: &str| {
        let row = row.replace("\\|", "\0");
        row.split('|').map(|cell| cell.trim().replace('\0', "|")).collect()
    };
    rows.map(cells).collect()
}

/// Who reads the page and makes its calls.
struct Reader {
    hns: Emulator,
    names: BTreeMap<String, Guid>,
}

impl Default for Reader {
    fn default() -> Self {
        Self { hns: Emulator::in_virtual_time(Setup::default()), names: BTreeMap::new() }
    }
}

impl Reader {
    /// The answer of a call as it is to be on the page, if it has one.
    fn answer(&mut self, number: usize, call: &str) -> Option<String> {
        let text = match self.make(number, call) {
            Ok(text) => text?,
            Err(error) => error.record.unwrap_or_else(|| panic!("hns.md:{number}: no record")),
        };
        assert!(
            serde_json::from_str::<Value>(&text).is_ok(),
            "hns.md:{number}: {call}\nanswers with what is no JSON: {text}"
        );
        Some(layout(&text, 0) + "\n")
    }

    fn make(&mut self, number: usize, call: &str) -> Result<Option<String>, Error> {
        let start = call.find([' ', '{']).unwrap_or(call.len());
        let json = call.find(['{', '[']).unwrap_or(call.len());
        let (function, words) = (&call[..start], &call[start..json.max(start)]);
        let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
        for word in &words {
            if let Some((name, id)) = word.split_once('=') {
                let id = id.parse().unwrap_or_else(|_| panic!("hns.md:{number}: {id} is no id"));
                self.names.insert(name.to_owned(), id);
            }
        }
        let json = self.with_ids(&call[json..]);
        let id = |position: usize| -> Guid {
            let Some(word) = words.get(position) else { return Guid::NIL };
            let name = word.split('=').next().unwrap_or(word);
            let named = self.names.get(name).copied().or_else(|| name.parse().ok());
            named.unwrap_or_else(|| panic!("hns.md:{number}: nothing is called {name}"))
        };
        let hns = &self.hns;
        match function {
            "HNSCall" => hns.hns_call(&words[0], &self.with_ids(&words[1]), &json).map(Some),
            "HcnCreateNetwork" => {
                hns.create_network(id(0), &json).and_then(|made| hns.close_network(made))?;
                Ok(None)
            }
            "HcnCreateEndpoint" => {
                let network = hns.open_network(id(0))?;
                let made = hns.create_endpoint(network, id(1), &json);
                hns.close_network(network)?;
                hns.close_endpoint(made?).map(|()| None)
            }
            "HcnCreateNamespace" => {
                hns.create_namespace(id(0), &json).and_then(|made| hns.close_namespace(made))?;
                Ok(None)
            }
            "HcnCreateLoadBalancer" => {
                let made = hns.create_load_balancer(id(0), &json)?;
                hns.close_load_balancer(made).map(|()| None)
            }
            _ => of_all_kinds(hns, function, id(0), &json)
                .unwrap_or_else(|| panic!("hns.md:{number}: {function} is no function")),
        }
    }

    /// A text with the ids in the place of `<name>`.
    fn with_ids(&self, text: &str) -> String {
        self.names.iter().fold(text.to_owned(), |text, (name, id)| {
            text.replace(&format!("<{name}>"), &id.to_string())
        })
    }
}

macro_rules! kinds {
    ($(
        $kind:literal: $enumerate:ident $open:ident $modify:ident $query:ident $delete:ident
        $close:ident;
    )*) => {
        /// Calls the function of this name, if it is one that is the same for all kinds of objects.
        fn of_all_kinds(
            hns: &Emulator,
            function: &str,
            id: Guid,
            json: &str,
        ) -> Option<Result<Option<String>, Error>> {
            $(
                if function == concat!("HcnEnumerate", $kind, "s") {
                    return Some(hns.$enumerate(json).map(Some));
                }
                if function == concat!("HcnOpen", $kind) {
                    return Some(hns.$open(id).and_then(|open| hns.$close(open)).map(|()| None));
                }
                if function == concat!("HcnModify", $kind) {
                    return Some(hns.$open(id).and_then(|open| {
                        let done = hns.$modify(open, json);
                        hns.$close(open)?;
                        done.map(|()| None)
                    }));
                }
                if function == concat!("HcnQuery", $kind, "Properties") {
                    return Some(hns.$open(id).and_then(|open| {
                        let answer = hns.$query(open, json);
                        hns.$close(open)?;
                        answer.map(Some)
                    }));
                }
                if function == concat!("HcnDelete", $kind) {
                    return Some(hns.$delete(id).map(|()| None));
                }
            )*
            None
        }
    };
}

kinds! {
    "Network": enumerate_networks open_network modify_network query_network_properties
        delete_network close_network;
    "Endpoint": enumerate_endpoints open_endpoint modify_endpoint query_endpoint_properties
        delete_endpoint close_endpoint;
    "Namespace": enumerate_namespaces open_namespace modify_namespace query_namespace_properties
        delete_namespace close_namespace;
    "LoadBalancer": enumerate_load_balancers open_load_balancer modify_load_balancer
        query_load_balancer_properties delete_load_balancer close_load_balancer;
}

/// JSON in lines: what fits stays in one. The members keep their order.
fn layout(json: &str, indent: usize) -> String {
    let json = json.trim();
    let inline = items(json).map_or_else(|| spaced(json), |items| inline(json, &items));
    let Some(items) = items(json).filter(|_| indent + inline.len() > WIDTH) else { return inline };
    let inner = " ".repeat(indent + 2);
    let lines: Vec<String> = items
        .iter()
        .map(|item| match member(item) {
            Some((key, value)) => format!("{inner}{key}: {}", layout(value, indent + 2)),
            None => format!("{inner}{}", layout(item, indent + 2)),
        })
        .collect();
    let (open, close) = (&json[..1], &json[json.len() - 1..]);
    format!("{open}\n{}\n{}{close}", lines.join(",\n"), " ".repeat(indent))
}

fn inline(json: &str, items: &[&str]) -> String {
    let items: Vec<String> = items.iter().map(|item| spaced(item)).collect();
    format!("{}{}{}", &json[..1], items.join(", "), &json[json.len() - 1..])
}

/// An item in one line.
fn spaced(item: &str) -> String {
    let item = item.trim();
    if let Some((key, value)) = member(item) {
        return format!("{key}: {}", spaced(value));
    }
    items(item).map_or_else(|| item.to_owned(), |items| inline(item, &items))
}

/// The items of a list or the members of an object.
fn items(json: &str) -> Option<Vec<&str>> {
    let inner = json.strip_prefix(['{', '['])?;
    let inner = inner[..inner.len() - 1].trim();
    if inner.is_empty() {
        return Some(Vec::new());
    }
    let mut found = Vec::new();
    let (mut depth, mut start, mut in_text, mut escaped) = (0, 0, false, false);
    for (position, letter) in inner.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' if in_text => escaped = true,
            '"' => in_text = !in_text,
            '{' | '[' if !in_text => depth += 1,
            '}' | ']' if !in_text => depth -= 1,
            ',' if !in_text && depth == 0 => {
                found.push(inner[start..position].trim());
                start = position + 1;
            }
            _ => {}
        }
    }
    found.push(inner[start..].trim());
    Some(found)
}

/// The key, with its quotes, and the value of a member.
fn member(item: &str) -> Option<(&str, &str)> {
    let rest = item.strip_prefix('"')?;
    let end = rest.find('"')? + 2;
    let value = item[end..].trim_start().strip_prefix(':')?;
    Some((&item[..end], value.trim_start()))
}
