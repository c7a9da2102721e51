//! Files: how documents are told apart, and what a broken one costs.

use super::{Outcome, read, read_files};

fn service(name: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: shop}}\n\
         spec: {{clusterIP: 172.20.0.10, ports: [{{name: a, port: 80}}]}}\n"
    )
}

fn json(name: &str) -> String {
    format!(
        r#"{{"apiVersion":"v1","kind":"Service","metadata":{{"name":"{name}","namespace":"shop"}},"spec":{{"clusterIP":"172.20.0.10","ports":[{{"name":"a","port":80}}]}}}}"#
    )
}

/// The names of the Services that are used, and how much was refused.
fn used(outcome: &Outcome) -> (String, usize) {
    let names = outcome.objects.iter().map(|line| {
        assert!(line.contains("ips=[172.20.0.10] ports=[a:TCP:80:->same]"), "{line}");
        line.split(' ').nth(1).unwrap_or_default().trim_start_matches("shop/")
    });
    (names.collect::<Vec<_>>().join(" "), outcome.refused.len())
}

/// Reads each input and compares which Services are used and how many refusals there are.
fn check(cases: &[(&str, String, &str, usize)]) {
    let mut failures = Vec::new();
    for (name, input, services, refusals) in cases {
        let outcome = read(input.as_bytes());
        let got = used(&outcome);
        if got != ((*services).to_owned(), *refusals) {
            failures.push(format!("{name}: {got:?}, refused {:?}", outcome.refused));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn files_with_nothing_in_them_are_no_trouble() {
    check(&[
        ("empty", String::new(), "", 0),
        ("white space", " \n\n  \n".to_owned(), "", 0),
        ("comments", "# one\n\n# two\n".to_owned(), "", 0),
        ("marks", "---\n---\n---\n".to_owned(), "", 0),
        ("marks and comments", "# one\n---\n# two\n---\n".to_owned(), "", 0),
        ("byte order mark", "\u{feff}".to_owned(), "", 0),
        ("end marks", "---\n...\n".to_owned(), "", 0),
        ("null", "null\n---\n~\n".to_owned(), "", 0),
    ]);
}

#[test]
fn documents_are_told_apart_however_lines_end_and_marks_look() {
    let (one, two) = (service("one"), service("two"));
    check(&[
        ("plain", format!("{one}---\n{two}"), "one two", 0),
        ("mark at both ends", format!("---\n{one}---\n{two}---\n"), "one two", 0),
        ("byte order mark", format!("\u{feff}{one}---\n{two}"), "one two", 0),
        ("byte order mark and mark", format!("\u{feff}---\n{one}---\n{two}"), "one two", 0),
        ("carriage returns", format!("{one}---\n{two}").replace('\n', "\r\n"), "one two", 0),
        ("comment behind a mark", format!("--- # first\n{one}--- # second\n{two}"), "one two", 0),
        ("white space behind a mark", format!("---  \n{one}---\t\n{two}"), "one two", 0),
        ("document on the mark's line", format!("--- {}\n---\n{two}", json("one")), "one two", 0),
        ("end mark", format!("{one}...\n---\n{two}...\n"), "one two", 0),
        ("no line end at the end", format!("{one}---\n{}", two.trim_end()), "one two", 0),
        ("comments around", format!("# a\n{one}# b\n---\n# c\n{two}"), "one two", 0),
        ("YAML and JSON", format!("{one}---\n{}\n", json("two")), "one two", 0),
        ("JSON and YAML", format!("{}\n---\n{two}", json("one")), "one two", 0),
        ("JSON behind JSON", format!("{}\n{}\n", json("one"), json("two")), "one two", 0),
        ("JSON behind JSON, no line end", format!("{}{}", json("one"), json("two")), "one two", 0),
        ("JSON behind a comment", format!("# a\n{}\n", json("one")), "one", 0),
    ]);
}

#[test]
fn text_behind_a_mark_that_is_no_document_costs_only_its_own() {
    let (one, two) = (service("one"), service("two"));
    check(&[(
        "text behind a mark",
        format!("{one}--- apiVersion: v1\n{one}---\n{two}"),
        "one two",
        1,
    )]);
}

#[test]
fn a_directive_is_no_document() {
    let one = service("one");
    check(&[
        ("at the start", format!("%YAML 1.2\n---\n{one}"), "one", 0),
        ("behind a comment", format!("# a\n%YAML 1.2\n---\n{one}"), "one", 0),
    ]);
}

#[test]
fn a_document_behind_an_end_mark_does_not_harm_the_one_before() {
    let outcome = read(format!("{}...\n{}", service("one"), service("two")).as_bytes());
    let (names, _) = used(&outcome);
    assert!(names.starts_with("one"), "{:?}", outcome.refused);
}

#[test]
fn json_behind_json_is_read_behind_a_mark_as_without_one() {
    let (one, two) = (json("one"), json("two"));
    check(&[("behind a mark", format!("---\n{one}\n{two}\n"), "one two", 0)]);
}

#[test]
fn a_comment_behind_json_is_no_trouble() {
    check(&[(
        "comment",
        format!("{}\n# the end\n---\n{}", json("one"), service("two")),
        "one two",
        0,
    )]);
}

#[test]
fn a_document_that_cannot_be_read_harms_no_other() {
    let (one, two) = (service("one"), service("two"));
    let third = json("cut");
    let mut cases = Vec::new();
    for broken in [
        "apiVersion: v1\nkind: Service\nmetadata: {name: cut, names",
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: cut\nspec:\n  po",
        "apiVersion: v1\nkind: Service\nmetadata: {name: \"cut",
        "apiVersion: v1\nkind: Service\nmetadata: {name: 'cut",
        "apiVersion: v1\nkind: Service\nmetadata:\n\tname: cut",
        "apiVersion: v1\nkind: Service\nmetadata: {name: cut, name: cut2}\nspec: {}",
        "apiVersion: v1\nkind: Service\nkind: Service\nmetadata: {name: cut}",
        "apiVersion: v1\nkind: Service\nmetadata: {name: cut}\nspec: {clusterIP: *unknown}",
        "kind: Service\nmetadata: &self {name: cut, labels: *self}",
        "] }",
        "key: value\n other: value\nkey",
        "@",
        "`",
        "%",
        "!!binary",
        "7",
        "text",
        "true",
        "- a\n- b",
        "[]",
        "\"text\"",
        r#"{"kind":"Service","kind":"Service"}"#,
        "{",
        "}",
        "{]",
        "{\"a\":}",
        "{\"a\":1,}trailing",
        &third[..third.len() - 1],
        &third[..third.len() / 2],
        &third[..5],
    ] {
        cases.push((broken, format!("{one}---\n{broken}\n---\n{two}"), "one two", 1));
    }
    check(&cases);
}

#[test]
fn a_document_cut_anywhere_harms_no_other() {
    let yaml = "apiVersion: v1\nkind: Service\nmetadata:\n  name: cut\n  labels: {a: 'b', \"c\": d}\nspec:\n  \
                clusterIP: 172.20.0.11\n  ports:\n  - name: a\n    port: 80\n  - {name: b, port: 81}\n";
    let json = json("cut");
    for document in [yaml, &json] {
        for end in 0..document.len() {
            let cut = &document[..end];
            let outcome =
                read(format!("{}---\n{cut}\n---\n{}", service("one"), service("two")).as_bytes());
            for name in ["one", "two"] {
                let line = outcome.line(&format!("Service shop/{name}"));
                assert!(line.is_some(), "{name} is lost to {cut:?}: {:?}", outcome.refused);
            }
        }
    }
}

#[test]
fn json_that_is_cut_leaves_what_stands_before_it() {
    let third = json("cut");
    for end in 1..third.len() {
        let outcome = read(format!("{}\n{}", json("one"), &third[..end]).as_bytes());
        assert!(outcome.line("Service shop/one").is_some(), "{end}: {:?}", outcome.refused);
        assert_eq!(outcome.refused.len(), 1, "{end}");
    }
}

#[test]
fn a_refusal_says_where_the_document_stands() {
    let outcome =
        read(format!("{}---\nkind: {{\n---\n{}", service("one"), service("two")).as_bytes());
    assert!(outcome.refused[0].starts_with("file.yaml line 5 @  | "), "{:?}", outcome.refused);
}

#[test]
fn a_refusal_speaks_of_the_document_and_not_of_the_parser() {
    for input in [
        "kind: Service\nmetadata: {name: a, name: b}\n".to_owned(),
        format!("{}...\n{}", service("one"), service("two")),
        format!("kind: ConfigMap\nx: {}\n", "[".repeat(300)),
    ] {
        for refused in read(input.as_bytes()).refused {
            for word in ["Options", "budget", "DuplicateKeyPolicy"] {
                assert!(!refused.contains(word), "{refused}");
            }
        }
    }
}

#[test]
fn anchors_aliases_and_merges_are_understood() {
    check(&[
        (
            "anchors",
            "kind: Service\nmetadata: {name: &name one, namespace: shop, labels: {app: *name}}\nspec:\n  \
             clusterIP: &address 172.20.0.10\n  clusterIPs: [*address]\n  ports: [{name: a, port: 80}]\n"
                .to_owned(),
            "one",
            0,
        ),
        (
            "merge",
            "kind: Service\nmetadata: {name: one, namespace: shop}\nspec:\n  <<: {clusterIP: 172.20.0.10}\n  \
             ports: [{name: a, port: 80}]\n"
                .to_owned(),
            "one",
            0,
        ),
    ]);
}

#[test]
fn an_anchor_of_one_document_is_not_known_in_another() {
    let one = service("one").replace("172.20.0.10", "&ip 172.20.0.10");
    check(&[(
        "alias",
        format!("{one}---\n{}", service("two").replace("172.20.0.10", "*ip")),
        "one",
        1,
    )]);
}

#[test]
fn a_mark_inside_a_text_is_no_mark() {
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata:\n  x: |\n    ---\n    kind: Service\n";
    let outcome = read(format!("{}---\n{text}---\n{}", service("one"), service("two")).as_bytes());
    assert_eq!(used(&outcome), ("one two".to_owned(), 0));
    assert_eq!(outcome.counts.passed_over.len(), 1);
}

#[test]
fn of_an_object_that_is_there_twice_the_first_is_used() {
    let (first, second) = (service("one"), service("one").replace(".10", ".11"));
    let outcome = read(format!("{first}---\n{second}---\n{}", service("two")).as_bytes());
    assert_eq!(used(&outcome), ("one two".to_owned(), 1));
    let refused = &outcome.refused[0];
    assert!(refused.starts_with("Service shop/one @ "), "{refused}");
    assert!(
        refused.contains("file.yaml line 5") && refused.contains("file.yaml line 1"),
        "{refused}"
    );

    let outcome = read_files(&[
        ("a.yaml", first.as_bytes()),
        ("b.yaml", second.as_bytes()),
        ("c.yaml", service("two").as_bytes()),
    ]);
    assert_eq!(used(&outcome), ("one two".to_owned(), 1));
    let refused = &outcome.refused[0];
    assert!(refused.contains("a.yaml") && refused.contains("b.yaml"), "{refused}");
    assert_eq!(outcome.counts.files, 3);
}

#[test]
fn of_each_kind_the_second_object_of_a_name_is_refused() {
    let slice = "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\naddressType: IPv4\nmetadata: \
                 {name: x, namespace: shop, labels: {kubernetes.io/service-name: one}}\n";
    let node = "apiVersion: v1\nkind: Node\nmetadata: {name: x}\n";
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: x, namespace: shop}\n";
    let web = "apiVersion: v1\nkind: Service\nmetadata: {name: x, namespace: shop}\nspec: {clusterIP: None}\n";
    let all = [slice, node, pod, web].join("---\n");
    let outcome = read(all.as_bytes());
    assert_eq!((outcome.objects.len(), outcome.refused.len()), (4, 0), "{:?}", outcome.refused);
    let outcome = read(format!("{all}---\n{all}").as_bytes());
    assert_eq!((outcome.objects.len(), outcome.refused.len()), (4, 4), "{:?}", outcome.refused);
}

#[test]
fn the_same_name_in_another_namespace_is_another_object() {
    let other = service("one").replace("namespace: shop", "namespace: other");
    let outcome = read(format!("{}---\n{other}", service("one")).as_bytes());
    assert_eq!((outcome.objects.len(), outcome.refused.len()), (2, 0), "{:?}", outcome.refused);
}
