//! Makes one call of `HNSCall` and prints the response: `hns_call METHOD PATH [DOCUMENT]`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the response is what it is for")]

use std::process::ExitCode;

use switchyard_hcn::Hcn as _;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (method, path, document) = match arguments.as_slice() {
        [method, path] => (method, path, ""),
        [method, path, document] => (method, path, &**document),
        _ => {
            eprintln!("usage: hns_call METHOD PATH [DOCUMENT]");
            return ExitCode::from(2);
        }
    };
    let called = switchyard_hcn_sys::open().map_err(|absent| absent.to_string());
    let called = called.and_then(|hns| {
        hns.hns_call(method, path, document).map_err(|refused| refused.to_string())
    });
    match called {
        Ok(response) => {
            println!("{response}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("hns_call: {error}");
            ExitCode::FAILURE
        }
    }
}
