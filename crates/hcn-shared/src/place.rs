//! Where a shared HNS lives, and with what it begins.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use switchyard_hcn::{ParseVersionError, Version};
use switchyard_hcn_emulator::{FaultScript, Latency, Setup, SetupError, State, StateError};

/// The file in the directory that says with what HNS begins, where the environment names none.
const SETUP_FILE: &str = "setup.json";

/// Where a shared HNS lives, and with what it begins where nobody has used it yet.
///
/// | variable | names |
/// | --- | --- |
/// | `SWITCHYARD_HNS_DIR` | the directory; on Windows `%ProgramData%\Switchyard\HNS` without it |
/// | `SWITCHYARD_HNS_SETUP` | a file with a [`Setup`]; without it `setup.json` in the directory, if there is one |
/// | `SWITCHYARD_HNS_STATE` | a file with the state, in the place of that of the setup |
/// | `SWITCHYARD_HNS_VERSION` | the version of HNS, such as `15.4`, in the place of that of the state |
/// | `SWITCHYARD_HNS_LATENCY` | the latency, as JSON: `{"profile":"ws2022"}` |
/// | `SWITCHYARD_HNS_FAULTS` | a file with a script of faults |
/// | `SWITCHYARD_HNS_CALL_LOG` | a file that each call is added to as a line of JSON |
///
/// All but the directory and the log are read by the process that uses the HNS first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// The directory.
    pub directory: PathBuf,
    /// A file with a [`Setup`].
    pub setup: Option<PathBuf>,
    /// A file with a [`State`].
    pub state: Option<PathBuf>,
    /// The version of HNS.
    pub version: Option<String>,
    /// A [`Latency`] as JSON.
    pub latency: Option<String>,
    /// A file with a [`FaultScript`].
    pub faults: Option<PathBuf>,
    /// The file that calls are added to.
    pub call_log: Option<PathBuf>,
}

/// Why it is not known with what HNS begins.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// Neither the environment nor the system names a directory.
    #[error("no directory for the shared HNS: set SWITCHYARD_HNS_DIR")]
    NoDirectory,
    /// A file cannot be read.
    #[error("{variable}: {} cannot be read: {source}", path.display())]
    File {
        /// Who names it.
        variable: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A setup is none.
    #[error("{variable}: {source}{}", cause(source))]
    Setup {
        /// Who names it.
        variable: &'static str,
        /// What is wrong with it.
        source: SetupError,
    },
    /// A state is none.
    #[error("SWITCHYARD_HNS_STATE: {source}")]
    State {
        /// What is wrong with it.
        source: StateError,
    },
    /// A text is not JSON of that kind, or is not text at all.
    #[error("{variable}: {message}")]
    Text {
        /// The variable.
        variable: &'static str,
        /// What is wrong with it.
        message: String,
    },
}

fn cause(error: &SetupError) -> String {
    std::error::Error::source(error).map(|source| format!(": {source}")).unwrap_or_default()
}

impl Place {
    /// The directory at `path`, with an HNS that begins empty.
    #[must_use]
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { directory: path.into(), ..Self::default() }
    }

    /// What the variables say that `get` knows.
    ///
    /// # Errors
    ///
    /// If no directory is named, or a variable is not text that has to be.
    pub fn from_environment(get: impl Fn(&str) -> Option<OsString>) -> Result<Self, PlaceError> {
        let named = |name: &str| get(name).filter(|value| !value.is_empty());
        let path = |name: &str| named(name).map(PathBuf::from);
        let text = |variable: &'static str| match named(variable).map(OsString::into_string) {
            None => Ok(None),
            Some(Ok(text)) => Ok(Some(text)),
            Some(Err(_)) => {
                Err(PlaceError::Text { variable, message: "it is not Unicode".to_owned() })
            }
        };
        let shared = || path("ProgramData").map(|data| data.join("Switchyard").join("HNS"));
        let directory = path("SWITCHYARD_HNS_DIR").or_else(shared);
        Ok(Self {
            directory: directory.ok_or(PlaceError::NoDirectory)?,
            setup: path("SWITCHYARD_HNS_SETUP"),
            state: path("SWITCHYARD_HNS_STATE"),
            version: text("SWITCHYARD_HNS_VERSION")?,
            latency: text("SWITCHYARD_HNS_LATENCY")?,
            faults: path("SWITCHYARD_HNS_FAULTS"),
            call_log: path("SWITCHYARD_HNS_CALL_LOG"),
        })
    }

    /// With what HNS begins.
    ///
    /// # Errors
    ///
    /// If a file or a text that is named cannot be read; the message has the variable.
    pub fn begin(&self) -> Result<Setup, PlaceError> {
        let mut setup = self.setup()?;
        if let Some(path) = &self.state {
            let text = read("SWITCHYARD_HNS_STATE", path)?;
            setup.state = State::from_json(&text).map_err(|source| PlaceError::State { source })?;
        }
        if let Some(text) = &self.version {
            setup.state.version = version(text)?;
        }
        if let Some(text) = &self.latency {
            let unreadable = |error: serde_json::Error| PlaceError::Text {
                variable: "SWITCHYARD_HNS_LATENCY",
                message: error.to_string(),
            };
            setup.latency = serde_json::from_str::<Latency>(text).map_err(unreadable)?;
        }
        if let Some(path) = &self.faults {
            let variable = "SWITCHYARD_HNS_FAULTS";
            let script = FaultScript::from_json(&read(variable, path)?);
            let unreadable = |error: serde_json::Error| PlaceError::Text {
                variable,
                message: format!("{}: {error}", path.display()),
            };
            setup.faults = script.map_err(unreadable)?.faults;
        }
        Ok(setup)
    }

    fn setup(&self) -> Result<Setup, PlaceError> {
        let of = |variable, text: String| {
            Setup::from_json(&text).map_err(|source| PlaceError::Setup { variable, source })
        };
        if let Some(path) = &self.setup {
            let variable = "SWITCHYARD_HNS_SETUP";
            return of(variable, read(variable, path)?);
        }
        let path = self.directory.join(SETUP_FILE);
        match fs::read_to_string(&path) {
            Ok(text) => of(SETUP_FILE, text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Setup::default()),
            Err(source) => Err(PlaceError::File { variable: SETUP_FILE, path, source }),
        }
    }
}

fn read(variable: &'static str, path: &Path) -> Result<String, PlaceError> {
    let failed = |source| PlaceError::File { variable, path: path.to_owned(), source };
    fs::read_to_string(path).map_err(failed)
}

fn version(text: &str) -> Result<Version, PlaceError> {
    let unreadable = |error: ParseVersionError| PlaceError::Text {
        variable: "SWITCHYARD_HNS_VERSION",
        message: error.to_string(),
    };
    text.trim().parse().map_err(unreadable)
}
