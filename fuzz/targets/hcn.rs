//! The libFuzzer program for documents of HNS; [`switchyard_fuzz::hcn`] says what it does with the bytes.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| switchyard_fuzz::hcn(bytes));
