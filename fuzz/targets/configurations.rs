//! The libFuzzer program for configuration files; [`switchyard_fuzz::configurations`] says what it does with the bytes.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| switchyard_fuzz::configurations(bytes));
