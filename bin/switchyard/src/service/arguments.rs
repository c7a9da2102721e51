//! The flags of `service`.

use clap::{Args, Subcommand, ValueEnum};

/// `service`.
#[derive(Debug, Args)]
pub struct ServiceArguments {
    /// What to do.
    #[command(subcommand)]
    pub action: ServiceAction,
}

/// What is done with the service.
#[derive(Debug, Subcommand)]
pub enum ServiceAction {
    /// Registers the proxy as a service that is started with the machine, and again when it fails.
    Install(InstallArguments),
    /// Stops the service and removes it. What is in HNS stays.
    Uninstall(UninstallArguments),
}

/// `service install`.
#[derive(Debug, Args)]
pub struct InstallArguments {
    /// The name of the service, by which others depend on it.
    #[arg(long, value_name = "NAME", default_value = "switchyard")]
    pub name: String,
    /// What people see; the name without it.
    #[arg(long, value_name = "TEXT")]
    pub display_name: Option<String>,
    /// When it is started.
    #[arg(long, value_enum, default_value = "delayed")]
    pub start: StartChoice,
    /// A service that has to run before; may be given several times.
    #[arg(long, value_name = "NAME")]
    pub depends_on: Vec<String>,
    /// Make a service of that name that there is into this one.
    #[arg(long)]
    pub replace: bool,
    /// The flags of `proxy`.
    #[arg(last = true, value_name = "FLAGS OF PROXY")]
    pub proxy: Vec<String>,
}

/// When the service is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StartChoice {
    /// With the machine.
    Auto,
    /// With the machine, after the services that are not delayed.
    Delayed,
    /// By hand, or by a service that depends on it.
    Manual,
}

/// `service uninstall`.
#[derive(Debug, Args)]
pub struct UninstallArguments {
    /// The name of the service.
    #[arg(long, value_name = "NAME", default_value = "switchyard")]
    pub name: String,
}
