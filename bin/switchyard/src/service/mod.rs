//! The proxy as a service of Windows: its registration, and its life under the Service Control Manager.

mod arguments;
#[cfg(not(windows))]
#[path = "other.rs"]
mod imp;
#[cfg(windows)]
#[path = "windows.rs"]
mod imp;

use std::ffi::OsString;
use std::io::Write;
use std::path::Path;

use clap::Parser;

pub use self::arguments::{
    InstallArguments, ServiceAction, ServiceArguments, StartChoice, UninstallArguments,
};
pub(crate) use self::imp::run_proxy;
pub use self::imp::tell_of_bad_arguments;
use crate::arguments::{Arguments, Command, ProxyArguments};
use crate::command_line::prepare;
use crate::failure::{Exit, Failure};

pub(crate) fn run(
    arguments: &ServiceArguments,
    out: &mut dyn Write,
    notices: &mut dyn Write,
) -> Result<Exit, Failure> {
    match &arguments.action {
        ServiceAction::Install(arguments) => {
            let line = line_of(arguments)?;
            for setting in imp::install(arguments, line)? {
                writeln!(notices, "{setting} is not set: this Windows does not know it")?;
            }
            writeln!(out, "installed: {}", arguments.name)?;
        }
        ServiceAction::Uninstall(arguments) => {
            imp::uninstall(&arguments.name)?;
            writeln!(out, "uninstalled: {}; what is in HNS stays", arguments.name)?;
        }
    }
    Ok(Exit::Answered)
}

/// What the service is called with: everything after the name of the program.
///
/// # Errors
/// When the proxy would not take it, which nobody would see before the service is started; or when it has a relative path, which
/// means something else where services run.
fn line_of(arguments: &InstallArguments) -> Result<Vec<OsString>, Failure> {
    check_name(&arguments.name)?;
    let flags = arguments.proxy.strip_prefix(&["proxy".to_owned()]).unwrap_or(&arguments.proxy);
    let is_told = flags.iter().any(|flag| flag.trim_start_matches('-') == "windows-service");
    let as_service = (!is_told).then_some("--windows-service");
    let line = ["proxy"].into_iter().chain(as_service).map(OsString::from);
    let line: Vec<_> = line.chain(flags.iter().map(OsString::from)).collect();
    let whole = prepare([OsString::from("switchyard")].into_iter().chain(line.clone()));
    let parsed = Arguments::try_parse_from(whole).map_err(|trouble| {
        let text = trouble.to_string();
        // What comes after an empty line is how to ask for help.
        let said = text.lines().take_while(|line| !line.is_empty()).map(str::trim);
        let said = said.collect::<Vec<_>>().join(" ");
        let said = said.trim_start_matches("error: ");
        Failure::Usage(format!("proxy would not take these flags: {said}"))
    })?;
    if let Command::Proxy(proxy) = &parsed.command {
        check_proxy(proxy)?;
    }
    Ok(line)
}

fn check_name(name: &str) -> Result<(), Failure> {
    // The limits of CreateServiceW.
    if name.is_empty() || name.chars().count() > 256 || name.contains(['/', '\\']) {
        let why =
            format!("--name {name:?}: a service's name has 1 to 256 letters, none of them a slash");
        return Err(Failure::Usage(why));
    }
    Ok(())
}

fn check_proxy(proxy: &ProxyArguments) -> Result<(), Failure> {
    if !proxy.windows_service {
        let why =
            "--windows-service=false: what the Service Control Manager starts has to answer it";
        return Err(Failure::Usage(why.to_owned()));
    }
    let is_told = [&proxy.manifests, &proxy.kubeconfig, &proxy.master, &proxy.common.config];
    if is_told.iter().all(|told| told.is_none()) {
        let why = "a service runs in no pod, so that the Kubernetes API has to be named: give --kubeconfig FILE, --master URL, \
                   --config FILE, or --manifests DIR";
        return Err(Failure::Usage(why.to_owned()));
    }
    let logging = &proxy.logging;
    let paths = [
        ("--manifests", proxy.manifests.as_deref().map(Path::new)),
        ("--kubeconfig", proxy.kubeconfig.as_deref().map(Path::new)),
        ("--config", proxy.common.config.as_deref().map(Path::new)),
        ("--hns", proxy.windows.hns.as_deref().map(Path::new)),
        ("--network", proxy.windows.network.as_deref().map(Path::new)),
        ("--state-dir", proxy.state.state_dir.as_deref()),
        ("--log-dir", logging.log_dir.as_deref()),
        ("--log-file", logging.log_file.as_deref()),
    ];
    for (flag, path) in paths {
        if let Some(path) = path.filter(|path| !is_rooted(path)) {
            let path = path.display();
            let why = format!("{flag} {path}: a service runs elsewhere: give the whole path");
            return Err(Failure::Usage(why));
        }
    }
    Ok(())
}

/// Whether a path of Windows means the same wherever one is, but perhaps for the drive.
fn is_rooted(path: &Path) -> bool {
    let text = path.to_string_lossy();
    let after_drive = text.get(2..).filter(|_| text.as_bytes().get(1) == Some(&b':'));
    after_drive.unwrap_or(&text).starts_with(['/', '\\'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(words: &str) -> Result<String, String> {
        let words = ["switchyard", "service", "install"].into_iter().chain(words.split(' '));
        let parsed = Arguments::try_parse_from(words).map_err(|trouble| trouble.to_string())?;
        let Command::Service(ServiceArguments { action: ServiceAction::Install(install) }) =
            parsed.command
        else {
            return Err("another command".to_owned());
        };
        let line = line_of(&install).map_err(|failure| failure.to_string())?;
        Ok(line.iter().map(|word| word.to_str().unwrap()).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn the_service_is_called_with_what_proxy_takes() {
        let check = |words: &str, expected: &str| {
            assert_eq!(line(words).as_deref(), Ok(expected), "{words}");
        };
        let expected = r"proxy --windows-service --manifests C:\k\m --hostname-override=n1 -v=4";
        check(r"--name kube-proxy -- --manifests C:\k\m --hostname-override=n1 -v=4", expected);
        check(
            r"--name kube-proxy -- proxy --manifests C:\k\m --hostname-override=n1 -v=4",
            expected,
        );
        check(r"-- --windows-service --manifests \k", r"proxy --windows-service --manifests \k");
        check("-- -windows-service --manifests /k", "proxy -windows-service --manifests /k");
    }

    #[test]
    fn what_would_not_start_is_not_installed() {
        let check = |words: &str, expected: &str| {
            let why = line(words).unwrap_err();
            assert!(why.contains(expected), "{words}: {why}");
        };
        check("-- --manifests C:\\k --no-such-flag", "--no-such-flag");
        check("--start never -- --manifests C:\\k", "never");
        check("-- --manifests k", "--manifests k: a service runs elsewhere");
        check("-- --manifests C:k", "--manifests C:k");
        check(r"-- --manifests C:\k --log-dir logs", "--log-dir logs");
        check(r"--name a\b -- --manifests C:\k", "a service's name");
        check(r"--name= -- --manifests C:\k", "a service's name");
        check(r"-- --manifests C:\k --windows-service=false", "--windows-service=false");
        check("--name n", "--manifests");
    }
}
