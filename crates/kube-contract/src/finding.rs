//! What a scenario ends with where the server does not do as it says, and the comparisons that find it.

use std::fmt::Debug;

/// Something that is not as it should be: what came, and what should have.
#[derive(Debug)]
pub(crate) struct Finding(pub(crate) String);

/// What a scenario comes to.
pub(crate) type Checked<T = ()> = Result<T, Finding>;

impl Finding {
    /// A finding of these words.
    pub(crate) fn of(detail: impl Into<String>) -> Self {
        Self(detail.into())
    }

    /// The same, saying when it came.
    pub(crate) fn during(self, what: &str) -> Self {
        Self(format!("{what}: {}", self.0))
    }
}

impl From<anyhow::Error> for Finding {
    fn from(error: anyhow::Error) -> Self {
        Self(format!("{error:#}"))
    }
}

/// That it is so; `otherwise` says what is instead.
pub(crate) fn that(holds: bool, otherwise: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err(Finding(otherwise())) }
}

/// That something is what it must be.
pub(crate) fn equal<T, U>(what: &str, found: &T, expected: &U) -> Checked
where
    T: PartialEq<U> + Debug + ?Sized,
    U: Debug + ?Sized,
{
    that(found == expected, || format!("{what}: {found:?}, must be {expected:?}"))
}
