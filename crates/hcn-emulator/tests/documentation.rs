//! `docs/hns.md` is true: its calls are made, in order, to one emulated HNS, and their answers are those on the page.
//!
//! A block `hns` has one call in each line; a line that begins with a space continues the one before. The block `json` after
//! it has the answers of those calls that have one: a document, or the error record of a call that was refused. The JSON
//! after the other arguments is sent as it stands. `name=ID` is the id that an object is to have, and from then on `name`
//! and, within JSON and paths, `<name>` stand for it. Where a function takes a handle, the object is opened for it and
//! closed. `UPDATE_DOCUMENTS=1 cargo test -p switchyard-hcn-emulator --test documentation` writes the answers anew.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use serde_json::Value;
use switchyard_hcn::{Error, Guid, Hcn, hresult};
use switchyard_hcn_emulator::{Build, Emulator, FOUND, Knobs, Modify, Setup};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/hns.md");
/// The page that follows packets: what it infers is among the unknowns of the first one.
const WALKS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/windows.md");
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

/// What is said to be inferred, by words beside that mark on the pages or in the emulator's source, and how the row among the
/// unknowns begins that has the check for it.
const INFERRED: &[(&str, &str)] = &[
    ("Unknown members do no harm", "What becomes of members that HNS does not know"),
    ("| Q1 |", "Is a list in an order"),
    ("| Q3 |", "What does HNS do with an unknown key"),
    ("| Q5 |", "Does a query for properties heed"),
    ("| Q6 |", "Is a list ever cut into pages"),
    ("| G3 |", "What does a local endpoint get"),
    ("| G6 |", "Which number does a namespace get"),
    ("internal (ILB)", "What does ILB leave alone"),
    ("leaves alone what comes from the network", "What does ILB leave alone"),
    ("`Update` replaces all of the types", "What do `Add`, `Remove` and `Update` do"),
    ("`Update` puts policies in the place", "What do `Add`, `Remove` and `Update` do"),
    ("| E10 |", "What is the code for a remote endpoint on an overlay"),
    ("must know behind which node it is", "What is the code for a remote endpoint on an overlay"),
    ("| E17 |", "Is a detached endpoint one whose port"),
    ("while the endpoint has not. Inferred", "Is a detached endpoint one whose port"),
    ("| E18 |", "Which of the backends with one hardware address"),
    ("That it is the first: inferred", "Which of the backends with one hardware address"),
    ("| E24 |", "What is the code for a namespace that an endpoint is not in"),
    ("that is not in the namespace", "What is the code for a namespace that an endpoint is not in"),
    ("| L2 |", "Are handles void after a restart"),
    ("| L4 |", "What does HNS answer when it starts on another build"),
    ("takes their shares of connections as lost", "Does a backend in state 4, 5 or 6"),
    ("detached (state 4) (inferred)", "Does a backend in state 4, 5 or 6"),
    ("degraded itself (state 5)", "Does a backend in state 4, 5 or 6"),
    ("destroyed (state 6)", "Does a backend in state 4, 5 or 6"),
    ("before get nothing any more", "Does a backend in state 4, 5 or 6"),
    ("that it is all is inferred", "Does a load balancer in state 4 lose"),
    ("endpoint is gone (both inferred)", "Does a packet to a remote endpoint"),
    ("which it is on (inferred)", "Does a packet to a remote endpoint"),
    ("That anything else is lost", "Does a packet to a remote endpoint"),
    ("sees the port that the client sent to", "Which port does a backend see with PreserveDip"),
    ("so does the port (inferred)", "Which port does a backend see with PreserveDip"),
    ("this is so of the\nport, too: inferred", "Which port does a backend see with PreserveDip"),
    ("makes no difference to the node", "Which source address has a packet from the node"),
    ("lets the node reach it, since KB4571748", "Which source address has a packet from the node"),
    ("host's port; the source is inferred", "Which source address has a packet from the node"),
    ("that it shows there: inferred", "Which source address does a pod see that reaches itself"),
    ("there is one for the host alone", "May there be a second namespace of the type HostDefault"),
    ("an unsupported request. That these two", "What is the code for DSR or IPv6"),
    ("That version 2 shows the address", "Does version 2 show `ManagementIP`"),
    ("The first is the router's", "Which hardware address does the router"),
    ("paired by inference", "Which product has which version"),
    ("The pairs are inferred", "Which product has which version"),
    ("Readers of JSON give up at 128 levels", "How deep may a document be nested"),
    ("made of the version of HNS: inferred", "What do `Version` and `ActivityId`"),
    ("marks those whose place is inferred", "On which port is each rule"),
    ("whatever else is said here is marked as inferred", "On which port is each rule"),
    ("f.write_str(\" (inferred)\")", "On which port is each rule"),
    ("no source has those with PreserveDip", "Which port does a backend see with PreserveDip"),
    ("that a pod gets the next free", "Which number does a namespace get"),
    ("inferred it marks", "On which port is each rule"),
    ("is not reached (inferred)", "Does a packet to a remote endpoint"),
    ("leaves alone packets that come", "What does ILB leave alone"),
    ("that DSR makes no difference here", "Which source address has a packet from the node"),
    ("sees as the client is inferred", "Which source address does a pod see that reaches"),
    ("That the port stays, too", "Which port does a backend see with PreserveDip"),
    ("That HNS lets these in", "Which accounts may call HNS"),
];

/// Whether a line of prose says of something that it is inferred, and not only that there is such a mark.
fn infers(line: &str) -> bool {
    let line = line.to_lowercase();
    let general = ["*inferred*", "or that it is inferred."];
    (line.contains("inferred") || line.contains("by inference"))
        && !general.iter().any(|words| line.contains(words))
}

/// The places that infer something, each as the line and the two before it.
fn inferences<'a>(lines: &[&'a str], is_prose: impl Fn(&'a str) -> bool) -> Vec<String> {
    let places =
        (0..lines.len()).filter(|number| is_prose(lines[*number]) && infers(lines[*number]));
    places.map(|number| lines[number.saturating_sub(2)..=number].join("\n")).collect()
}

fn inferences_of_page(page: &str) -> Vec<String> {
    let outside_of_blocks = page.split("\n```").step_by(2).collect::<Vec<_>>().join("\n");
    inferences(&outside_of_blocks.lines().collect::<Vec<_>>(), |_| true)
}

/// In comments and in texts; the rules of the switch have a member of that name.
fn inferences_of_source(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text
        .lines()
        .map(|line| line.trim().trim_start_matches("///").trim_start_matches("//"))
        .collect();
    let is_code = |line: &str| {
        !line.starts_with([' ', '!']) && (!line.contains('"') || line.contains("Rule {"))
    };
    inferences(&lines, |line| !is_code(line))
        .into_iter()
        .map(|place| place.lines().map(str::trim).collect::<Vec<_>>().join("\n"))
        .collect()
}

/// The sources of the emulator, without those of its tests.
fn sources(folder: &std::path::Path) -> Vec<String> {
    let mut texts = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let is_test = path.file_stem().is_some_and(|name| name == "tests");
        if path.is_dir() && !is_test {
            texts.extend(sources(&path));
        } else if !is_test {
            texts.push(fs::read_to_string(path).unwrap());
        }
    }
    texts
}

/// Whoever infers something owes the check that settles it.
#[test]
fn whatever_is_inferred_is_among_the_unknowns() {
    let page = fs::read_to_string(PAGE).unwrap();
    let (page, table) = page.split_once("\n## What is not known\n").unwrap();
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut places = inferences_of_page(page);
    places.extend(inferences_of_page(&fs::read_to_string(WALKS).unwrap()));
    places.extend(sources(&folder).iter().flat_map(|text| inferences_of_source(text)));
    for place in &places {
        let is_known = INFERRED.iter().any(|(words, _)| place.contains(words));
        assert!(
            is_known,
            "this is inferred, and no row among the unknowns is known for it:\n{place}"
        );
    }
    let rows = rows(table);
    for (words, question) in INFERRED {
        assert!(places.iter().any(|place| place.contains(words)), "nobody infers {words:?}");
        let row = rows.iter().find(|row| row[0].starts_with(question));
        let row = row.unwrap_or_else(|| panic!("hns.md: no unknown begins with {question:?}"));
        assert!(row.len() == 4 && row[2].len() > 1 && row[3].len() > 40, "hns.md: {row:?}");
    }
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
