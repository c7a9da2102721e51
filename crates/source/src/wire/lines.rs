//! Bytes as they come, taken apart into lines.

/// The longest line that is waited for. The greatest object that etcd takes has 1.5 MiB.
const LONGEST_LINE: usize = 32 << 20;

/// Bytes as they come, line by line.
#[derive(Debug, Default)]
pub struct Lines {
    bytes: Vec<u8>,
    /// How many of the first bytes were given out.
    given: usize,
    /// How many of the first bytes are known to hold no further end of line.
    searched: usize,
}

/// A line that does not end.
#[derive(Debug, thiserror::Error)]
#[error("a line of more than {} bytes", LONGEST_LINE)]
pub struct TooLong;

impl Lines {
    /// Takes what came, once all lines of what came before were taken out.
    ///
    /// # Errors
    /// When a line does not end.
    pub fn add(&mut self, bytes: &[u8]) -> Result<(), TooLong> {
        self.bytes.drain(..self.given);
        self.searched -= self.given;
        self.given = 0;
        self.bytes.extend_from_slice(bytes);
        let rest = self.bytes.len() - self.searched;
        if self.searched > LONGEST_LINE && rest == bytes.len() && !bytes.contains(&b'\n') {
            return Err(TooLong);
        }
        Ok(())
    }

    /// The next line that is whole, without its end.
    pub fn next_line(&mut self) -> Option<&[u8]> {
        let Some(length) = self.bytes[self.searched..].iter().position(|byte| *byte == b'\n')
        else {
            self.searched = self.bytes.len();
            return None;
        };
        let end = self.searched + length;
        let begin = std::mem::replace(&mut self.given, end + 1);
        self.searched = end + 1;
        Some(&self.bytes[begin..end])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_whole_however_they_are_cut() {
        let text = b"one\ntwo\n\nfour";
        for size in 1..=text.len() {
            let mut lines = Lines::default();
            let mut found = Vec::new();
            for piece in text.chunks(size) {
                lines.add(piece).unwrap();
                while let Some(line) = lines.next_line() {
                    found.push(String::from_utf8(line.to_vec()).unwrap());
                }
            }
            assert_eq!(found, ["one", "two", ""], "in pieces of {size}");
        }
    }

    #[test]
    fn a_line_that_does_not_end_is_given_up() {
        let mut lines = Lines::default();
        let piece = vec![b'x'; 1 << 20];
        let taken =
            (0..64).take_while(|_| lines.add(&piece).is_ok() && lines.next_line().is_none());
        assert!((32..40).contains(&taken.count()));
    }
}
