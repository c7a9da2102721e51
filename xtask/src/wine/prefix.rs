//! A Windows of Wine's, made for one run.

use std::fs::{self, File};
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

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
        // What Windows starts for its first program is there when a second one has ended.
        ended(prefix.command("cmd.exe").args(["/c", "exit"]))?;
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
const LIMIT: Duration = Duration::from_secs(180);

/// Runs a command to its end, whatever that is. One that takes too long is killed, and that is an error.
///
/// What it prints goes to files: a pipe would be open for as long as any process has it that Windows started meanwhile.
pub(crate) fn ended(command: &mut Command) -> Result<Output> {
    let said = program::words(command);
    let (mut stdout, mut stderr) = (nameless_file()?, nameless_file()?);
    command.stdin(Stdio::null()).stdout(stdout.try_clone()?).stderr(stderr.try_clone()?);
    let mut child = command.spawn().with_context(|| format!("start {said}"))?;
    let id = child.id().to_string();
    let (sender, receiver) = mpsc::channel();
    // Nobody listens any more once the time is over.
    thread::spawn(move || sender.send(child.wait()));
    let status = receiver.recv_timeout(LIMIT);
    let (stdout, stderr) = (content(&mut stdout)?, content(&mut stderr)?);
    let Ok(status) = status else {
        // What has ended by now cannot be killed.
        let _ = Command::new("kill").args(["-9", &id]).status();
        let (limit, errors) = (LIMIT.as_secs(), String::from_utf8_lossy(&stderr));
        bail!("{said}: still running after {limit} s; it said: {errors}");
    };
    let status = status.with_context(|| format!("wait for {said}"))?;
    Ok(Output { status, stdout, stderr })
}

/// A file that is gone when nobody has it open any more.
fn nameless_file() -> Result<File> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("switchyard-printed-{}-{number}", std::process::id());
    let path = std::env::temp_dir().join(name);
    let file = File::options().read(true).write(true).create_new(true).open(&path);
    let file = file.with_context(|| format!("make {}", path.display()))?;
    fs::remove_file(&path).with_context(|| format!("remove {}", path.display()))?;
    Ok(file)
}

/// All that is in a file.
fn content(file: &mut File) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.rewind().context("read what was printed")?;
    file.read_to_end(&mut bytes).context("read what was printed")?;
    Ok(bytes)
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
