//! HNS behind the trait, with a picture taken after each call: the places where a process can die.
//!
//! A process that dies before call k + 1 leaves what one leaves that dies after call k: the call's effect if it had one,
//! and nobody who heard the answer. So the pictures after each call, and the one before the first, are all there is of both.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use switchyard_hcn::{Error, Hcn};
use switchyard_hcn_emulator::{Emulator, Service};
use switchyard_winkernel::LedgerStore;

/// What a process leaves behind that dies here.
#[derive(Clone)]
pub(super) struct Picture {
    /// HNS with all that it holds.
    pub(super) service: Arc<Service>,
    /// When.
    pub(super) now: Duration,
    /// The text of the ledger.
    pub(super) ledger: String,
    /// What was done last.
    pub(super) after: &'static str,
    /// Whether that changed HNS or the ledger.
    pub(super) is_change: bool,
}

#[derive(Default)]
struct Album {
    pictures: Vec<Picture>,
    ledger: String,
    mutating: u64,
}

/// An HNS that is watched, and the ledger beside it.
pub(super) struct Recorder<'a> {
    emulator: &'a Emulator,
    album: Mutex<Album>,
}

impl<'a> Recorder<'a> {
    /// Watches `emulator`, beside a ledger that says `ledger`.
    pub(super) fn new(emulator: &'a Emulator, ledger: &str) -> Self {
        let album = Album { ledger: ledger.to_owned(), ..Album::default() };
        let recorder = Self { emulator, album: Mutex::new(album) };
        recorder.picture("the beginning", true);
        recorder
    }

    /// The pictures, in order.
    pub(super) fn into_pictures(self) -> Vec<Picture> {
        self.album.into_inner().unwrap_or_else(PoisonError::into_inner).pictures
    }

    fn album(&self) -> MutexGuard<'_, Album> {
        self.album.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn picture(&self, after: &'static str, is_ledger: bool) {
        let mut album = self.album();
        let mutating = self.emulator.steer(|service| service.calls().total_mutating());
        let is_change = is_ledger || mutating != album.mutating;
        album.mutating = mutating;
        let earlier = album.pictures.last().map(|last| Arc::clone(&last.service));
        let service = match earlier {
            Some(earlier) if !is_change || is_ledger => earlier,
            _ => Arc::new(self.emulator.steer(|service| service.clone())),
        };
        let ledger = album.ledger.clone();
        album.pictures.push(Picture {
            service,
            now: self.emulator.now(),
            ledger,
            after,
            is_change,
        });
    }

    fn watch<T>(&self, name: &'static str, call: impl FnOnce(&Emulator) -> T) -> T {
        let answer = call(self.emulator);
        self.picture(name, false);
        answer
    }
}

/// The ledger's end of a recorder.
pub(super) struct RecordedLedger<'a, 'b>(pub(super) &'b Recorder<'a>, pub(super) &'b mut String);

impl LedgerStore for RecordedLedger<'_, '_> {
    fn append(&mut self, lines: &str) -> std::io::Result<()> {
        // A process may die in the midst of writing.
        let half = lines.len() / 2;
        self.0.album().ledger = format!("{}{}", self.1, lines.get(..half).unwrap_or_default());
        self.0.picture("half of writing the ledger", true);
        self.1.push_str(lines);
        self.0.album().ledger.clone_from(self.1);
        self.0.picture("writing the ledger", true);
        Ok(())
    }

    fn remove(&mut self) -> std::io::Result<()> {
        self.1.clear();
        self.0.album().ledger.clear();
        self.0.picture("removing the ledger", true);
        Ok(())
    }
}

macro_rules! watched {
    ($($name:ident($($argument:ident: $type:ty),*) -> $answer:ty, $($word:ident)*;)*) => {
        impl Hcn for Recorder<'_> {
            $(fn $name(&self, $($argument: $type),*) -> Result<$answer, Error> {
                self.watch(stringify!($name), |hns| hns.$name($($argument),*))
            })*
        }
    };
}

switchyard_hcn::for_each_function!(watched);
