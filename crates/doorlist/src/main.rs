//! The `doorlist` binary: reads the command line and the configuration, connects the crates, and runs commands and the
//! server.

#[macro_use]
mod output;

mod agent;
mod audit_files;
mod audit_trail;
mod cli;
mod command_target;
mod commands;
mod config;
mod config_check;
mod control;
mod directory_reader;
mod doctor;
mod exit;
mod gateway_queue;
mod listening;
mod notifier;
mod privileges;
mod refused_requests;
mod remote;
mod root_path;
mod secret_store;
mod serve;
mod server_log;
mod state_dir;
mod txt_lookup;

use cli::config::ConfigCommand;
use cli::{Cli, CliCommand, Global};
use command_target::CommandTarget;
use commands::Input;
use config::{Config, ShowWish, Sources};
use exit::{Exit, Failure, OrExit};
use output::Output;
use privileges::Keep;
use remote::{Remote, RemoteSettings, RemoteTimeouts};
use state_dir::StateDir;
use std::io::ErrorKind;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = match Cli::read() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version were asked for; everything else is a wrong command line, whose code is not clap's 2.
            let exit = if error.use_stderr() { Exit::USAGE } else { Exit::DONE };
            match error.use_stderr() {
                true => output::tell_usage(&cli::help_text(&error.render().to_string())),
                false => output::help(&error),
            }
            if cli::remote::is_of_another_command(&error) {
                say!("{}", cli::remote::ONLY_HERE);
            }
            return exit.into();
        }
    };
    privileges::private_files();
    match run(&cli) {
        Ok(exit) => exit.into(),
        // The reader has seen enough: `doorlist log | head`.
        Err(failure) if failure.is(ErrorKind::BrokenPipe) => Exit::DONE.into(),
        Err(failure) => {
            say!("doorlist: {failure}");
            failure.exit.into()
        }
    }
}

fn run(cli: &Cli) -> Result<Exit, Failure> {
    match &cli.command {
        CliCommand::Serve => serve::serve(&cli.global),
        CliCommand::Config(what) => configuration(&cli.global, what),
        CliCommand::Doctor => doctor::doctor(&cli.global),
        CliCommand::Agent(what) => agent::agent(&cli.global, what),
        CliCommand::Completion { shell } => print(&cli::manual::completion(*shell)),
        CliCommand::Man { command } => print(&cli::manual::page(command)?),
        command => ask(&cli.global, command),
    }
}

fn print(text: &str) -> Result<Exit, Failure> {
    let mut out = Output::new(false);
    out.file(text)?;
    out.flush()?;
    Ok(Exit::DONE)
}

fn configuration(global: &Global, what: &ConfigCommand) -> Result<Exit, Failure> {
    let sources = Sources::of_process(global.config.as_deref(), &global.set);
    let mut out = Output::new(global.json);
    match what {
        ConfigCommand::Check => {
            let config = Config::load(&sources)?;
            config_check::check(&config)?;
            say!("the configuration is valid");
        }
        ConfigCommand::Show { origin, changed } => {
            let wanted = ShowWish { origin: *origin, changed: *changed, as_objects: global.json };
            out.file(&config::show(&sources, wanted)?)?;
        }
    }
    out.flush()?;
    Ok(Exit::DONE)
}

/// Runs a command on this machine. Files and login of the caller are read first, because root then becomes the owner
/// of the state folder.
fn ask(global: &Global, command: &CliCommand) -> Result<Exit, Failure> {
    let input = commands::read_input(command)?;
    if let Some(settings) = cli::remote::chosen(command)? {
        return ask_elsewhere(global, command, input, &settings);
    }
    let actor = command_target::actor();
    let config = Config::load(&Sources::of_process(global.config.as_deref(), &global.set))?;
    let state = state_dir(&config, command)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().or_exit(Exit::SYSTEM)?;
    runtime.block_on(async {
        let mut target = CommandTarget::open(&config, &state, actor).await?;
        let mut out = Output::new(global.json);
        let exit = commands::run(command, input, &mut target, &mut out).await;
        out.flush()?;
        if let (Ok(_), CliCommand::Domain(what)) = (&exit, command)
            && let Some((domain, servers)) = what.new_servers()
        {
            doctor::tell_of_wrong_servers(&config, domain, servers).await;
        }
        exit
    })
}

/// Runs a command on a remote server; uses nothing of this machine.
fn ask_elsewhere(
    global: &Global,
    command: &CliCommand,
    input: Input,
    settings: &RemoteSettings,
) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().or_exit(Exit::SYSTEM)?;
    runtime.block_on(async {
        let mut target = CommandTarget::Remote(Box::new(Remote::open(settings, RemoteTimeouts::default())?));
        let mut out = Output::new(global.json);
        let exit = commands::run(command, input, &mut target, &mut out).await;
        out.flush()?;
        exit
    })
}

/// Opens the state folder; only `domain add` creates a new one, so that a mistyped path does not become an empty
/// gateway.
fn state_dir(config: &Config, command: &CliCommand) -> Result<StateDir, Failure> {
    match command {
        CliCommand::Domain(cli::domain::DomainCommand::Add { .. }) => StateDir::enter_or_make(config, Keep::Nothing),
        _ => StateDir::enter(config, Keep::Nothing),
    }
}
