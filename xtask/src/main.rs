//! The project's own tasks.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "tasks speak to the person who runs them"
)]

mod bench;
mod check;
mod dependencies;
mod emulator_contract;
mod end_to_end;
mod facts;
mod flags;
mod fuzz;
mod go;
mod hns;
mod kube_contract;
mod limits;
mod program;
mod reliability;
mod subject;
mod test;
mod tidy;
mod windows;
mod wine;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

#[derive(Parser)]
#[command(about = "The project's own tasks", disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Runs every check there is, in order, and stops at the first that fails.
    Test(test::Test),
    /// Checks the house rules.
    Tidy(tidy::Tidy),
    /// Puts arbitrary bytes through the readers: nothing may panic, hang or grow.
    Fuzz(fuzz::Fuzz),
    /// Measures, and holds the figures against their budgets. Needs valgrind.
    Bench(bench::Bench),
    /// Runs the behaviours of Services against a backend.
    Facts(facts::Facts),
    /// Writes docs/limits.md from the limits as they are.
    Limits(limits::Limits),
    /// Writes docs/flags.md from the table of kube-proxy's flags.
    Flags(flags::Flags),
    /// Runs the rules of HNS against the emulator.
    EmulatorContract(emulator_contract::EmulatorContract),
    /// Runs what a Kubernetes API server does against the servers that tests use.
    KubeContract(kube_contract::KubeContract),
    /// Applies the example sets with kubectl to API servers, and judges what proxies make of them.
    EndToEnd(end_to_end::EndToEnd),
    /// Holds a backend against the oracle, over random clusters, packets and histories.
    Check(check::Check),
    /// Kills the proxy after every call of each scenario, and refuses every call with every code.
    Crash(reliability::Crash),
    /// Lets a node live through random histories and faults, in virtual time.
    Simulate(reliability::simulate::Simulate),
    /// Builds switchyard.exe and the libraries of an emulated HNS for Windows.
    Windows(windows::Windows),
    /// Runs switchyard.exe under Wine and holds it against the one of Linux.
    Wine(wine::Wine),
    /// Makes random changes without end: memory, descriptors and HNS objects must stay as they are.
    Soak(reliability::soak::Soak),
}

/// How a task prints what it found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people.
    Table,
    /// For programs.
    Json,
}

fn main() -> ExitCode {
    let result = match Arguments::parse().task {
        Task::Test(task) => task.run(),
        Task::Tidy(task) => task.run(),
        Task::Fuzz(task) => task.run(),
        Task::Bench(task) => task.run(),
        Task::Facts(task) => task.run(),
        Task::Limits(task) => task.run(),
        Task::Flags(task) => task.run(),
        Task::EmulatorContract(task) => task.run(),
        Task::KubeContract(task) => task.run(),
        Task::EndToEnd(task) => task.run(),
        Task::Check(task) => task.run(),
        Task::Crash(task) => task.run(),
        Task::Simulate(task) => task.run(),
        Task::Windows(task) => task.run(),
        Task::Wine(task) => task.run(),
        Task::Soak(task) => task.run(),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
