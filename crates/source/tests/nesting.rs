//! Deep nesting must not overflow the stack. A program of its own: an overflow would end every other test with it.

use std::fmt::Write;
use std::thread;

use switchyard_model::ClusterEvent;
use switchyard_source::Manifests;

const AFTER: &str = "\n---\napiVersion: v1\nkind: Service\nmetadata: {name: after}\nspec: {clusterIP: 172.20.0.10}\n";

/// The stack that a thread has by default.
const STACK: usize = 2 << 20;

/// Reads `document` and a good one behind it on a small stack.
fn read(document: &str) {
    for text in [format!("{document}{AFTER}"), format!("---\n{document}{AFTER}")] {
        let reading = move || {
            let mut manifests = Manifests::default();
            manifests.add("file.yaml", text.as_bytes());
            let events = manifests.into_events();
            let after = events.iter().any(
                |event| matches!(event, ClusterEvent::Service(service) if service.key.name == "after"),
            );
            assert!(after, "the document behind is lost");
        };
        let builder = thread::Builder::new().stack_size(STACK);
        builder.spawn(reading).expect("a thread").join().expect("no panic");
    }
}

const DEEP: usize = 100_000;

#[test]
fn lists_and_mappings_that_nobody_reads() {
    let mut block = "kind: ConfigMap\n".to_owned();
    for level in 0..2_000 {
        writeln!(block, "{}a:", " ".repeat(level)).expect("a String takes all");
    }
    for document in [
        format!("kind: ConfigMap\nx: {}{}\n", "[".repeat(DEEP), "]".repeat(DEEP)),
        format!("kind: ConfigMap\nx: {}1{}\n", "{a: ".repeat(DEEP), "}".repeat(DEEP)),
        format!("kind: ConfigMap\nx: {}\n", "[".repeat(DEEP)),
        format!("kind: ConfigMap\nx:\n{}1\n", "- ".repeat(DEEP)),
        format!("kind: ConfigMap\n{}x\n", "? ".repeat(DEEP)),
        format!("{}1{}", r#"{"kind":"X","a":"#.repeat(DEEP), "}".repeat(DEEP)),
        format!("{}{}", r#"{"kind":"X","a":"#.repeat(DEEP), "[".repeat(DEEP)),
        format!(r#"{{"kind":"X","a":{}{}}}"#, "[".repeat(DEEP), "]".repeat(DEEP)),
        block,
    ] {
        read(&document);
    }
}

#[test]
fn fields_that_are_read() {
    for field in ["items", "metadata", "spec", "status", "endpoints", "ports", "addressType"] {
        for depth in [50, 100, DEEP] {
            let (open, close) = ("[".repeat(depth), "]".repeat(depth));
            read(&format!("kind: Service\nmetadata: {{name: x}}\n{field}: {open}{close}\n"));
            read(&format!(r#"{{"kind":"EndpointSlice","{field}":{open}{close}}}"#));
            read(&format!("kind: Service\nmetadata: {{labels: {open}{close}}}\n"));
        }
    }
}

#[test]
fn lists_in_lists() {
    for depth in [10, 30, 60, 100, 200, DEEP] {
        read(&format!("{}1{}", r#"{"kind":"List","items":["#.repeat(depth), "]}".repeat(depth)));
        read(&format!(
            "kind: List\nitems: {}7{}",
            "[{kind: List, items: ".repeat(depth),
            "}]".repeat(depth)
        ));
    }
}
