//! The page against its rows, its golden form and its documentation.

use std::collections::BTreeSet;
use std::path::Path;

use super::*;

/// The page of `figures`, an hour after the beginning.
fn page(figures: &Figures, format: Format) -> String {
    let (calls, answers, ports) = Default::default();
    let sources = Sources {
        figures,
        input: figures.input,
        calls: &calls,
        answers: &answers,
        ports: &ports,
        now: Duration::from_secs(3_600),
        wall: "2026-01-31T12:00:00Z".parse().unwrap(),
    };
    render(&sources, format).unwrap()
}

/// The names and types that a page declares.
fn declared(page: &str) -> BTreeMap<String, String> {
    let types = page.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    types
        .filter_map(|line| line.split_once(' '))
        .map(|(name, kind)| (name.into(), kind.into()))
        .collect()
}

/// Fails unless `page` is what Prometheus reads as text: each value belongs to the metric declared last, and is a number.
fn must_parse(page: &str) {
    let mut declared: Option<(String, String)> = None;
    let mut seen = BTreeSet::new();
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            declared = Some((name.to_owned(), kind.to_owned()));
            continue;
        }
        if line.starts_with('#') {
            continue;
        }
        let (series, value) = line.rsplit_once(' ').unwrap();
        assert!(seen.insert(series.to_owned()), "twice: {series}");
        assert!(value.parse::<f64>().is_ok(), "no number: {line}");
        let (name, kind) = declared.clone().unwrap();
        let bare = series.split('{').next().unwrap();
        let belongs = match kind.as_str() {
            "histogram" => {
                ["_sum", "_count", "_bucket"].iter().any(|end| bare == format!("{name}{end}"))
            }
            _ => bare == name,
        };
        assert!(belongs, "{bare} is not of {name}, a {kind}");
    }
}

#[test]
fn every_metric_is_on_the_first_page_under_its_name_and_type() {
    let page = page(&Figures::default(), Format::Text);
    must_parse(&page);
    let wanted: BTreeMap<_, _> =
        metrics().map(|metric| (metric.name.to_owned(), metric.kind.as_str().to_owned())).collect();
    assert_eq!(wanted.len(), metrics().count(), "a name is there twice");
    assert_eq!(declared(&page), wanted);
    for metric in metrics().filter(|metric| metric.labels.is_empty()) {
        let start = format!("\n{}", metric.name);
        let has_value =
            page.contains(&format!("{start} ")) || page.contains(&format!("{start}_sum "));
        assert!(has_value, "{} has no value", metric.name);
    }
}

#[test]
fn open_metrics_says_the_same() {
    let figures = Figures::default();
    let (text, open) = (page(&figures, Format::Text), page(&figures, Format::OpenMetrics));
    assert!(open.ends_with("# EOF\n") && !text.contains("# EOF"));
    let values = |page: &str| {
        page.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(values(&open), values(&text));
    assert!(open.contains("# TYPE kubeproxy_sync_proxy_rules_endpoint_changes counter\n"));
    assert_eq!(
        Format::for_client("application/openmetrics-text;version=1.0.0,*/*;q=0.1"),
        Format::OpenMetrics
    );
    assert_eq!(Format::for_client("text/plain"), Format::Text);
}

/// The names, types, labels and bounds of kube-proxy on Windows, as its dashboards know them.
#[test]
fn what_kube_proxy_has_is_as_it_has_it() {
    let mut accounts = Accounts::default();
    for verb in [
        switchyard_winkernel::Verb::Create,
        switchyard_winkernel::Verb::Modify,
        switchyard_winkernel::Verb::Delete,
    ] {
        accounts.failed(Failure {
            verb,
            family: switchyard_model::Family::IPv4,
            kind: LoadBalancerKind::NodePort,
            hresult: Some(switchyard_hcn::hresult::HCN_E_PORT_ALREADY_EXISTS),
        });
    }
    accounts.figures().families.insert(switchyard_model::Family::IPv4);
    let page = page(accounts.figures(), Format::Text);
    must_parse(&page);
    let of_kube_proxy: Vec<&str> = page
        .lines()
        .filter(|line| line.starts_with("# TYPE kubeproxy_") || line.starts_with("kubeproxy_"))
        .filter(|line| !line.contains("network_programming_duration_seconds_bucket"))
        .collect();
    let golden = include_str!("kube-proxy.txt");
    assert_eq!(of_kube_proxy.join("\n") + "\n", golden, "the page is not kube-proxy.txt");
    let bounds: Vec<f64> = page
        .lines()
        .filter_map(|line| {
            line.strip_prefix("kubeproxy_network_programming_duration_seconds_bucket{le=\"")
        })
        .map(|line| line.split('"').next().unwrap().parse().unwrap())
        .collect();
    let seconds = (1..60).chain((60..120).step_by(5)).chain((120..=300).step_by(30)).map(f64::from);
    let wanted: Vec<f64> =
        [0.0, 0.25, 0.5].into_iter().chain(seconds).chain([f64::INFINITY]).collect();
    assert_eq!(bounds, wanted);
}

#[test]
fn changes_wait_until_all_is_attempted_and_pods_are_timed_from_their_trigger() {
    let second = Duration::from_secs(1);
    let mut accounts = Accounts::default();
    // The process began at 1 s on the wall.
    accounts.queued(2, 3, [1_000_000, 9_000_000, 999_999], second);
    accounts.queued(0, 1, [], second * 2);
    let figures = accounts.figures();
    assert_eq!((figures.service_changes, figures.endpoint_changes), ((2, 2), (4, 4)));
    assert_eq!((figures.queued, figures.attempted), (Some(second * 2), None));
    // The clock of this node is behind that of the API server by four seconds for the second pod.
    accounts.attempted(second * 4, 5_000_000);
    accounts.attempted(second * 9, 5_000_000);
    let figures = accounts.figures();
    assert_eq!((figures.service_changes, figures.endpoint_changes), ((0, 2), (0, 4)));
    assert_eq!(figures.attempted, Some(second * 4), "nothing waited the second time");
    let counted = |buckets: &Buckets| buckets.counts().iter().map(|(_, count)| count).sum::<u64>();
    assert_eq!((counted(&figures.sync), counted(&figures.programming)), (1, 2));
    let sums = (figures.sync.sum(), figures.programming.sum());
    assert!((sums.0 - 3.0).abs() < 1e-9 && (sums.1 - 4.0).abs() < 1e-9, "{sums:?}");
}

#[test]
fn moments_are_shown_on_the_wall_and_never_kept_there() {
    let figures = Figures { queued: Some(Duration::from_secs(3_540)), ..Figures::default() };
    let page = page(&figures, Format::Text);
    let wall: Timestamp = "2026-01-31T11:59:00Z".parse().unwrap();
    let line = format!(
        "kubeproxy_sync_proxy_rules_last_queued_timestamp_seconds {}.0\n",
        wall.as_second()
    );
    assert!(page.contains(&line), "{page}");
    assert!(page.contains("\nkubeproxy_sync_proxy_rules_last_timestamp_seconds 0.0\n"));
}

#[test]
fn the_documentation_is_what_the_page_is_made_of() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/metrics.md");
    let wanted = documentation();
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    if written != wanted {
        let new = std::env::temp_dir().join("switchyard-metrics.md");
        std::fs::write(&new, wanted).unwrap();
        panic!("docs/metrics.md differs from the registry: {} is as it should be", new.display());
    }
}
