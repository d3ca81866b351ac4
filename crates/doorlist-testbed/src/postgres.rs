//! A PostgreSQL cluster for a test: durable (fsync is on), over TCP on loopback.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use anyhow::{Context, Result, anyhow};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, User};

use crate::folder::Folder;
use crate::ports;
use crate::process::{self, Program, Running};

/// Where Debian keeps the programs of each version.
const VERSIONS: &str = "/usr/lib/postgresql";
/// The superuser of the cluster; every connection from loopback is trusted.
const SUPERUSER: &str = "postgres";

/// A running cluster. Dropping it ends the server and removes its data.
#[derive(Debug)]
pub struct Cluster {
    /// Dropped first: the server ends before its folder goes.
    server: Option<Running>,
    folder: Folder,
    programs: PathBuf,
    user: Option<User>,
    port: u16,
    made: Mutex<Vec<String>>,
}

impl Cluster {
    /// Makes a cluster and starts it.
    ///
    /// # Errors
    /// Fails if PostgreSQL is not installed or does not start.
    pub fn start() -> Result<Self> {
        let programs = newest_version(Path::new(VERSIONS))?;
        let user = process::account(SUPERUSER)?;
        let folder = Folder::new("postgres")?;
        let data = folder.add("data", 0o700, user.as_ref())?;
        folder.add("socket", 0o700, user.as_ref())?;
        // What initdb writes is made durable by the first checkpoint; the commits of the tests are durable.
        process::run(
            process::as_user(&programs.join("initdb"), user.as_ref())
                .args(["--no-sync", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--username", SUPERUSER])
                .arg("--pgdata")
                .arg(&data)
                .current_dir(folder.path()),
        )?;
        let mut cluster = Self { server: None, folder, programs, user, port: ports::free()?, made: Mutex::default() };
        cluster.start_again()?;
        Ok(cluster)
    }

    /// Where it listens, also while it is stopped.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// The URL of a database, which is made, empty, the first time it is asked for.
    ///
    /// # Errors
    /// Fails if the database cannot be created.
    pub fn url(&self, database: &str) -> Result<String> {
        let mut made = self.made.lock().map_err(|_| anyhow!("a test failed while it made a database"))?;
        if database != SUPERUSER && !made.iter().any(|name| name == database) {
            process::run(
                Command::new(self.programs.join("createdb"))
                    .args(["--host=127.0.0.1", "--username", SUPERUSER, "--no-password"])
                    .arg(format!("--port={}", self.port))
                    .arg(database),
            )?;
            made.push(database.to_owned());
        }
        Ok(format!("postgres://{SUPERUSER}@{}/{database}", self.address()))
    }

    /// Stops the server and cuts every connection; its data stay.
    ///
    /// # Errors
    /// Fails if it does not stop.
    pub fn stop(&mut self) -> Result<()> {
        if let Some(mut server) = self.server.take() {
            server.end()?;
        }
        Ok(())
    }

    /// Kills the server as a power cut would; its data stay, and it recovers at the next start.
    ///
    /// # Errors
    /// Fails if it does not stop.
    pub fn kill(&mut self) -> Result<()> {
        if let Some(mut server) = self.server.take() {
            // SIGQUIT is PostgreSQL's own "immediate" stop: no checkpoint, and no child stays behind as after SIGKILL.
            server.signal(Signal::SIGQUIT)?;
            server.wait(process::END_MAX)?;
        }
        Ok(())
    }

    /// Stops all of its processes in the middle of whatever they do: connections stay, and nothing answers.
    ///
    /// # Errors
    /// Fails if a process cannot be stopped.
    pub fn pause(&self) -> Result<()> {
        self.signal_all(Signal::SIGSTOP)
    }

    /// Lets them go on after [`Self::pause`].
    ///
    /// # Errors
    /// Fails if a process cannot go on.
    pub fn go_on(&self) -> Result<()> {
        self.signal_all(Signal::SIGCONT)
    }

    /// The postmaster first: it starts no other process then.
    fn signal_all(&self, signal: Signal) -> Result<()> {
        let Some(server) = &self.server else { return Ok(()) };
        server.signal(signal)?;
        let parent = format!("PPid:\t{}\n", server.pid());
        for process in fs::read_dir("/proc")?.filter_map(Result::ok) {
            let is_child = fs::read_to_string(process.path().join("status")).is_ok_and(|text| text.contains(&parent));
            if let (true, Some(pid)) = (is_child, process.file_name().to_str().and_then(|name| name.parse().ok())) {
                // One that ended meanwhile needs no signal.
                let _ = kill(Pid::from_raw(pid), signal);
            }
        }
        Ok(())
    }

    /// Starts the server on the same port with the same data, after [`Self::stop`] or [`Self::kill`].
    ///
    /// # Errors
    /// Fails if it does not start.
    pub fn start_again(&mut self) -> Result<()> {
        let log = self.folder.path().join("log");
        let mut program = Program::ending_with(Signal::SIGINT, self.programs.join("postgres"), self.user.as_ref(), log);
        program
            .command()
            .current_dir(self.folder.path())
            .arg("-D")
            .arg(self.folder.path().join("data"))
            .args(["-h", "127.0.0.1", "-p", &self.port.to_string()])
            .args(["-c", "fsync=on", "-c", "max_connections=200", "-c", "shared_buffers=64MB"])
            .arg("-k")
            .arg(self.folder.path().join("socket"));
        let mut server = program.start()?;
        let is_ready = self.programs.join("pg_isready");
        let port = format!("--port={}", self.port);
        server.wait_until("accepts connections", || {
            let answer = Command::new(&is_ready).args(["--quiet", "--host=127.0.0.1", &port]).status();
            answer.is_ok_and(|status| status.success())
        })?;
        self.server = Some(server);
        Ok(())
    }

    /// Runs SQL as the superuser and hands back the rows, unaligned, one a line.
    ///
    /// # Errors
    /// Fails if a statement fails.
    pub fn sql(&self, database: &str, sql: &str) -> Result<String> {
        let url = self.url(database)?;
        let rows = process::run(
            Command::new(self.programs.join("psql"))
                .args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"])
                .args(["--dbname", &url, "--command", sql]),
        )?;
        Ok(String::from_utf8(rows)?)
    }
}

/// The folder with the programs of the newest version that is installed.
fn newest_version(versions: &Path) -> Result<PathBuf> {
    let missing = || format!("PostgreSQL is not installed below {}; `cargo xtask check` does it", versions.display());
    let newest = fs::read_dir(versions)
        .with_context(missing)?
        .filter_map(Result::ok)
        .filter(|entry| entry.path().join("bin/postgres").exists())
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .max()
        .with_context(missing)?;
    Ok(versions.join(newest.to_string()).join("bin"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;

    #[test]
    fn it_keeps_what_was_committed_over_a_stop_and_a_kill() {
        let mut cluster = Cluster::start().unwrap();
        assert!(cluster.url("list").unwrap().starts_with("postgres://postgres@127.0.0.1:"));
        cluster.sql("list", "CREATE TABLE t (n BIGINT); INSERT INTO t VALUES (1)").unwrap();
        cluster.stop().unwrap();
        assert!(cluster.sql("list", "SELECT 1").is_err());
        cluster.start_again().unwrap();
        cluster.sql("list", "INSERT INTO t VALUES (2)").unwrap();
        cluster.kill().unwrap();
        cluster.start_again().unwrap();
        assert_eq!(cluster.sql("list", "SELECT n FROM t ORDER BY n").unwrap(), "1\n2\n");
        assert_eq!(cluster.sql("list", "SHOW fsync").unwrap(), "on\n");
    }

    #[test]
    fn two_clusters_do_not_meet() {
        let (one, two) = (Cluster::start().unwrap(), Cluster::start().unwrap());
        assert_ne!(one.address(), two.address());
        one.sql("list", "CREATE TABLE t (n BIGINT)").unwrap();
        assert!(two.sql("list", "SELECT * FROM t").is_err());
    }
}
