//! Manifests that are followed: read again when their files change.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::manifest::{Manifests, ReadError, files, name_of};

/// Manifests that are read again when their files change.
///
/// A file that said something sensible before and cannot be parsed now, half written perhaps, counts as what it said
/// before, and is refused by name. A file that is gone says nothing any more.
#[derive(Debug)]
pub struct FollowedManifests {
    path: String,
    /// What each file said when all of it could be parsed last.
    good: BTreeMap<PathBuf, Vec<u8>>,
    /// What the files looked like when they were read last, and when they were looked at last.
    read: Option<Traces>,
    seen: Traces,
}

/// What tells two states of files apart: names, sizes and times.
pub(crate) type Traces = Vec<(PathBuf, u64, Option<SystemTime>)>;

impl FollowedManifests {
    /// Those at `path`, a directory or one file, before they are read.
    #[must_use]
    pub fn new(path: &str) -> Self {
        Self { path: path.to_owned(), good: BTreeMap::new(), read: None, seen: Traces::new() }
    }

    /// Looks at the files, and reads them when they are others than when they were read last and did not change since the
    /// last look: files that are just being written are left alone. `None` when there is nothing to read.
    ///
    /// # Errors
    /// When the directory, or the only file, cannot be read.
    pub fn look(&mut self) -> Option<Result<Manifests, ReadError>> {
        let now = traces(Path::new(&self.path));
        let rests = std::mem::replace(&mut self.seen, now) == self.seen;
        if !rests || self.read.as_ref() == Some(&self.seen) {
            return None;
        }
        Some(self.read())
    }

    /// Reads the files as they are.
    ///
    /// # Errors
    /// When the directory, or the only file, cannot be read.
    pub fn read(&mut self) -> Result<Manifests, ReadError> {
        self.seen = traces(Path::new(&self.path));
        self.read = Some(self.seen.clone());
        let root = Path::new(&self.path);
        let mut manifests = Manifests::default();
        let mut good = BTreeMap::new();
        for file in files(root)? {
            let before = self.good.get(&file);
            let name = name_of(root, &file);
            match fs::read(&file) {
                Ok(bytes) => {
                    let bytes = add(&mut manifests, &name, bytes, before);
                    good.extend(bytes.map(|bytes| (file, bytes)));
                }
                // It went away after it was listed.
                Err(trouble) if trouble.kind() == io::ErrorKind::NotFound && file != root => {}
                Err(source) if file == root => {
                    return Err(ReadError { path: name, source });
                }
                Err(trouble) => {
                    let kept = before.map_or("", |_| KEPT);
                    manifests.refuse(&name, "", &format!("cannot be read: {trouble}{kept}"));
                    if let Some(before) = before {
                        manifests.add(&name, before);
                        good.insert(file, before.clone());
                    }
                }
            }
        }
        self.good = good;
        Ok(manifests)
    }
}

const KEPT: &str = "; what it said before is kept";

/// Adds what a file says. Returns what is to be kept of it for later.
fn add(
    manifests: &mut Manifests,
    name: &str,
    bytes: Vec<u8>,
    before: Option<&Vec<u8>>,
) -> Option<Vec<u8>> {
    if let Some(before) = before.filter(|before| **before != bytes) {
        let mut alone = Manifests::default();
        alone.add(name, &bytes);
        if alone.broken() > 0 {
            for refusal in alone.refused().iter().filter(|refusal| refusal.field.is_empty()) {
                manifests.refuse(&refusal.object, "", &format!("{}{KEPT}", refusal.reason));
            }
            manifests.add(name, before);
            return Some(before.clone());
        }
    }
    let broken = manifests.broken();
    manifests.add(name, &bytes);
    (manifests.broken() == broken).then_some(bytes)
}

/// What the files at `path` look like.
pub(crate) fn traces(path: &Path) -> Traces {
    let mut found = Vec::new();
    let mut open = vec![path.to_owned()];
    while let Some(path) = open.pop() {
        let Ok(metadata) = fs::metadata(&path) else { continue };
        if metadata.is_dir() {
            let entries = fs::read_dir(&path).into_iter().flatten().flatten();
            // As in reading: a link to a directory could lead in circles.
            let entries = entries.map(|entry| entry.path());
            open.extend(entries.filter(|entry| !(entry.is_symlink() && entry.is_dir())));
        }
        found.push((path, metadata.len(), metadata.modified().ok()));
    }
    found.sort();
    found
}
