//! What is done with arbitrary bytes: they are read as manifests, as configurations, as addresses, as documents of HNS and as what
//! an API server says.
//!
//! Nothing here may panic, hang, or grow faster than its input. `cargo xtask fuzz` runs each under libFuzzer; the tests run it over
//! its corpus.

mod addresses;
mod configurations;
mod hcn;
mod manifests;
mod watch;

pub use addresses::addresses;
pub use configurations::configurations;
pub use hcn::hcn;
pub use manifests::manifests;
pub use watch::watch;

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::thread;

    use super::*;

    /// As much as the main thread of a program has on Linux. Code that is not optimized needs more for deep nesting than
    /// the thread of a test has.
    const STACK: usize = 8 << 20;

    /// Runs a target over its corpus, which has so many files at least.
    fn check(name: &'static str, least: usize, target: fn(&[u8])) {
        let reader = thread::Builder::new().stack_size(STACK).spawn(move || {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
            let files: Vec<_> =
                fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
            assert!(files.len() >= least, "only {} files in the corpus", files.len());
            for file in files {
                target(&fs::read(file).unwrap());
            }
        });
        assert!(reader.unwrap().join().is_ok(), "a file of the corpus makes {name} panic");
    }

    #[test]
    fn the_corpus_of_manifests_harms_nothing() {
        check("manifests", 30, manifests);
    }

    #[test]
    fn the_corpus_of_configurations_harms_nothing() {
        check("configurations", 10, configurations);
    }

    #[test]
    fn the_corpus_of_addresses_harms_nothing() {
        check("addresses", 5, addresses);
    }

    #[test]
    fn the_corpus_of_documents_of_hns_harms_nothing() {
        check("hcn", 8, hcn);
    }

    #[test]
    fn the_corpus_of_what_an_api_server_says_harms_nothing() {
        check("watch", 12, watch);
    }
}
