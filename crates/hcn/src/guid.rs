//! Identifiers of HNS objects.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// The identifier of an HNS object.
///
/// It is read in any case, with or without braces, and written in lower case without braces, in documents as well:
/// HNS compares ids without regard to case and hcsshim's hcn package sends them so.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Guid(Uuid);

impl Guid {
    /// The id of no object; given to a create call it lets HNS pick one.
    pub const NIL: Self = Self(Uuid::nil());

    /// The id with the value of `uuid`.
    #[must_use]
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid)
    }

    /// The value, as fields and bytes are taken from it.
    #[must_use]
    pub const fn uuid(&self) -> &Uuid {
        &self.0
    }

    /// Whether this is the id of no object.
    #[must_use]
    pub const fn is_nil(&self) -> bool {
        self.0.is_nil()
    }
}

/// A text that is not a GUID.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a GUID")]
pub struct ParseGuidError {
    text: String,
}

impl FromStr for Guid {
    type Err = ParseGuidError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bare = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or(text);
        let refused = || ParseGuidError { text: text.to_owned() };
        // Uuid also takes forms without hyphens and with prefixes, which HNS does not write.
        if bare.len() != uuid::fmt::Hyphenated::LENGTH {
            return Err(refused());
        }
        Uuid::try_parse(bare).map(Self).map_err(|_| refused())
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.0.as_hyphenated(), f)
    }
}

impl fmt::Debug for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Guid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Guid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: Option<&str>) {
        let shown = text.parse::<Guid>().ok().map(|guid| guid.to_string());
        assert_eq!(shown.as_deref(), expect, "{text}");
    }

    #[test]
    fn any_form_is_read_and_one_is_written() {
        let plain = "0a1b2c3d-1111-2222-3333-0123456789ab";
        check("0a1b2c3d-1111-2222-3333-0123456789ab", Some(plain));
        check("0A1B2C3D-1111-2222-3333-0123456789AB", Some(plain));
        check("{0A1B2C3D-1111-2222-3333-0123456789ab}", Some(plain));
        check("0A1B2C3D111122223333-0123456789ab", None);
        check("0a1b2c3d1111222233330123456789ab", None);
        check("{0a1b2c3d-1111-2222-3333-0123456789ab", None);
        check("urn:uuid:0a1b2c3d-1111-2222-3333-0123456789ab", None);
        check("0a1b2c3d-1111-2222-3333-0123456789ag", None);
        check("", None);
    }

    #[test]
    fn documents_have_the_form_that_is_shown() {
        let guid: Guid =
            serde_json::from_str("\"{0A1B2C3D-1111-2222-3333-0123456789AB}\"").unwrap();
        assert_eq!(
            serde_json::to_string(&guid).unwrap(),
            "\"0a1b2c3d-1111-2222-3333-0123456789ab\""
        );
    }
}
