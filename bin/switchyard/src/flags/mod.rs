//! Every flag of kube-proxy in one table: how it is parsed, what it does here, and which field of kube-proxy's configuration file
//! it mirrors. `docs/flags.md` is made of it by `cargo xtask flags`.

mod given;
mod page;
mod table;
mod value;

pub use self::given::GivenFlags;
pub use self::page::page;
pub use self::table::TABLE;
pub use self::value::Kind;

/// One flag.
#[derive(Debug, Clone, Copy)]
pub struct Flag {
    /// Its name, without dashes.
    pub name: &'static str,
    /// What its value is.
    pub kind: Kind,
    /// What kube-proxy takes without it.
    pub default: &'static str,
    /// The field of a `KubeProxyConfiguration` that says the same.
    pub field: Mirror,
    /// What it does here.
    pub effect: Effect,
    /// Which part of the program parses it.
    pub parsed: Parsed,
    /// Whose it is.
    pub origin: Origin,
}

/// Which field of a `KubeProxyConfiguration` says the same as a flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mirror {
    /// None.
    None,
    /// This one; where a file has such a document, it alone counts, as in kube-proxy.
    Below(&'static str),
    /// This one; the flag goes before the file, as in kube-proxy.
    Above(&'static str),
}

/// What a flag does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// This.
    Works(&'static str),
    /// Nothing, and why.
    Ignored(&'static str),
}

/// Which part of the program parses a flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parsed {
    /// The table: [`GivenFlags`].
    Here,
    /// A field of the command's own arguments.
    ByItself,
}

/// Whose a flag is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// kube-proxy's own.
    KubeProxy,
    /// That of the libraries by which kube-proxy logs.
    Logging,
    /// kube-proxy's, until this release.
    Until(&'static str),
    /// That of KPNG, the proxy that Kubernetes gave up.
    Kpng,
}

/// The flag called `name`.
#[must_use]
pub fn flag(name: &str) -> Option<&'static Flag> {
    TABLE.iter().find(|flag| flag.name == name)
}

#[cfg(test)]
mod tests;
