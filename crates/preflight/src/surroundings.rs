//! What a run needs of the machine besides HNS.

use std::any::Any;
use std::time::Duration;

use switchyard_hcn::IpProtocol;

/// What a run needs of the machine besides HNS: the time, the operator, and ports. A run itself reads no clock.
pub trait Surroundings: Send + Sync {
    /// The time since some moment that stays the same.
    fn now(&self) -> Duration;

    /// Lets time pass.
    fn pause(&self, time: Duration);

    /// Whether the operator wants the run to end. It then removes what it made.
    fn is_stopped(&self) -> bool;

    /// Binds a port at all addresses, as a process of the node does; none where that is not possible.
    fn listen(&self) -> Option<ListeningPort>;

    /// Asks the operator to restart HNS now. It does not wait until that has happened.
    fn ask_for_restart(&self);

    /// Tells that a question is being asked.
    fn asking(&self, question: &str);
}

/// A port that is bound for as long as this is kept.
pub struct ListeningPort {
    /// Its protocol.
    pub protocol: IpProtocol,
    /// Its number.
    pub port: u16,
    /// What binds it.
    pub guard: Box<dyn Any>,
}
