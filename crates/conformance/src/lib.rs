//! How Kubernetes Services behave, as data, and what checks it.
//!
//! Everything here speaks JSON only: Kubernetes documents in, the answer of `switchyard trace -o json` out.
//! So nothing in this crate can share a mistake with what it tests, and any backend is a [`Subject`].
//!
//! * [`facts`]: the behaviours, one row each, run against a [`Subject`].
//! * [`health`]: what is asked over HTTP, and what happens to a proxy meanwhile.
//! * [`hns`]: what a backend with an HNS is asked besides.
//! * [`oracle`]: an independent reading of the service rules.
//! * [`random`]: random clusters, packets and histories.
//! * [`check`]: oracle against subject, with the share of packets each kind of question had.

pub mod check;
pub mod facts;
pub mod health;
pub mod hns;
pub mod oracle;
pub mod random;
pub mod subject;

pub use health::{HealthEvent, HealthPage, HealthSubject};
pub use hns::{HnsCall, HnsCalls, HnsEvent, HnsKind, HnsSetup, HnsSubject};
pub use subject::{Answer, AnswerBackend, Change, Setup, Subject};
