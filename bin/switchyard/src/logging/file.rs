//! A log file that is bounded in size and in number, and that nothing ends: a disk that is full costs lines, and how many is said
//! once there is room; a directory that vanishes is made again.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// How large a log may become, and how much of it is kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// At how many bytes another file is begun; never without it.
    pub(super) size: Option<u64>,
    /// How many files are kept, the one that is written included.
    pub(super) files: u32,
}

/// A log file.
#[derive(Debug)]
pub(super) struct LogFile {
    path: PathBuf,
    bounds: Bounds,
    /// The first line of each file.
    heading: String,
    file: Option<File>,
    written: u64,
    /// Another file is not begun before this size, because the last try failed.
    put_off: u64,
    /// Lines that could not be written since the last that was.
    lost: u64,
}

impl LogFile {
    /// The log at `path`, which goes on where it ended. Each file begins with `heading`.
    ///
    /// # Errors
    /// When it cannot be written to now.
    pub(super) fn open(path: &Path, bounds: Bounds, heading: String) -> io::Result<Self> {
        let mut log = Self {
            path: path.to_owned(),
            bounds,
            heading,
            file: None,
            written: 0,
            put_off: 0,
            lost: 0,
        };
        log.reopen()?;
        Ok(log)
    }

    /// Writes a line, which has its end, or counts it as lost.
    ///
    /// # Errors
    /// Why it is lost.
    pub(super) fn write(&mut self, line: &[u8]) -> io::Result<()> {
        let written = self.try_to_write(line);
        if written.is_err() {
            self.lost += 1;
            // Opened anew for the next line: the disk, or the directory, may be another by then.
            self.file = None;
        }
        written
    }

    fn try_to_write(&mut self, line: &[u8]) -> io::Result<()> {
        // A file that was removed would be written to by nobody's leave, and read by nobody.
        if self.file.is_none() || !self.path.exists() {
            self.reopen()?;
        }
        if self.is_full_with(line) {
            self.begin_another()?;
        }
        if self.lost > 0 {
            let told = format!("{} lines before this one could not be written\n", self.lost);
            self.append(told.as_bytes())?;
            self.lost = 0;
        }
        self.append(line)
    }

    fn reopen(&mut self) -> io::Result<()> {
        self.file = None;
        if let Some(folder) = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::create_dir_all(folder)?;
        }
        let file = OpenOptions::new().create(true).append(true).open(&self.path)?;
        self.written = file.metadata()?.len();
        self.file = Some(file);
        if self.written == 0 {
            let heading = std::mem::take(&mut self.heading);
            let headed = self.append(heading.as_bytes());
            self.heading = heading;
            headed?;
        }
        Ok(())
    }

    /// Appends all of `bytes`, or nothing.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let file = self.file.as_mut().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        match file.write_all(bytes) {
            Ok(()) => {
                self.written += bytes.len() as u64;
                Ok(())
            }
            Err(trouble) => {
                // Half a line would spoil the next one.
                let _ = file.set_len(self.written);
                Err(trouble)
            }
        }
    }

    fn is_full_with(&self, line: &[u8]) -> bool {
        let Some(most) = self.bounds.size else { return false };
        let is_begun = self.written > self.heading.len() as u64;
        is_begun && self.written + line.len() as u64 > most.max(self.put_off)
    }

    /// Begins another file. What is in the way of that, another program that has a file open perhaps, must not let the log grow
    /// without bound: at twice its size it is emptied.
    fn begin_another(&mut self) -> io::Result<()> {
        let most = self.bounds.size.unwrap_or(u64::MAX);
        self.file = None;
        if self.shift().is_ok() {
            self.put_off = 0;
        } else if self.written < most.saturating_mul(2) {
            self.put_off = self.written + most / 8;
        } else {
            self.put_off = 0;
            OpenOptions::new().write(true).open(&self.path)?.set_len(0)?;
        }
        self.reopen()
    }

    /// Gives each file the number after its own, and removes the last.
    fn shift(&self) -> io::Result<()> {
        let last = self.bounds.files.saturating_sub(1);
        if last == 0 {
            return fs::remove_file(&self.path);
        }
        for number in (1..last).rev() {
            match fs::rename(self.numbered(number), self.numbered(number + 1)) {
                Err(trouble) if trouble.kind() != io::ErrorKind::NotFound => return Err(trouble),
                _ => {}
            }
        }
        fs::rename(&self.path, self.numbered(1))
    }

    /// `a.log` with the number 2 is `a.2.log`.
    fn numbered(&self, number: u32) -> PathBuf {
        let mut name = self.path.file_stem().map(OsString::from).unwrap_or_default();
        name.push(format!(".{number}"));
        if let Some(extension) = self.path.extension() {
            name.push(".");
            name.push(extension);
        }
        self.path.with_file_name(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { size: Some(40), files: 3 };

    /// A directory of its own for one test.
    fn fresh(test: &str) -> PathBuf {
        let path =
            std::env::temp_dir().join(format!("switchyard-{}-log-{test}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        path
    }

    /// What is in the directory, by name.
    fn files(folder: &Path) -> Vec<(String, String)> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let read = |path: PathBuf| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(&path).unwrap_or_default())
        };
        let mut files: Vec<_> = entries.map(read).collect();
        files.sort();
        files
    }

    fn pairs(files: &[(String, String)]) -> Vec<(&str, &str)> {
        files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect()
    }

    #[test]
    fn a_log_is_bounded_in_size_and_number() {
        let folder = fresh("bounded");
        let path = folder.join("deep").join("a.log");
        let mut log = LogFile::open(&path, BOUNDS, "head\n".to_owned()).unwrap();
        for number in 0..10 {
            log.write(format!("line {number} of ten\n").as_bytes()).unwrap();
        }
        let expected = [
            ("a.1.log", "head\nline 6 of ten\nline 7 of ten\n"),
            ("a.2.log", "head\nline 4 of ten\nline 5 of ten\n"),
            ("a.log", "head\nline 8 of ten\nline 9 of ten\n"),
        ];
        assert_eq!(pairs(&files(path.parent().unwrap())), expected);
        // It goes on where it ended; a line that is longer than a file has one to itself.
        drop(log);
        let mut log = LogFile::open(&path, BOUNDS, "head\n".to_owned()).unwrap();
        let long = format!("{}\n", "long ".repeat(10));
        log.write(b"short\n").unwrap();
        log.write(long.as_bytes()).unwrap();
        log.write(b"next\n").unwrap();
        let (first, second) =
            (format!("head\n{long}"), "head\nline 8 of ten\nline 9 of ten\nshort\n");
        let expected =
            [("a.1.log", first.as_str()), ("a.2.log", second), ("a.log", "head\nnext\n")];
        assert_eq!(pairs(&files(path.parent().unwrap())), expected);
        drop(log);
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn one_file_and_no_bound() {
        let folder = fresh("one");
        let path = folder.join("log");
        let mut log = LogFile::open(&path, Bounds { files: 1, ..BOUNDS }, String::new()).unwrap();
        for _ in 0..5 {
            log.write(&[b'x'; 30]).unwrap();
        }
        assert_eq!(files(&folder), [("log".to_owned(), "x".repeat(30))]);
        drop(log);
        let mut log = LogFile::open(&path, Bounds { size: None, ..BOUNDS }, String::new()).unwrap();
        for _ in 0..5 {
            log.write(&[b'x'; 30]).unwrap();
        }
        assert_eq!(files(&folder), [("log".to_owned(), "x".repeat(180))]);
        drop(log);
        fs::remove_dir_all(&folder).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn a_directory_that_vanishes_is_made_again() {
        let folder = fresh("vanished");
        let path = folder.join("a.log");
        let mut log = LogFile::open(&path, BOUNDS, String::new()).unwrap();
        log.write(b"one\n").unwrap();
        fs::remove_dir_all(&folder).unwrap();
        log.write(b"two\n").unwrap();
        assert_eq!(pairs(&files(&folder)), [("a.log", "two\n")]);
        // Something else is there now: lines are lost until it is gone.
        fs::remove_dir_all(&folder).unwrap();
        fs::write(&folder, "a file").unwrap();
        assert!(log.write(b"three\n").is_err());
        assert!(log.write(b"four\n").is_err());
        fs::remove_file(&folder).unwrap();
        log.write(b"five\n").unwrap();
        let expected = "2 lines before this one could not be written\nfive\n";
        assert_eq!(pairs(&files(&folder)), [("a.log", expected)]);
        fs::remove_dir_all(&folder).unwrap();
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_told_and_nothing_more() {
        let folder = fresh("full");
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("a.log");
        std::os::unix::fs::symlink("/dev/full", &path).unwrap();
        let mut log = LogFile::open(&path, BOUNDS, String::new()).unwrap();
        let trouble = log.write(b"lost\n").unwrap_err();
        assert_eq!(trouble.kind(), io::ErrorKind::StorageFull);
        fs::remove_file(&path).unwrap();
        log.write(b"kept\n").unwrap();
        let expected = "1 lines before this one could not be written\nkept\n";
        assert_eq!(pairs(&files(&folder)), [("a.log", expected)]);
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn what_cannot_be_moved_does_not_grow_for_ever() {
        let folder = fresh("stuck");
        let path = folder.join("a.log");
        // A folder with something in it, which no file can replace.
        fs::create_dir_all(folder.join("a.1.log").join("in-the-way")).unwrap();
        fs::create_dir_all(folder.join("a.2.log").join("in-the-way")).unwrap();
        let mut log = LogFile::open(&path, BOUNDS, String::new()).unwrap();
        for number in 0..100 {
            log.write(format!("line {number:02}\n").as_bytes()).unwrap();
            assert!(fs::metadata(&path).unwrap().len() <= 88, "twice the size, and a line");
        }
        assert!(fs::read_to_string(&path).unwrap().ends_with("line 99\n"));
        drop(log);
        fs::remove_dir_all(&folder).unwrap();
    }
}
