//! That the scenarios ask for something: a server that grants everything and knows nothing passes none.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use anyhow::Result;
use serde_json::json;

use super::*;

/// A server that says yes to everything, and `{}`.
struct Yes {
    address: SocketAddr,
    abilities: &'static [Ability],
}

const ALL: &[Ability] = &[
    Ability::Restart,
    Ability::Forget,
    Ability::SecondServer,
    Ability::Freeze,
    Ability::Authenticate,
];

impl Yes {
    fn start(abilities: &'static [Ability]) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                std::thread::spawn(move || answer(stream));
            }
        });
        Self { address, abilities }
    }
}

/// Answers every request of a connection, until it ends.
fn answer(mut stream: TcpStream) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    loop {
        let mut first = String::new();
        reader.read_line(&mut first).ok().filter(|read| *read > 0)?;
        let mut length = 0;
        loop {
            let mut header = String::new();
            reader.read_line(&mut header).ok()?;
            if header.trim().is_empty() {
                break;
            }
            if let Some(value) = header.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
        }
        reader.read_exact(&mut vec![0; length]).ok()?;
        let code = if first.starts_with("POST") { "201 Created" } else { "200 OK" };
        write!(stream, "HTTP/1.1 {code}\r\ncontent-length: 2\r\n\r\n{{}}").ok()?;
    }
}

impl Subject for Yes {
    fn name(&self) -> &str {
        "yes"
    }

    fn can(&self, ability: Ability) -> bool {
        self.abilities.contains(&ability)
    }

    fn kubeconfig(&self) -> Result<String> {
        let server = format!("http://{}", self.address);
        let config = json!({
            "current-context": "yes",
            "clusters": [{"name": "yes", "cluster": {"server": server}}],
            "users": [{"name": "yes", "user": {}}],
            "contexts": [{"name": "yes", "context": {"cluster": "yes", "user": "yes"}}],
        });
        Ok(config.to_string())
    }

    fn restart(&mut self) -> Result<()> {
        Ok(())
    }

    fn forget(&mut self) -> Result<()> {
        Ok(())
    }

    fn second_server(&mut self) -> Result<String> {
        self.kubeconfig()
    }

    fn freeze(&mut self) -> Result<()> {
        Ok(())
    }

    fn thaw(&mut self) -> Result<()> {
        Ok(())
    }
}

#[test]
fn who_grants_everything_passes_nothing() {
    let rows = run(&mut Yes::start(ALL), &scenario_ids());
    assert_eq!(rows.len(), scenario_ids().len());
    let passed: Vec<_> = rows.iter().filter(|row| row.verdict != Verdict::Fail).collect();
    assert!(passed.is_empty(), "{passed:#?}");
    assert!(rows.iter().all(|row| row.detail.is_some()));
}

#[test]
fn what_a_subject_cannot_do_is_a_row_that_says_so() {
    let rows = run(&mut Yes::start(&[]), &["E01", "E08", "D12"]);
    let details: Vec<_> = rows.iter().filter_map(|row| row.detail.as_deref()).collect();
    let expected = [
        "yes cannot be made to forget",
        "yes cannot be frozen",
        "yes cannot tell strangers from friends",
    ];
    assert_eq!(details, expected);
    assert!(rows.iter().all(|row| row.verdict == Verdict::NotOfThisSubject));
}

#[test]
fn ids_are_in_the_order_of_their_files() {
    let mut before = String::new();
    for id in scenario_ids() {
        let same_letter = before.starts_with(&id[..1]);
        assert!(!same_letter || before.as_str() < id, "{id} behind {before}");
        id.clone_into(&mut before);
    }
}
