//! Lists of objects, and kinds that are passed over.

use super::{Outcome, read, read_among_others};

const SERVICE: &str =
    "kind: Service, metadata: {name: web, namespace: shop}, spec: {clusterIP: 172.20.0.10}";

fn passed_over(outcome: &Outcome) -> usize {
    outcome.counts.passed_over.values().sum()
}

#[test]
fn entries_of_a_list_that_are_no_objects_harm_only_themselves() {
    for kind in ["List", "ServiceList"] {
        for (items, refused, used) in [
            ("null", 0, 0),
            ("[]", 0, 0),
            ("7", 1, 0),
            ("{}", 1, 0),
            ("text", 1, 0),
            (&format!("[7, {{{SERVICE}}}]"), 1, 1),
            (&format!("[text, {{{SERVICE}}}]"), 1, 1),
            (&format!("[[], {{{SERVICE}}}]"), 1, 1),
            (&format!("[true, {{{SERVICE}}}, 7]"), 2, 1),
            (&format!("[{{kind: Service, metadata: 7}}, {{{SERVICE}}}]"), 1, 1),
            (&format!("[{{kind: Service}}, {{{SERVICE}}}]"), 1, 1),
        ] {
            let outcome =
                read_among_others(&format!("apiVersion: v1\nkind: {kind}\nitems: {items}\n"))
                    .unwrap();
            let got = (outcome.refused.len(), outcome.objects.len() - 2);
            assert_eq!(got, (refused, used), "{kind} {items}: {:?}", outcome.refused);
        }
    }
}

#[test]
fn a_refused_entry_is_named_by_its_place() {
    let outcome = read(format!("kind: List\nitems: [{{{SERVICE}}}, 7]\n").as_bytes());
    assert!(
        outcome.refused[0].starts_with("file.yaml line 1 items[1] @ "),
        "{:?}",
        outcome.refused
    );
}

#[test]
fn a_null_entry_of_a_list_is_refused() {
    let outcome = read(format!("kind: List\nitems: [null, {{{SERVICE}}}]\n").as_bytes());
    assert!(outcome.line("Service shop/web").is_some());
    assert_eq!(outcome.refused.len(), 1, "{:?}", outcome.refused);
}

#[test]
fn entries_of_a_typed_list_have_its_kind_when_they_name_none() {
    for (version, kind, entry, used) in [
        (
            "v1",
            "ServiceList",
            "{metadata: {name: x}, spec: {clusterIP: 172.20.0.1}}",
            "Service default/x ",
        ),
        (
            "discovery.k8s.io/v1",
            "EndpointSliceList",
            "{metadata: {name: x, labels: {kubernetes.io/service-name: w}}, addressType: IPv4}",
            "EndpointSlice default/x of=w ",
        ),
        ("v1", "NodeList", "{metadata: {name: x}}", "Node x "),
        ("v1", "PodList", "{metadata: {name: x}}", "Pod default/x "),
    ] {
        let head = format!("apiVersion: {version}\nkind: {kind}\nitems: ");
        let outcome = read(format!("{head}[{entry}]").as_bytes());
        assert_eq!(outcome.refused, [""; 0], "{kind}");
        assert!(outcome.objects[0].starts_with(used), "{kind}: {:?}", outcome.objects);

        let word = kind.trim_end_matches("List");
        let named = entry.replacen('{', &format!("{{apiVersion: {version}, kind: {word}, "), 1);
        let outcome = read(format!("{head}[{named}]").as_bytes());
        assert!(outcome.objects[0].starts_with(used), "{kind}: {:?}", outcome.objects);

        let outcome = read(format!("apiVersion: v1\nkind: List\nitems: [{named}]").as_bytes());
        assert!(outcome.objects[0].starts_with(used), "List: {:?}", outcome.objects);

        let outcome = read(format!("apiVersion: v1\nkind: List\nitems: [{entry}]").as_bytes());
        assert_eq!(outcome.objects, [""; 0], "an entry of a List must say what it is");
        assert_eq!(outcome.refused.len(), 1, "{:?}", outcome.refused);
        assert!(outcome.refused[0].contains(" @ kind | absent"), "{:?}", outcome.refused);
    }
}

#[test]
fn a_list_in_a_list_is_refused_by_its_place() {
    let inner = format!("{{kind: List, items: [{{{SERVICE}}}]}}");
    let outcome = read(format!("kind: List\nitems: [{inner}, {{kind: NodeList, items: [{{metadata: {{name: n1}}}}]}}]\n").as_bytes());
    assert_eq!((outcome.objects.len(), outcome.refused.len()), (0, 2), "{:?}", outcome.refused);
    assert!(
        outcome.refused[1].contains("items[1] @ kind | a list inside a list"),
        "{:?}",
        outcome.refused
    );
}

#[test]
fn an_object_twice_in_a_list_is_refused_by_its_place() {
    let outcome = read(format!("kind: List\nitems: [{{{SERVICE}}}, {{{SERVICE}}}]\n").as_bytes());
    assert_eq!(outcome.objects.len(), 1);
    let refused = &outcome.refused[0];
    assert!(
        refused.starts_with("Service shop/web @ ") && refused.contains("items[0]"),
        "{refused}"
    );
    assert!(refused.contains("items[1]"), "{refused}");
}

#[test]
fn other_kinds_are_passed_over_and_counted() {
    for document in [
        "apiVersion: v1\nkind: Endpoints\nmetadata: {name: web, namespace: shop}\nsubsets: [{addresses: [{ip: 10.1.1.1}]}]\n",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: 7\n",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: 7\n",
        "apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {name: web, namespace: shop}\nspec: {template: {}}\n",
        "apiVersion: serving.knative.dev/v1\nkind: ServiceList\nitems: [{metadata: {name: web}, spec: {template: {}}}]\n",
        "apiVersion: example.org/v1\nkind: Node\nmetadata: {name: n1}\n",
        "apiVersion: example.org/v1\nkind: Pod\nmetadata: {name: p}\n",
        "apiVersion: discovery.k8s.io/v1beta1\nkind: EndpointSlice\nmetadata: {name: web-1}\n",
        "apiVersion: apps/v1\nkind: DeploymentList\nitems: [{metadata: {name: web}}]\n",
        "kind: service\nmetadata: {name: web}\n",
    ] {
        let outcome = read_among_others(document).unwrap();
        let got = (outcome.objects.len(), outcome.refused.len(), passed_over(&outcome));
        assert_eq!(got, (2, 0, 1), "{document}{:?} {:?}", outcome.refused, outcome.objects);
    }
    let list = "kind: List\nitems: [{apiVersion: apps/v1, kind: Deployment}, {apiVersion: v1, kind: Secret}]\n";
    assert_eq!(passed_over(&read(list.as_bytes())), 2);
}

#[test]
fn a_knative_service_is_told_apart_from_ours_in_the_count() {
    let input = "apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {name: web}\n";
    let outcome = read(input.as_bytes());
    let names: Vec<_> = outcome.counts.passed_over.keys().collect();
    assert!(names[0].contains("serving.knative.dev"), "{names:?}");
}

#[test]
fn a_document_without_a_kind_is_refused() {
    for kind in ["", "kind: null\n", "kind: ''\n"] {
        let outcome =
            read_among_others(&format!("apiVersion: v1\n{kind}metadata: {{name: web}}\n")).unwrap();
        assert_eq!((outcome.objects.len(), passed_over(&outcome)), (2, 0), "{kind}");
        assert!(outcome.refused[0].contains(" @ kind | absent"), "{:?}", outcome.refused);
    }
}

#[test]
fn a_kind_of_a_wrong_type_is_refused_as_such() {
    for kind in ["7", "[]", "{}", "true"] {
        let outcome =
            read_among_others(&format!("apiVersion: v1\nkind: {kind}\nmetadata: {{name: web}}\n"))
                .unwrap();
        assert_eq!((outcome.objects.len(), passed_over(&outcome)), (2, 0), "{kind}");
        assert!(outcome.refused[0].contains(" @ kind | must be text"), "{:?}", outcome.refused);
    }
}

#[test]
fn a_version_of_a_wrong_type_is_refused() {
    for version in ["7", "[]", "{}", "true"] {
        let outcome = read_among_others(&format!(
            "apiVersion: {version}\nkind: Service\nmetadata: {{name: web}}\nspec: {{clusterIP: 172.20.0.10}}\n"
        ))
        .unwrap();
        let refused = outcome.refused.first().map(String::as_str).unwrap_or_default();
        assert!(refused.contains("apiVersion | must be text"), "{version}: {:?}", outcome.objects);
    }
}

#[test]
fn each_kind_is_counted() {
    let input = format!(
        "kind: List\nitems:\n- {{{SERVICE}}}\n- {{kind: Node, metadata: {{name: n1}}}}\n\
         - {{kind: Pod, metadata: {{name: p}}}}\n\
         - {{kind: EndpointSlice, metadata: {{name: s}}, addressType: IPv4}}\n- {{kind: Secret}}\n"
    );
    let counts = read(input.as_bytes()).counts;
    assert_eq!((counts.files, counts.services, counts.slices, counts.slices_ignored), (1, 1, 1, 1));
    assert_eq!((counts.nodes, counts.pods, counts.passed_over.len()), (1, 1, 1));
}

#[test]
fn a_key_twice_in_one_entry_costs_no_other_entry() {
    let twice = "{kind: Node, metadata: {name: n1, name: n2}}";
    let yaml = format!("kind: List\nitems: [{twice}, {{{SERVICE}}}]\n");
    let json = r#"{"kind":"List","items":[{"kind":"Node","metadata":{"name":"n1","name":"n2"}},
        {"kind":"Service","metadata":{"name":"web","namespace":"shop"},"spec":{"clusterIP":"172.20.0.10"}}]}"#;
    for text in [yaml.as_str(), json] {
        let outcome = read(text.as_bytes());
        assert_eq!(outcome.objects.len(), 2, "{text}: {:?}", outcome.objects);
        assert!(outcome.objects[1].contains("n1") || outcome.objects[0].contains("n1"));
        assert_eq!(outcome.refused.len(), 1, "{text}: {:?}", outcome.refused);
    }
}
