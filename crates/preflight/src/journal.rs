//! What a run is about to make, written down before it is made, so that it is removed whatever becomes of the run.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::PathBuf;

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};
use switchyard_hcn::Guid;

use crate::kind::Kind;

/// A line of a journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Entry {
    /// A run began.
    #[serde(rename_all = "camelCase")]
    Begun {
        /// The addresses of its objects.
        scratch: Ipv4Net,
        /// What HNS held then: none of it is ever removed.
        present: BTreeSet<Guid>,
    },
    /// An object is about to be made, with this id if HNS heeds it.
    Making {
        /// Its kind.
        kind: Kind,
        /// The id asked for.
        id: Guid,
    },
    /// HNS gave an object another id than the one that was asked for.
    Made {
        /// Its kind.
        kind: Kind,
        /// Its id.
        id: Guid,
    },
}

/// Where a run writes down what it makes.
pub trait Journal {
    /// What an earlier run wrote and did not clear; nothing where there was none.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    fn read(&self) -> io::Result<Vec<Entry>>;

    /// Adds a line, which is kept before this returns.
    ///
    /// # Errors
    ///
    /// If it cannot be written. What it announces must then not be done.
    fn write(&mut self, entry: &Entry) -> io::Result<()>;

    /// Forgets all: everything was removed.
    ///
    /// # Errors
    ///
    /// If it cannot be removed.
    fn clear(&mut self) -> io::Result<()>;
}

/// A journal in memory.
#[derive(Debug, Clone, Default)]
pub struct MemoryJournal(pub Vec<Entry>);

impl Journal for MemoryJournal {
    fn read(&self) -> io::Result<Vec<Entry>> {
        Ok(self.0.clone())
    }

    fn write(&mut self, entry: &Entry) -> io::Result<()> {
        self.0.push(entry.clone());
        Ok(())
    }

    fn clear(&mut self) -> io::Result<()> {
        self.0.clear();
        Ok(())
    }
}

/// A journal in a file, one line of JSON for each entry.
#[derive(Debug, Clone)]
pub struct FileJournal(PathBuf);

impl FileJournal {
    /// The journal in the file at `path`, which need not be there.
    #[must_use]
    pub const fn at(path: PathBuf) -> Self {
        Self(path)
    }
}

impl Journal for FileJournal {
    fn read(&self) -> io::Result<Vec<Entry>> {
        let text = match fs::read_to_string(&self.0) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        // What comes after the last line break was not kept before the run died, so nothing was done by it.
        let (lines, _torn) = text.rsplit_once('\n').unwrap_or_default();
        lines.lines().map(|line| serde_json::from_str(line).map_err(io::Error::other)).collect()
    }

    fn write(&mut self, entry: &Entry) -> io::Result<()> {
        let mut line = serde_json::to_string(entry).map_err(io::Error::other)?;
        line.push('\n');
        let mut options = OpenOptions::new();
        match entry {
            // Where another run has begun meanwhile, this one must not.
            Entry::Begun { .. } => options.create_new(true).append(true),
            Entry::Making { .. } | Entry::Made { .. } => options.append(true),
        };
        let mut file = options.open(&self.0)?;
        file.write_all(line.as_bytes())?;
        file.sync_data()
    }

    fn clear(&mut self) -> io::Result<()> {
        match fs::remove_file(&self.0) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_keeps_whole_lines() {
        let name = format!("switchyard-preflight-journal-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let mut journal = FileJournal::at(path.clone());
        journal.clear().unwrap();
        assert_eq!(journal.read().unwrap(), []);
        let id = Guid::NIL;
        let entries = [
            Entry::Begun {
                scratch: "192.0.2.128/25".parse().unwrap(),
                present: BTreeSet::from([id]),
            },
            Entry::Making { kind: Kind::LoadBalancer, id },
            Entry::Made { kind: Kind::LoadBalancer, id },
        ];
        assert!(journal.write(&entries[1]).is_err(), "no run has begun");
        entries.iter().for_each(|entry| journal.write(entry).unwrap());
        assert!(journal.write(&entries[0]).is_err(), "a run has begun");
        assert_eq!(journal.read().unwrap(), entries);
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"{\"making\":{\"ki").unwrap();
        assert_eq!(journal.read().unwrap(), entries);
        fs::write(&path, "nonsense\n").unwrap();
        assert!(journal.read().is_err());
        journal.clear().unwrap();
        assert!(!path.exists());
    }
}
