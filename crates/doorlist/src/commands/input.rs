//! Reads files of the caller: a list, a password, certificates. Done before the process becomes the owner of the state
//! folder, who may have no access to them.

use crate::cli::CliCommand;
use crate::cli::admin::Admin;
use crate::cli::source::{SourceCommand, SourceOptions};
use crate::exit::{Exit, Failure, OrExit};
use crate::root_path;
use anyhow::Context;
use doorlist_actions::Password;
use doorlist_core::connection::CA_BYTES_MAX;
use doorlist_core::file_list::FILE_BYTES_MAX;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Maximum octets of a password file.
const PASSWORD_MAX: u64 = 8 * 1024;

#[derive(Default)]
pub(crate) struct Input {
    /// The file to import.
    pub file: Vec<u8>,
    pub password: Option<Password>,
    pub authority: Option<String>,
    /// The file for skipped rows.
    pub rejected: Option<File>,
}

/// Reads the files that a command names, and opens the one that it writes.
pub(crate) fn read_input(command: &CliCommand) -> Result<Input, Failure> {
    match command {
        CliCommand::Import(import) => {
            let Some(path) = &import.file else { return Ok(Input::default()) };
            let rejected = import.rejected.as_deref().map(root_path::open_to_write).transpose()?;
            // One octet above the limit is read, so that the action sees that it is too large.
            Ok(Input { file: read(path, FILE_BYTES_MAX as u64 + 1)?, rejected, ..Input::default() })
        }
        CliCommand::Source(SourceCommand::Add { options, .. } | SourceCommand::Set { options, .. }) => {
            of_source(options)
        }
        CliCommand::Admin(Admin::Create(create)) => {
            let text = |path: &Path| text(path, PASSWORD_MAX);
            let password = create.password_file.as_deref().map(text).transpose()?;
            Ok(Input { password: password.map(Password::new), ..Input::default() })
        }
        _ => Ok(Input::default()),
    }
}

fn of_source(options: &SourceOptions) -> Result<Input, Failure> {
    let password = options.password_file.as_deref().map(|path| text(path, PASSWORD_MAX)).transpose()?;
    let authority = options.ca_file.as_deref().map(|path| text(path, CA_BYTES_MAX as u64 + 1)).transpose()?;
    Ok(Input { password: password.map(Password::new), authority, ..Input::default() })
}

fn text(path: &Path, limit: u64) -> Result<String, Failure> {
    let bytes = read(path, limit)?;
    String::from_utf8(bytes).with_context(|| format!("{} is not UTF-8 text", path.display())).or_exit(Exit::NO_INPUT)
}

fn read(path: &Path, limit: u64) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = if path.as_os_str() == "-" {
        std::io::stdin().lock().take(limit).read_to_end(&mut bytes)
    } else {
        File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes))
    };
    read.with_context(|| format!("cannot read {}", path.display())).or_exit(Exit::NO_INPUT)?;
    Ok(bytes)
}
