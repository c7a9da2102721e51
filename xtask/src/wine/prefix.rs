//! A Windows of Wine's, made for one run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use anyhow::{Context, Result, bail};

use crate::program;
use crate::windows::Built;
use crate::workspace::Workspace;

/// Wine itself: Debian's `wine64` alone puts no `wine` in the path.
pub(crate) const WINE: &str = "/usr/lib/wine/wine64";
/// Its server, which is told to end.
const SERVER: &str = "/usr/lib/wine/wineserver";

/// A Windows with an HNS, and nothing that was there before. All of it ends when this is dropped.
pub(crate) struct Prefix {
    path: PathBuf,
    /// What was built for it.
    pub(crate) built: Built,
    /// Where files may be laid.
    pub(crate) scratch: PathBuf,
    root: PathBuf,
    /// A shell that waits for a line that never comes. While a program runs, Windows' services do, and need not start for each.
    keeper: Option<Child>,
}

impl Prefix {
    /// Makes it, with the libraries of HNS in its System32.
    pub(crate) fn fresh(workspace: &Workspace, built: Built) -> Result<Self> {
        let folder = workspace.target.join("wine");
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("remove {}", folder.display()));
            }
            _ => {}
        }
        let (path, scratch) = (folder.join("prefix"), folder.join("scratch"));
        fs::create_dir_all(&scratch).with_context(|| format!("make {}", scratch.display()))?;
        let root = workspace.root.clone();
        let mut prefix = Self { path, built, scratch, root, keeper: None };
        let mut boot = prefix.command("wineboot");
        boot.arg("--init").stdout(Stdio::null()).stderr(Stdio::null());
        program::run(&mut boot)?;
        prefix.rest()?;
        for library in prefix.built.libraries() {
            let name = library.file_name().context("a library without a name")?;
            fs::copy(&library, prefix.system32().join(name))
                .with_context(|| format!("copy {}", library.display()))?;
        }
        let mut shell = prefix.command("cmd.exe");
        shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        prefix.keeper = Some(shell.spawn().context("start a shell under Wine")?);
        Ok(prefix)
    }

    /// Waits until nothing runs in it any more. The Service Control Manager of the first start ends some seconds after that, and
    /// takes with it what it was told meanwhile.
    fn rest(&self) -> Result<()> {
        program::run(Command::new(SERVER).arg("-w").env("WINEPREFIX", &self.path))
    }

    /// Where Windows has its libraries.
    pub(crate) fn system32(&self) -> PathBuf {
        self.path.join("drive_c/windows/system32")
    }

    /// A command that runs `program` in it, at the top of the workspace.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(WINE);
        command.arg(program.as_ref()).current_dir(&self.root).stdin(Stdio::null());
        command.env("WINEPREFIX", &self.path).env("WINEDEBUG", "-all");
        // Neither a browser nor .NET is asked for.
        command.env("WINEDLLOVERRIDES", "mscoree,mshtml=").env_remove("DISPLAY");
        command
    }

    /// A command that runs switchyard.exe.
    pub(crate) fn switchyard(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(self.built.file("switchyard.exe"));
        command.args(arguments);
        command
    }

    /// An empty folder for files.
    pub(crate) fn folder(&self, name: &str) -> Result<PathBuf> {
        let path = self.scratch.join(name);
        fs::create_dir_all(&path).with_context(|| format!("make {}", path.display()))?;
        Ok(path)
    }
}

/// A path as Windows programs know it: the drive `Z:` is all of the machine.
pub(crate) fn windows_path(path: &Path) -> String {
    format!("Z:{}", path.display()).replace('/', "\\")
}

/// How long a program may take.
const LIMIT: std::time::Duration = std::time::Duration::from_secs(180);
/// What a proxy says last. Under Wine a process has been seen to hang after it, with no thread left but its first.
const STOPPED: &str = "stopped: what is in HNS stays";

/// Runs a command to its end, whatever that is. One that takes too long is killed.
pub(crate) fn ended(command: &mut Command) -> Result<Output> {
    let said = program::words(command);
    command.stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().with_context(|| format!("start {said}"))?;
    let id = child.id().to_string();
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || sender.send(child.wait_with_output()));
    let output = receiver.recv_timeout(LIMIT).or_else(|_| {
        println!("killed after {} s: {said}", LIMIT.as_secs());
        // What has ended by now cannot be killed.
        let _ = Command::new("kill").args(["-9", &id]).status();
        receiver.recv()
    });
    let mut output = output.with_context(|| said.clone())?.with_context(|| said.clone())?;
    let has_stopped = String::from_utf8_lossy(&output.stderr).contains(STOPPED);
    if output.status.code().is_none() && has_stopped {
        output.status = std::process::ExitStatus::default();
    }
    Ok(output)
}

/// What a command prints that must succeed.
pub(crate) fn printed(command: &mut Command) -> Result<String> {
    let said = program::words(command);
    let output = ended(command)?;
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        bail!("{said}: {}: {errors}", output.status);
    }
    String::from_utf8(output.stdout).with_context(|| format!("{said}: what it prints is not UTF-8"))
}

impl Drop for Prefix {
    fn drop(&mut self) {
        let mut kill = Command::new(SERVER);
        kill.arg("-k").env("WINEPREFIX", &self.path).stderr(Stdio::null());
        // It ends by itself when nothing runs in it.
        let _ = kill.status();
        if let Some(mut keeper) = self.keeper.take() {
            let _ = keeper.kill();
            let _ = keeper.wait();
        }
    }
}
