//! The libFuzzer program for addresses; [`switchyard_fuzz::addresses`] says what it does with the bytes.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| switchyard_fuzz::addresses(bytes));
