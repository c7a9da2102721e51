//! The libFuzzer program for what an API server says; [`switchyard_fuzz::watch`] says what it does with the bytes.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| switchyard_fuzz::watch(bytes));
