//! A number that everything which happened leads to, by which two runs are compared.

use std::hash::{DefaultHasher, Hash, Hasher};

/// Everything so far, in a number. The hasher has fixed keys.
#[derive(Debug, Clone, Default)]
pub(super) struct Digest(DefaultHasher);

impl Digest {
    pub(super) fn note(&mut self, what: &impl Hash) {
        what.hash(&mut self.0);
    }

    pub(super) fn value(&self) -> u64 {
        self.0.finish()
    }
}
