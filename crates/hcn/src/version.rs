//! Versions of HNS and of the documents' schema.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::lenient;

/// A version of HNS, or of the schema of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Version {
    /// The part that counts first.
    #[serde(default, deserialize_with = "lenient::number")]
    pub major: u32,
    /// The part that counts second.
    #[serde(default, deserialize_with = "lenient::number")]
    pub minor: u32,
}

impl Version {
    /// The schema of all documents that this crate writes: the first that HNS calls version 2.
    pub const SCHEMA: Self = Self::new(2, 0);

    /// The version `major.minor`.
    #[must_use]
    pub const fn new(major: u32, minor: u32) -> Self {
        Self { major, minor }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// A text that is not a version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a version such as 15.5")]
pub struct ParseVersionError {
    text: String,
}

impl FromStr for Version {
    type Err = ParseVersionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = |part: &str| {
            part.bytes().all(|digit| digit.is_ascii_digit()).then(|| part.parse().ok()).flatten()
        };
        text.split_once('.')
            .and_then(|(major, minor)| Some(Self::new(number(major)?, number(minor)?)))
            .ok_or_else(|| ParseVersionError { text: text.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: Option<Version>) {
        assert_eq!(text.parse().ok(), expect, "{text}");
    }

    #[test]
    fn versions_are_two_numbers() {
        check("15.5", Some(Version::new(15, 5)));
        check("9.10", Some(Version::new(9, 10)));
        check("15", None);
        check("15.", None);
        check("+15.5", None);
        check("15.5.1", None);
        assert!(Version::new(9, 10) > Version::new(9, 9));
        assert_eq!(Version::new(15, 5).to_string(), "15.5");
    }
}
