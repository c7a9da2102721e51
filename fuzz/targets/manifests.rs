//! The libFuzzer program for manifests; [`switchyard_fuzz::manifests`] says what it does with the bytes.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| switchyard_fuzz::manifests(bytes));
