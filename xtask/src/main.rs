//! Development tasks: `cargo xtask check | tidy | fuzz`.
//!
//! It depends on the repository, cargo's tools and Debian's packages, not on what Doorlist does: the house rules
//! in [`tidy`] name crates, folders and drivers, never behaviour.

mod check;
mod fuzz;
mod program;
mod repository;
mod tidy;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Looks after the repository.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Caretaker {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Everything a change has to pass: installs what the tests need, then checks and tests all of it
    Check(check::Options),
    /// The house rules that no compiler checks
    Tidy,
    /// Runs the fuzz targets beside the parsers
    Fuzz(fuzz::Options),
}

fn main() -> ExitCode {
    let done = match Caretaker::parse().task {
        Task::Check(options) => check::run(&options),
        Task::Tidy => tidy::run(),
        Task::Fuzz(options) => fuzz::run(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
