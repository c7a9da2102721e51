//! Where a proxy listens on Windows, which has no sockets in folders.

use std::path::Path;

/// The name of the pipe of the proxy whose state is in `directory`, which is in the system's own spelling.
pub(super) fn pipe_name(directory: &Path) -> String {
    format!(r"\\.\pipe\switchyard-{:016x}", hash(directory.as_os_str().as_encoded_bytes()))
}

/// FNV-1a with 64 bits. A client of another version has to come to the same name, which the standard library's hashes do not
/// promise; that two directories of one machine have the same is as good as impossible.
fn hash(bytes: &[u8]) -> u64 {
    const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    bytes.iter().fold(BASIS, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(PRIME))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_has_one_name_of_its_own() {
        // The published values of the hash for nothing and for one letter.
        assert_eq!(hash(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(hash(b"a"), 0xaf63_dc4c_8601_ec8c);
        let name = |path| pipe_name(Path::new(path));
        assert_eq!(name("a"), r"\\.\pipe\switchyard-af63dc4c8601ec8c");
        assert_ne!(name(r"C:\ProgramData\switchyard"), name(r"C:\ProgramData\switchyard-2"));
    }
}
