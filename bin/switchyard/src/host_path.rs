//! Paths as they are given to a `HostProcess` container.
//!
//! Until containerd 1.7 the files of such a container, what is mounted into it included, lie in a folder of the host that the
//! environment variable `CONTAINER_SANDBOX_MOUNT_POINT` names; since then they are also where the manifest mounts them. The image's
//! own files are below that folder in both. A command line written for one has to work with the other, whether a
//! shell has replaced the variable or, as in a manifest that names the program itself, nobody has.
//!
//! Sources: [the task page of Kubernetes](https://kubernetes.io/docs/tasks/configure-pod-container/create-hostprocess-pod/), and
//! KEP-1981.

use std::env;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::arguments::ProxyArguments;

/// The variable that names the folder.
const VARIABLE: &str = "CONTAINER_SANDBOX_MOUNT_POINT";

/// Finds what a proxy is told to read. What was found elsewhere than it was asked for is said on `notices`, if they are read.
pub(crate) fn find(arguments: &mut ProxyArguments, notices: &mut dyn Write) {
    let paths = HostPaths::of_environment();
    let (common, windows) = (&mut arguments.common, &mut arguments.windows);
    let asked = [
        common.config.as_mut(),
        windows.network.as_mut(),
        windows.hns.as_mut(),
        arguments.manifests.as_mut(),
        arguments.kubeconfig.as_mut(),
    ];
    for path in asked.into_iter().flatten() {
        let found = paths.find(path);
        if found != *path {
            let _ = writeln!(notices, "{path} is not there: {found} is used");
            *path = found;
        }
    }
}

/// The folder of the container, if this runs in one.
#[derive(Debug, Clone)]
pub(crate) struct HostPaths(Option<String>);

impl HostPaths {
    /// As the environment says it.
    pub(crate) fn of_environment() -> Self {
        Self(env::var(VARIABLE).ok().filter(|folder| !folder.is_empty()))
    }

    /// An argument of the command line, with the variable replaced where it or its value begins with it, in the way of writing of any
    /// shell or of a manifest. `None` where nothing is to be replaced.
    pub(crate) fn expand(&self, argument: &str) -> Option<String> {
        let folder = self.0.as_deref()?;
        let (flag, value) = match argument.split_once('=') {
            Some((flag, value)) if flag.starts_with('-') => (&argument[..=flag.len()], value),
            _ => ("", argument),
        };
        let rest = without_variable(value)?;
        Some(format!("{flag}{}{rest}", folder.trim_end_matches(['/', '\\'])))
    }

    /// Where the file or folder that is asked for by `path` is: there, or else below the container's folder, or else, where `path`
    /// begins with that folder, outside of it. Where it is nowhere, `path` itself, so that an error names what was asked for.
    pub(crate) fn find(&self, path: &str) -> String {
        let exists = |path: &str| Path::new(path).exists();
        if exists(path) {
            return path.to_owned();
        }
        let found = self.elsewhere(path).filter(|other| exists(other));
        found.unwrap_or_else(|| path.to_owned())
    }

    /// The other place where what is at `path` may be.
    fn elsewhere(&self, path: &str) -> Option<String> {
        let folder = self.0.as_deref()?.trim_end_matches(['/', '\\']);
        if let Some(rest) = below(folder, path) {
            let root = drive(folder).map_or_else(String::new, |(drive, _)| drive.to_owned());
            return Some(format!("{root}{rest}"));
        }
        let rest = drive(path).map_or(path, |(_, rest)| rest);
        if !rest.starts_with(['/', '\\']) {
            // Relative to where this runs, which is in that folder already.
            return None;
        }
        let mut inside = PathBuf::from(folder);
        inside.extend(rest.split(['/', '\\']).filter(|part| !part.is_empty()));
        inside.into_os_string().into_string().ok()
    }
}

/// What follows the variable at the beginning of `value`: nothing, or a path below it.
fn without_variable(value: &str) -> Option<&str> {
    const WAYS: [(&str, &str); 6] =
        [("$env:", ""), ("${env:", "}"), ("%", "%"), ("$(", ")"), ("${", "}"), ("$", "")];
    let rest = WAYS.iter().find_map(|(before, after)| {
        // Windows and PowerShell take variables in any case.
        let value = strip(value, before)?;
        strip(value, VARIABLE)?.strip_prefix(after)
    })?;
    (rest.is_empty() || rest.starts_with(['/', '\\'])).then_some(rest)
}

/// What follows `start` in `text`, whose letters may be in any case.
fn strip<'a>(text: &'a str, start: &str) -> Option<&'a str> {
    let (first, rest) = text.split_at_checked(start.len())?;
    first.eq_ignore_ascii_case(start).then_some(rest)
}

/// `C:` and the rest of a path that begins so.
fn drive(path: &str) -> Option<(&str, &str)> {
    let bytes = path.as_bytes();
    let has_drive = bytes.len() >= 2 && bytes[0].is_ascii_alphabetic() && bytes[1] == b':';
    has_drive.then(|| path.split_at(2))
}

/// What follows `folder` in `path`, if it is inside.
fn below<'a>(folder: &str, path: &'a str) -> Option<&'a str> {
    strip(path, folder).filter(|rest| rest.starts_with(['/', '\\']))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn container(folder: &str) -> HostPaths {
        HostPaths(Some(folder.to_owned()))
    }

    #[test]
    fn the_variable_is_replaced_in_every_way_of_writing() {
        let container = container(r"C:\hpc\");
        let check = |argument: &str, expected: Option<&str>| {
            assert_eq!(container.expand(argument).as_deref(), expected, "{argument}");
        };
        let config = Some(r"C:\hpc/var/lib/kube-proxy/config.conf");
        check("$env:CONTAINER_SANDBOX_MOUNT_POINT/var/lib/kube-proxy/config.conf", config);
        check("$Env:Container_Sandbox_Mount_Point/var/lib/kube-proxy/config.conf", config);
        check("${env:CONTAINER_SANDBOX_MOUNT_POINT}/var/lib/kube-proxy/config.conf", config);
        check("%CONTAINER_SANDBOX_MOUNT_POINT%/var/lib/kube-proxy/config.conf", config);
        check("$(CONTAINER_SANDBOX_MOUNT_POINT)/var/lib/kube-proxy/config.conf", config);
        check("${CONTAINER_SANDBOX_MOUNT_POINT}/var/lib/kube-proxy/config.conf", config);
        check("$CONTAINER_SANDBOX_MOUNT_POINT/var/lib/kube-proxy/config.conf", config);
        check("--config=%CONTAINER_SANDBOX_MOUNT_POINT%\\c", Some(r"--config=C:\hpc\c"));
        check("-config=$(CONTAINER_SANDBOX_MOUNT_POINT)/c", Some(r"-config=C:\hpc/c"));
        check("--state-dir=$env:CONTAINER_SANDBOX_MOUNT_POINT", Some(r"--state-dir=C:\hpc"));
        for other in [
            "",
            "$",
            "--config",
            r"C:\var\lib",
            "$CONTAINER_SANDBOX_MOUNT_POINTS/c",
            "%CONTAINER_SANDBOX_MOUNT_POINT/c",
            "$(CONTAINER_SANDBOX_MOUNT_POINT/c",
            "a=$CONTAINER_SANDBOX_MOUNT_POINT/c",
            "${CONTAINER_SANDBOX_MOUNT_POINT}s",
            "--node=\u{e9}\u{e9}",
        ] {
            check(other, None);
        }
        let outside = HostPaths(None);
        assert_eq!(outside.expand("%CONTAINER_SANDBOX_MOUNT_POINT%/c"), None);
    }

    #[test]
    fn the_other_place_is_inside_or_outside() {
        let check = |folder: &str, path: &str, expected: Option<&str>| {
            let expected = expected.map(|path| path.replace('\\', std::path::MAIN_SEPARATOR_STR));
            let found = container(folder).elsewhere(path);
            assert_eq!(
                found.map(|path| path.replace('\\', std::path::MAIN_SEPARATOR_STR)),
                expected
            );
        };
        let old = r"C:\C\0123abcd";
        check(
            old,
            r"C:\var\lib\kube-proxy\config.conf",
            Some(r"C:\C\0123abcd\var\lib\kube-proxy\config.conf"),
        );
        check(old, "/var/lib/kube-proxy", Some(r"C:\C\0123abcd\var\lib\kube-proxy"));
        check("C:\\hpc\\", r"c:\HPC\var\lib", Some(r"C:\var\lib"));
        check("/hpc", "/hpc/var/lib", Some("/var/lib"));
        check(r"C:\hpc", r"C:\hpcs\var", Some(r"C:\hpc\hpcs\var"));
        check(old, "config.conf", None);
        check(old, "C:config.conf", None);
        assert_eq!(HostPaths(None).elsewhere("/var/lib"), None);
    }

    #[test]
    fn what_is_asked_for_is_found_in_both_layouts() {
        let root = env::temp_dir().join(format!("switchyard-{}-host-path", std::process::id()));
        let text = |path: PathBuf| path.to_str().unwrap().to_owned();
        let (mount, outside) = (root.join("mount"), root.join("outside"));
        let container = container(&text(mount.clone()));
        fs::create_dir_all(&outside).unwrap();
        // What is mounted at `outside/config` of the host lies below the folder.
        let asked = text(outside.join("config"));
        assert_eq!(container.find(&asked), asked, "it is nowhere");
        let relative: PathBuf = outside.components().skip(1).collect();
        // The prefix of a drive is a component of its own.
        let relative =
            if cfg!(windows) { relative.components().skip(1).collect() } else { relative };
        let inside = mount.join(relative);
        fs::create_dir_all(&inside).unwrap();
        fs::write(inside.join("config"), "").unwrap();
        assert_eq!(container.find(&asked), text(inside.join("config")));
        fs::write(outside.join("config"), "").unwrap();
        assert_eq!(container.find(&asked), asked, "where it is asked for comes first");
        fs::remove_dir_all(&mount).unwrap();
        let below = format!("{}{asked}", mount.display());
        if !cfg!(windows) {
            assert_eq!(
                container.find(&below),
                asked,
                "containerd 1.7 mounts it where it is asked for"
            );
        }
        fs::remove_dir_all(&root).unwrap();
    }
}
