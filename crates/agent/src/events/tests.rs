//! What is written of what is told.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use kube::Client;
use kube::client::Body;

use switchyard_source::api::{Clients, ConnectionError, Made, MakeClient};

use super::*;

fn notice(service: &str, reason: &str) -> Notice {
    Notice {
        service: ServiceKey::new("shop", service),
        uid: Some("uid-1".into()),
        kind: NoticeKind::Warning,
        reason: reason.to_owned(),
        action: "Listen".to_owned(),
        note: "the port is taken".to_owned(),
    }
}

const fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn what_happens_again_is_a_series_that_is_written_seldom() {
    let mut limiter = Limiter::default();
    let same = notice("web", "Same");
    assert_eq!(limiter.take(&same, at(0)), Some(Publication::New { number: 0 }));
    assert_eq!(limiter.take(&same, at(1)), Some(Publication::Again { number: 0, count: 2 }));
    for second in 2..361 {
        assert_eq!(limiter.take(&same, at(second)), None, "{second}");
    }
    assert_eq!(limiter.take(&same, at(361)), Some(Publication::Again { number: 0, count: 362 }));
    // After a while without, it is another.
    assert_eq!(limiter.take(&same, at(800)), Some(Publication::New { number: 1 }));
    limiter.lost(1);
    assert_eq!(limiter.take(&same, at(801)), Some(Publication::New { number: 2 }));
}

#[test]
fn one_object_does_not_take_the_place_of_others() {
    let mut limiter = Limiter::default();
    let many = (0..40).map(|number| notice("loud", &format!("Reason{number}")));
    let written = many.filter(|notice| limiter.take(notice, at(0)).is_some()).count();
    assert_eq!(written, 25);
    assert!(limiter.take(&notice("quiet", "Reason"), at(0)).is_some());
    assert!(limiter.take(&notice("loud", "Late"), at(299)).is_none());
    assert!(limiter.take(&notice("loud", "Late"), at(300)).is_some());
}

#[test]
fn all_objects_together_have_a_bound_in_rate_and_memory() {
    let mut limiter = Limiter::default();
    let mut written = 0;
    for number in 0..5_000 {
        written += u32::from(limiter.take(&notice(&format!("s{number}"), "X"), at(0)).is_some());
    }
    assert_eq!(written, 50);
    for number in 0..5_000 {
        let told = limiter.take(&notice(&format!("t{number}"), "X"), at(number));
        assert!(told.is_some() || number == 0, "{number}");
    }
}

#[test]
fn a_full_queue_drops_and_counts() {
    let (events, receiver) = Events::to_writer();
    for _ in 0..MOST_WAITING + 3 {
        events.tell(notice("web", "X"));
    }
    assert_eq!(events.dropped(), 3);
    drop(receiver);
    events.tell(notice("web", "X"));
    assert_eq!(events.dropped(), 4);
    Events::nowhere().tell(notice("web", "X"));
}

/// What an API server was asked: method, path, body.
type Asked = Arc<Mutex<Vec<(String, String, serde_json::Value)>>>;

/// An API server that answers `codes`, one after the other, then 201.
fn api(asked: &Asked, codes: &[u16]) -> Client {
    let asked = Arc::clone(asked);
    let codes = codes.to_vec();
    let service = tower::service_fn(move |request: http::Request<Body>| {
        let (asked, codes) = (Arc::clone(&asked), codes.clone());
        async move {
            let (parts, body) = request.into_parts();
            let bytes = body.collect_bytes().await?;
            let body: serde_json::Value = serde_json::from_slice(&bytes)?;
            let mut asked = asked.lock().unwrap_or_else(PoisonError::into_inner);
            let code = codes.get(asked.len()).copied().unwrap_or(201);
            asked.push((parts.method.to_string(), parts.uri.path().to_owned(), body));
            let failure = serde_json::json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": "no", "reason": "no"});
            let event = serde_json::json!({"apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {"name": "x"}, "eventTime": null});
            let answer = if code < 300 { event } else { failure };
            let answer = http::Response::builder()
                .status(code)
                .body(Body::from(answer.to_string().into_bytes()));
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(answer?)
        }
    });
    Client::new(service, "default")
}

fn write(codes: &[u16], notices: &[Notice]) -> Vec<(String, String, serde_json::Value)> {
    let asked = Asked::default();
    write_with(|| api(&asked, codes).into(), notices);
    Arc::try_unwrap(asked)
        .map_or_else(|asked| asked.lock().unwrap().clone(), |asked| asked.into_inner().unwrap())
}

fn write_with(clients: impl FnOnce() -> Clients, notices: &[Notice]) {
    write_from("n1", clients, notices);
}

fn write_from(instance: &str, clients: impl FnOnce() -> Clients, notices: &[Notice]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (events, receiver) = Events::to_writer();
        for notice in notices {
            events.tell(notice.clone());
        }
        drop(events);
        let source =
            EventSource { controller: "switchyard".to_owned(), instance: instance.to_owned() };
        write_events(receiver, clients(), source).await;
    });
}

type Coming<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Clients of which all but the first are taken.
struct Renewed(Asked);

impl MakeClient for Renewed {
    fn make(&self) -> Coming<'_, Result<Made, ConnectionError>> {
        let client = api(&self.0, &[401]);
        Box::pin(async { Ok(Made { client, server: None, lasts: None, mark: 0 }) })
    }

    fn mark(&self) -> Coming<'_, Option<u64>> {
        Box::pin(async { None })
    }
}

#[test]
fn an_event_is_written_with_the_newest_client() {
    let asked = Asked::default();
    let clients = Clients::by(Box::new(Renewed(Arc::clone(&asked))));
    write_with(|| clients.clone(), &[notice("web", "Taken"), notice("web", "Taken")]);
    let methods: Vec<_> = asked.lock().unwrap().iter().map(|(method, ..)| method.clone()).collect();
    assert_eq!(methods, ["POST", "POST"]);
    assert_eq!(clients.status().renewals, 1);
}

#[test]
fn an_event_is_about_the_service_and_a_second_one_makes_a_series() {
    let twice = [notice("web", "Taken"), notice("web", "Taken"), notice("web", "Taken")];
    let asked = write(&[], &twice);
    assert_eq!(asked.len(), 2, "the third changes nothing yet: {asked:?}");
    let (method, path, body) = &asked[0];
    let events = "/apis/events.k8s.io/v1/namespaces/shop/events";
    assert_eq!((method.as_str(), path.as_str()), ("POST", events));
    assert_eq!(body["regarding"]["name"], "web");
    assert_eq!(body["regarding"]["uid"], "uid-1");
    assert_eq!((&body["reason"], &body["type"]), (&"Taken".into(), &"Warning".into()));
    assert_eq!(body["reportingInstance"], "n1");
    let name = body["metadata"]["name"].as_str().unwrap();
    assert!(name.starts_with("web."), "{name}");
    let (method, path, body) = &asked[1];
    assert_eq!((method.as_str(), path), ("PATCH", &format!("{events}/{name}")));
    assert_eq!(body["series"]["count"], 2);
}

#[test]
fn an_event_that_is_gone_is_made_anew_and_a_refusal_stops_nothing() {
    let twice = [notice("web", "Taken"), notice("web", "Taken")];
    let methods = |asked: &[(String, String, serde_json::Value)]| {
        asked.iter().map(|(method, ..)| method.clone()).collect::<Vec<_>>()
    };
    assert_eq!(methods(&write(&[201, 404], &twice)), ["POST", "PATCH", "POST"]);
    assert_eq!(methods(&write(&[403], &twice)), ["POST", "POST"]);
}

#[test]
fn words_are_as_long_as_the_api_server_takes_them() {
    // 253 bytes, as the longest name of a Node has; that no letter is cut in two shows with letters of two bytes.
    let name = format!("n{}", "\u{e4}".repeat(126));
    let asked = Asked::default();
    let long = Notice { reason: "R".repeat(200), ..notice("web", "") };
    write_from(&name, || api(&asked, &[]).into(), &[long]);
    let asked = asked.lock().unwrap();
    let body = &asked[0].2;
    let bytes = |field: &str| body[field].as_str().unwrap().len();
    assert_eq!((bytes("reportingInstance"), bytes("reason")), (127, 128));
    assert_eq!(body["reportingController"], "switchyard");
    assert!(name.starts_with(body["reportingInstance"].as_str().unwrap()));
}
