//! The journal: what the processes that share an HNS write, and how they take turns.
//!
//! A file has one line of JSON for each call, and begins with all that HNS was when it was begun. When it has become long, a
//! new one is begun, and the last line of the old one names it. So a process that follows finds the way, and one that starts
//! reads from the oldest file that there is. All of it happens under a lock on a file of its own. A line that lacks its end
//! was being written by a process that died: its call never happened, and it is cut off.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use switchyard_hcn_emulator::{Request, WrittenRequest};

use crate::copy::Copy;
use crate::place::PlaceError;

/// A file with fewer lines is not followed by another.
const MANY: u64 = 2_000;

/// Why the journal of a shared HNS cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// With what it begins is not known.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A line cannot be read, which a process of another build may have written.
    #[error("{}: {reason}; stop whoever uses this HNS and remove the directory", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// A line of the journal.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum Written<'a> {
    Begin { at: Duration, ahead: Duration, hns: String },
    Call { at: Duration, request: &'a Request<'a> },
    Next { number: u64 },
}

/// The same as it is read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum Line {
    Begin { at: Duration, ahead: Duration, hns: String },
    Call { at: Duration, request: WrittenRequest },
    Next { number: u64 },
}

/// The journal in a directory, and how far it has been read.
#[derive(Debug)]
pub(crate) struct Journal {
    directory: PathBuf,
    lock: File,
    part: Option<Part>,
}

/// A file of the journal.
#[derive(Debug)]
struct Part {
    number: u64,
    path: PathBuf,
    file: File,
    /// How many bytes were read or written, and how many lines.
    read: u64,
    lines: u64,
    /// How long its first line is.
    beginning: u64,
}

/// A place in the journal: the number of a file, and how many bytes of it are before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position(u64, u64);

/// The journal while nobody else has it.
pub(crate) struct Turn<'a> {
    journal: &'a mut Journal,
}

impl Part {
    fn position(&self) -> Position {
        Position(self.number, self.read)
    }
}

impl Journal {
    /// The journal in `directory`, which is made where it does not exist.
    pub(crate) fn open(directory: &Path) -> Result<Self, JournalError> {
        fs::create_dir_all(directory).map_err(failed(directory))?;
        let path = directory.join("lock");
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let lock = lock.map_err(failed(&path))?;
        Ok(Self { directory: directory.to_owned(), lock, part: None })
    }

    /// Waits until nobody else has the journal.
    pub(crate) fn turn(&mut self) -> Result<Turn<'_>, JournalError> {
        self.lock.lock().map_err(failed(&self.directory.join("lock")))?;
        Ok(Turn { journal: self })
    }

    /// How far it has been read, if at all.
    pub(crate) fn position(&self) -> Option<Position> {
        self.part.as_ref().map(Part::position)
    }

    /// Whether somebody wrote since it was read. It is no matter to be told so in vain.
    pub(crate) fn has_grown(&self) -> bool {
        let Some(part) = &self.part else { return true };
        part.file.metadata().is_ok_and(|file| file.len() != part.read)
    }

    fn path(&self, number: u64) -> PathBuf {
        self.directory.join(format!("journal-{number:06}.jsonl"))
    }

    /// The oldest file that there is, of those from `first` on.
    fn oldest(&self, first: u64) -> Result<Option<u64>, JournalError> {
        let mut numbers = Vec::new();
        for entry in fs::read_dir(&self.directory).map_err(failed(&self.directory))? {
            let name = entry.map_err(failed(&self.directory))?.file_name();
            let number = name.to_str().and_then(|name| {
                name.strip_prefix("journal-")?.strip_suffix(".jsonl")?.parse::<u64>().ok()
            });
            numbers.extend(number.filter(|number| *number >= first));
        }
        Ok(numbers.into_iter().min())
    }

    fn open_part(&self, number: u64) -> Result<Part, JournalError> {
        let path = self.path(number);
        let file = OpenOptions::new().read(true).write(true).open(&path);
        let file = file.map_err(failed(&path))?;
        Ok(Part { number, path, file, read: 0, lines: 0, beginning: 0 })
    }

    /// Writes the file `number` that begins with `copy`. It is whole before it has its name.
    fn write_part(&self, number: u64, copy: &Copy) -> Result<(), JournalError> {
        let path = self.path(number);
        let hns = copy.service.save().map_err(|error| unreadable(&path, &error))?;
        let line = line(&path, &Written::Begin { at: copy.at, ahead: copy.ahead, hns })?;
        let hidden = path.with_extension("new");
        let written = fs::write(&hidden, line).and_then(|()| fs::rename(&hidden, &path));
        written.map_err(failed(&path))
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        // The system takes it back at the latest when this process ends.
        let _ = self.journal.lock.unlock();
    }
}

impl Turn<'_> {
    /// Brings `copy` up to date. Where nobody has used this HNS yet, it begins as `begin` says. What calls up to `told` notified
    /// of is not notified again.
    pub(crate) fn read_on(
        &mut self,
        copy: &mut Option<Copy>,
        told: Position,
        begin: impl FnOnce() -> Result<Copy, JournalError>,
    ) -> Result<(), JournalError> {
        let read = self.read_all(copy, told, begin);
        if read.is_err() {
            // The copy may be behind what was read: the next call begins anew, and says the same.
            (self.journal.part, *copy) = (None, None);
        }
        read
    }

    fn read_all(
        &mut self,
        copy: &mut Option<Copy>,
        told: Position,
        begin: impl FnOnce() -> Result<Copy, JournalError>,
    ) -> Result<(), JournalError> {
        if self.journal.part.is_none() || copy.is_none() {
            *copy = None;
            let number = match self.journal.oldest(0)? {
                Some(number) => number,
                None => {
                    self.journal.write_part(1, &begin()?)?;
                    1
                }
            };
            self.journal.part = Some(self.journal.open_part(number)?);
        }
        let mut untold = Vec::new();
        while let Some(next) = self.read_part(copy, told)? {
            // Who was away for long finds that the next file has been followed, too, and is gone. Then it goes on with the
            // first that there is: that one was named by the one before, or nobody would have removed it.
            let number = self.journal.oldest(next)?.unwrap_or(next);
            let part = self.journal.open_part(number)?;
            if number != next {
                untold.extend(copy.take().into_iter().flat_map(|copy| copy.notices));
            }
            self.journal.part = Some(part);
        }
        if let Some(copy) = copy {
            copy.notices.splice(..0, untold);
        }
        match &self.journal.part {
            // A file that came to nothing when the machine lost power.
            Some(part) if copy.is_none() => Err(unreadable(&part.path, &"it has no beginning")),
            _ => Ok(()),
        }
    }

    /// Reads the present file to its end, and says which is the next.
    fn read_part(
        &mut self,
        copy: &mut Option<Copy>,
        told: Position,
    ) -> Result<Option<u64>, JournalError> {
        let Some(part) = &mut self.journal.part else { return Ok(None) };
        let path = part.path.clone();
        let length = part.file.metadata().map_err(failed(&path))?.len();
        if length == part.read {
            return Ok(None);
        }
        if length < part.read {
            return Err(unreadable(&path, &"it has become shorter"));
        }
        let mut bytes = Vec::new();
        part.file.seek(SeekFrom::Start(part.read)).map_err(failed(&path))?;
        part.file.read_to_end(&mut bytes).map_err(failed(&path))?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        if whole < bytes.len() {
            part.file.set_len(part.read + whole as u64).map_err(failed(&path))?;
        }
        let mut next = None;
        for text in bytes[..whole].split_inclusive(|byte| *byte == b'\n') {
            let read = serde_json::from_slice::<Line>(text);
            part.read += text.len() as u64;
            part.lines += 1;
            match read.map_err(|error| unreadable(&path, &error))? {
                Line::Begin { at, ahead, hns } => {
                    part.beginning = text.len() as u64;
                    // Who followed to this file has it already.
                    if copy.is_none() {
                        let restored = Copy::restore(&hns, at, ahead);
                        *copy = Some(restored.map_err(|error| unreadable(&path, &error))?);
                    }
                }
                Line::Call { at, request } => {
                    let copy = copy.as_mut();
                    let copy = copy.ok_or_else(|| unreadable(&path, &"it has no beginning"))?;
                    copy.answer(at, &request.request());
                    if part.position() <= told {
                        copy.notices.clear();
                    }
                }
                Line::Next { number } => next = Some(number),
            }
        }
        Ok(next)
    }

    /// Writes a call down. From then on it has happened.
    pub(crate) fn write(
        &mut self,
        at: Duration,
        request: &Request<'_>,
    ) -> Result<(), JournalError> {
        self.append(&Written::Call { at, request })
    }

    /// Begins a new file with `copy`, should the present one have become long.
    pub(crate) fn shorten(&mut self, copy: &Copy) -> Result<(), JournalError> {
        let Some(part) = &self.journal.part else { return Ok(()) };
        if part.lines < MANY || part.read < part.beginning.saturating_mul(4) {
            return Ok(());
        }
        let (old, number) = (part.path.clone(), part.number + 1);
        self.journal.write_part(number, copy)?;
        // Before it is named: from then on nobody may write to the old one.
        let mut part = self.journal.open_part(number)?;
        part.read = part.file.metadata().map_err(failed(&part.path))?.len();
        (part.lines, part.beginning) = (1, part.read);
        self.append(&Written::Next { number })?;
        self.journal.part = Some(part);
        // Those who still read it have it open, and on Windows a file that is open keeps its name until it is closed. One that
        // stays is read by the next process that starts.
        let gone = old.with_extension("old");
        let _ = fs::rename(&old, &gone).and_then(|()| fs::remove_file(gone));
        Ok(())
    }

    fn append(&mut self, written: &Written<'_>) -> Result<(), JournalError> {
        let Some(part) = &mut self.journal.part else { return Ok(()) };
        let line = line(&part.path, written)?;
        let whole =
            part.file.seek(SeekFrom::Start(part.read)).and_then(|_| part.file.write_all(&line));
        if let Err(source) = whole {
            // What was written of it lacks its end: whoever reads next cuts it off.
            return Err(failed(&part.path)(source));
        }
        part.read += line.len() as u64;
        part.lines += 1;
        Ok(())
    }
}

fn line(path: &Path, written: &Written<'_>) -> Result<Vec<u8>, JournalError> {
    let mut line = serde_json::to_vec(written).map_err(|error| unreadable(path, &error))?;
    line.push(b'\n');
    Ok(line)
}

fn failed(path: &Path) -> impl Fn(io::Error) -> JournalError + use<> {
    let path = path.to_owned();
    move |source| JournalError::File { path: path.clone(), source }
}

fn unreadable(path: &Path, reason: &dyn std::fmt::Display) -> JournalError {
    JournalError::Unreadable { path: path.to_owned(), reason: reason.to_string() }
}
