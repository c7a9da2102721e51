//! The programs of `tests/apiserver`, built into the target folder.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::json;

use crate::go::Go;
use crate::program;
use crate::workspace::Workspace;

/// What the server's kinds are described from: no published module describes them for OpenAPI.
const DESCRIBED: &[&str] = &[
    "k8s.io/api/core/v1",
    "k8s.io/api/discovery/v1",
    "k8s.io/api/coordination/v1",
    "k8s.io/api/events/v1",
    "k8s.io/apimachinery/pkg/apis/meta/v1",
    "k8s.io/apimachinery/pkg/runtime",
    "k8s.io/apimachinery/pkg/version",
    "k8s.io/apimachinery/pkg/api/resource",
    "k8s.io/apimachinery/pkg/util/intstr",
];

/// The API server for tests, and kubectl.
pub(crate) struct Programs {
    /// The folder that has them, and what they need to run.
    pub(crate) folder: PathBuf,
    /// The server.
    pub(super) server: PathBuf,
    /// The client.
    pub(crate) kubectl: PathBuf,
}

impl Programs {
    /// Builds what is not there or not of the present sources.
    pub(crate) fn build(workspace: &Workspace) -> Result<Self> {
        let go = Go::find(workspace)?;
        let module = workspace.root.join("tests/apiserver");
        let folder = workspace.target.join("apiserver");
        let programs =
            Self { server: folder.join("apiserver"), kubectl: folder.join("kubectl"), folder };
        let described = programs.describe(&go, &module)?;
        let overlay = programs.folder.join("overlay.json");
        let place = module.join("definitions/generated.go").display().to_string();
        let replace = json!({"Replace": {place: described}});
        fs::write(&overlay, replace.to_string()).context("write the overlay of the build")?;
        let mut server = go.here(&module, &["build", "-overlay"]);
        server.arg(&overlay).arg("-o").arg(&programs.server).arg(".");
        program::run(&mut server).context("build the API server for tests")?;
        let mut kubectl = go.here(&module, &["build", "-ldflags"]);
        kubectl.arg(stamp(&module)?).arg("-o").arg(&programs.kubectl).arg("./cmd/kubectl");
        program::run(&mut kubectl).context("build kubectl")?;
        Ok(programs)
    }

    /// The description of the kinds, made anew where the modules have changed.
    fn describe(&self, go: &Go, module: &Path) -> Result<PathBuf> {
        let folder = self.folder.join("definitions");
        fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
        let described = folder.join("generated.go");
        let modules = fs::read(module.join("go.mod")).context("read tests/apiserver/go.mod")?;
        // Written last: so it tells of a whole file.
        let of = folder.join("of.mod");
        if described.is_file() && fs::read(&of).is_ok_and(|kept| kept == modules) {
            return Ok(described);
        }
        let mut generator = go.here(module, &["tool", "openapi-gen", "--output-dir"]);
        generator.arg(&folder).args(["--output-file", "generated.go"]);
        generator.args(["--output-pkg", "switchyard.dev/tests/apiserver/definitions"]);
        generator.args(["--go-header-file", "/dev/null", "--report-filename", "/dev/null"]);
        program::run(generator.args(DESCRIBED)).context("describe the kinds for OpenAPI")?;
        fs::write(&of, modules).context("say of which modules the description is")?;
        Ok(described)
    }
}

/// What tells kubectl which version it is: the one of its module, as releases are numbered.
fn stamp(module: &Path) -> Result<String> {
    let modules =
        fs::read_to_string(module.join("go.mod")).context("read tests/apiserver/go.mod")?;
    let version = release(&modules).context("tests/apiserver/go.mod names no k8s.io/kubectl")?;
    let minor = version.split('.').nth(1).unwrap_or_default();
    let package = "k8s.io/component-base/version";
    Ok(format!(
        "-X {package}.gitVersion={version} -X {package}.gitMajor=1 -X {package}.gitMinor={minor}"
    ))
}

/// `v1.35.10` of the module's `v0.35.10`.
fn release(modules: &str) -> Option<String> {
    let line = modules.lines().find_map(|line| line.trim().strip_prefix("k8s.io/kubectl v0."))?;
    Some(format!("v1.{}", line.split_whitespace().next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_is_numbered_as_its_release() {
        let modules = "require (\n\tk8s.io/api v0.35.10\n\tk8s.io/kubectl v0.35.10\n)\n";
        assert_eq!(release(modules).as_deref(), Some("v1.35.10"));
        assert_eq!(release("require k8s.io/api v0.1.0"), None);
    }
}
