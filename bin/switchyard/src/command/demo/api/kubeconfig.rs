//! The file by which `kubectl` finds the API server.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use std::{env, fmt, process};

use anyhow::{Context, anyhow};

use crate::failure::Failure;

/// How many names are tried: others of this process's number may have been left by processes that were killed.
const NAMES: u32 = 100;

/// A temporary file. It goes when this does.
pub(super) struct KubeconfigFile(PathBuf);

impl KubeconfigFile {
    /// A new one with this text.
    pub(super) fn write(text: &str) -> Result<Self, Failure> {
        let folder = env::temp_dir();
        for number in 0..NAMES {
            let name = format!("switchyard-demo-{}-{number}.kubeconfig", process::id());
            let path = folder.join(name);
            // Nobody's file is written to, nor where somebody's link leads.
            match File::create_new(&path) {
                Ok(mut file) => {
                    let own = Self(path);
                    let written = file.write_all(text.as_bytes());
                    written.with_context(|| format!("write {own}"))?;
                    return Ok(own);
                }
                Err(trouble) if trouble.kind() == ErrorKind::AlreadyExists => {}
                Err(trouble) => {
                    let what = format!("write a kubeconfig into {}", folder.display());
                    return Err(anyhow::Error::new(trouble).context(what).into());
                }
            }
        }
        let folder = folder.display();
        Err(anyhow!("{folder} is full of files called switchyard-demo-*: remove them").into())
    }
}

/// As a shell takes it.
impl fmt::Display for KubeconfigFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.0.display().to_string();
        if path.contains(' ') { write!(f, "\"{path}\"") } else { f.write_str(&path) }
    }
}

impl Drop for KubeconfigFile {
    fn drop(&mut self) {
        // One that is gone already is as good.
        let _ = fs::remove_file(&self.0);
    }
}
