//! Bytes as a configuration file.

use switchyard_source::{Configuration, ConfigurationChange};

/// Reads `bytes` as a configuration file, writes what came out, and reads that.
///
/// # Panics
/// Where a refusal or a warning says nothing, or what is written is read as something else.
pub fn configurations(bytes: &[u8]) {
    let configuration = match Configuration::parse("fuzz", bytes) {
        Ok(configuration) => configuration,
        Err(error) => {
            assert!(!error.to_string().is_empty(), "a refusal without a reason: {error:?}");
            return;
        }
    };
    for warning in &configuration.warnings {
        assert!(warning.starts_with("fuzz: "), "a warning without its file: {warning}");
    }
    let written = configuration.written();
    let again = Configuration::parse("fuzz", written.as_bytes());
    let again =
        again.unwrap_or_else(|error| panic!("{error}: refused what was written: {written}"));
    assert_eq!(again.settings, configuration.settings, "{written}");
    assert_eq!(again.configz(), configuration.configz(), "{written}");
    let change = ConfigurationChange::between(&configuration, &again);
    assert!(change.is_empty(), "{change:?}: {written}");
}
