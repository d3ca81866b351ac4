//! Measures Postfix, Exim and Doorlist under the same load on one machine. All traffic stays on loopback, is bounded
//! in count and time, and only processes that it started are stopped. See README.md in this crate.

mod api;
mod before;
mod beside;
mod big_list;
mod bulk;
mod disk;
mod figures;
mod harvest;
mod learning;
mod load;
mod machine;
mod many;
mod measure;
mod packages;
mod preview;
mod processes;
mod report;
mod results;
mod samples;
mod server;
mod sink;
mod table;
mod trial;
mod verdict;

use anyhow::Result;
use clap::{Parser, Subcommand};
use std::net::SocketAddr;
use std::sync::Arc;

/// Measures Doorlist beside Postfix and Exim.
#[derive(Debug, Parser)]
#[command(name = "doorlist-bench", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Measure every figure and write bench/RESULTS.md; needs root
    #[command(after_help = "Examples:\n  cargo run --release -p doorlist-bench -- table\n  \
        cargo run --release -p doorlist-bench -- table --runs 1 --only relay --server postfix --server doorlist")]
    Table(table::Options),
    /// Play the trial and measure every figure of learning and enforcing, and put both into bench/RESULTS.md; needs root
    #[command(
        after_help = "Example:\n  cargo run --release -p doorlist-bench -- learning --before /tmp/doorlist-before"
    )]
    Learning(learning::Options),
    /// Play a trial of thirty days in minutes, and print what was listed, refused, deferred and learnt
    #[command(after_help = "Examples:\n  cargo run --release -p doorlist-bench -- trial\n  \
        cargo run --release -p doorlist-bench -- trial --seed 7 --mix bench/trials/village.toml")]
    Trial(trial::Options),
    /// Be the next hop, or a server that does nothing, until interrupted
    #[command(after_help = "Example:\n  cargo run --release -p doorlist-bench -- sink --listen 127.0.0.1:2600")]
    Sink {
        #[arg(long, default_value = "127.0.0.1:2600", value_name = "ADDRESS:PORT")]
        listen: SocketAddr,
    },
}

fn main() -> Result<()> {
    match Arguments::parse().command {
        Command::Table(options) => table::run(&options),
        Command::Learning(options) => learning::run(&options),
        Command::Trial(options) => trial::run(&options),
        Command::Sink { listen } => {
            let sink = sink::Sink::start(listen, Arc::new(load::Message::new(measure::MESSAGE)))?;
            eprintln!("sink: listening on {}", sink.address());
            sink.serve_on()
        }
    }
}
