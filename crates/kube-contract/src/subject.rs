//! What is tested, seen from outside.

use anyhow::{Result, bail};

/// What can be done to a server, besides talking to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ability {
    /// It can be ended and started again on what it has kept.
    Restart,
    /// Its store can be made to forget its history.
    Forget,
    /// A second server can be started on the same store.
    SecondServer,
    /// Its store can be made to stand still.
    Freeze,
    /// It asks who somebody is.
    Authenticate,
}

/// A server under test.
///
/// Everything here blocks until it has come about, and has a deadline of its own. What a subject says that it cannot do is never
/// asked for.
pub trait Subject {
    /// What it is called.
    fn name(&self) -> &str;

    /// Whether this can be done to it.
    fn can(&self, ability: Ability) -> bool;

    /// How to reach it, as a kubeconfig in YAML or JSON. It is the same after a restart.
    fn kubeconfig(&self) -> Result<String>;

    /// Ends it and its store, and starts them again on what they have kept.
    fn restart(&mut self) -> Result<()> {
        bail!("{} cannot be restarted", self.name())
    }

    /// Has the store forget all history up to now. What a running server remembers by itself is its own affair.
    fn forget(&mut self) -> Result<()> {
        bail!("{} cannot be made to forget", self.name())
    }

    /// Starts another server on the same store, and tells how to reach it. It ends with the next call, or with the subject.
    fn second_server(&mut self) -> Result<String> {
        bail!("{} has no second server", self.name())
    }

    /// Has the store stand still: it answers nothing, and loses nothing.
    fn freeze(&mut self) -> Result<()> {
        bail!("{} cannot be frozen", self.name())
    }

    /// Has it go on.
    fn thaw(&mut self) -> Result<()> {
        bail!("{} cannot be thawed", self.name())
    }
}
