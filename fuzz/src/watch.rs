//! Bytes as what an API server says: the lines of a watch, a page of a list, and a refusal.

use std::collections::BTreeSet;

use switchyard_model::{ClusterEvent, Name, ObjectKey, Settings};
use switchyard_nodeview::Stream;
use switchyard_source::wire::{
    Kind, LONGEST_PAUSE, Line, Lines, Object, Page, Refusal, Understood,
};

/// More than any message may have, of all that is repeated to a person.
const LONG: usize = 300;

/// Reads `bytes` as each of what an API server says.
///
/// # Panics
/// Where it matters how lines were cut, an object is understood in two ways, or what is told to be gone stays.
pub fn watch(bytes: &[u8]) {
    let lines = whole_lines(bytes);
    for size in [1, 7, bytes.len().max(1)] {
        assert_eq!(lines_in_pieces(bytes, size), lines, "in pieces of {size}");
    }
    for kind in Kind::ALL {
        follow(kind, &lines);
        page(kind, bytes);
    }
    let first = String::from_utf8_lossy(lines.first().copied().unwrap_or(bytes));
    refusal(&Refusal::read(429, Some(&first), bytes));
    refusal(&Refusal::read(503, None, bytes));
}

/// The lines that have an end.
fn whole_lines(bytes: &[u8]) -> Vec<&[u8]> {
    let mut lines: Vec<_> = bytes.split(|byte| *byte == b'\n').collect();
    lines.pop();
    lines
}

fn lines_in_pieces(bytes: &[u8], size: usize) -> Vec<Vec<u8>> {
    let mut lines = Lines::default();
    let mut found = Vec::new();
    for piece in bytes.chunks(size) {
        assert!(lines.add(piece).is_ok(), "a line of {} bytes is too long", bytes.len());
        while let Some(line) = lines.next_line() {
            found.push(line.to_vec());
        }
    }
    found
}

/// Takes in a watch of `kind`. Once everything that it told of is gone, nothing is left.
fn follow(kind: Kind, lines: &[&[u8]]) {
    let mut stream = Stream::new(Name::from("n1"), Settings::default());
    let mut known = BTreeSet::new();
    for line in lines {
        match Line::read(line) {
            Ok(Line::Changed(object)) => {
                let Some((key, understood)) = understand(kind, &object) else { continue };
                stream.apply(vec![understood.event]);
                known.insert(key);
            }
            Ok(Line::Gone(object)) => {
                let Some((key, _)) = kind.identify(&object) else { continue };
                stream.apply(vec![kind.gone(&key)]);
                known.remove(&key);
            }
            Ok(Line::Bookmark { version, .. }) => {
                let written = version.number().to_string();
                assert!(version.number() == 0 || version.as_str().ends_with(&written));
            }
            Ok(Line::Failed(failure)) => refusal(&failure),
            Err(error) => short(&error.to_string()),
        }
    }
    stream.apply(known.iter().map(|key| kind.gone(key)).collect::<Vec<_>>());
    let left = stream.cluster().events_towards(Vec::new());
    assert!(left.is_empty(), "all is gone but this: {left:?}");
    assert_eq!(stream.view().views().count(), 0, "views of Services that are gone");
}

fn page(kind: Kind, bytes: &[u8]) {
    match Page::read(bytes) {
        Ok(page) => {
            for object in &page.objects {
                let _ = understand(kind, object);
            }
        }
        Err(error) => short(&error.to_string()),
    }
}

/// What is made of an object is the same each time, and is known by the object's own name.
fn understand(kind: Kind, object: &Object) -> Option<(ObjectKey, Understood)> {
    let (key, _) = kind.identify(object)?;
    let understood = kind.understand(&key, object.clone());
    let again = kind.understand(&key, object.clone());
    assert_eq!(understood, again, "one object, understood in two ways");
    assert_eq!(key_of(&understood.event), key, "{understood:?}");
    for refusal in &understood.refused {
        assert!(!refusal.reason.is_empty(), "a refusal without a reason: {refusal:?}");
        short(&refusal.reason);
    }
    Some((key, understood))
}

fn key_of(event: &ClusterEvent) -> ObjectKey {
    let of_node = |name: &Name| ObjectKey { namespace: Name::new(), name: name.clone() };
    match event {
        ClusterEvent::Service(service) => service.key.clone(),
        ClusterEvent::Slice(slice) => slice.key.clone(),
        ClusterEvent::Pod(pod) => pod.key.clone(),
        ClusterEvent::Node(node) => of_node(&node.name),
        ClusterEvent::NodeGone(name) => of_node(name),
        ClusterEvent::ServiceGone(key)
        | ClusterEvent::SliceGone(key)
        | ClusterEvent::PodGone(key) => key.clone(),
    }
}

fn refusal(refusal: &Refusal) {
    short(&refusal.to_string());
    assert!(refusal.pause.is_none_or(|pause| pause <= LONGEST_PAUSE), "{refusal:?}");
}

/// What is repeated to a person has words, not too many of them, and nothing that steers a terminal.
fn short(text: &str) {
    assert!(!text.is_empty() && text.len() < LONG, "{} bytes: {text:?}", text.len());
    assert!(!text.contains(char::is_control), "{text:?}");
}
