//! The user of the process: root becomes the owner of the state folder before anything in it is opened, so that no
//! file belongs to the wrong user, and the process cannot gain further privileges. Runs before a second thread starts,
//! because capabilities belong to threads.
//!
//! A server that root started keeps one capability, CAP_NET_BIND_SERVICE, permitted and effective: a reload may bind
//! ports below 1024. The bounding set does not restrict capabilities that are already held, so it is empty.

use crate::exit::{Exit, Failure, OrExit};
use anyhow::Context;
use caps::{CapSet, Capability, CapsHashSet};
use nix::sys::prctl::set_no_new_privs;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::stat::{Mode, umask};
use nix::unistd::{Uid, User, initgroups, setgid, setuid};
use std::ffi::CString;

/// The privileges that a process keeps when it stops being root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    Nothing,
    /// Binding ports below 1024, also at a reload; for a server.
    BindPorts,
}

/// Looks up a user, who must exist.
pub(crate) fn user(name: &str) -> Result<User, Failure> {
    let found = User::from_name(name).with_context(|| format!("cannot look up the user {name}"));
    found
        .or_exit(Exit::SYSTEM)?
        .ok_or_else(|| Failure::because(Exit::CONFIG, format_args!("state.user: unknown user {name}")))
}

/// If this process is root and `owner` is another user, switches to that user permanently. In every case, gives up the
/// ability to gain privileges.
pub(crate) fn become_owner(owner: Uid, keep: Keep) -> Result<(), Failure> {
    let user = match Uid::effective().is_root() && !owner.is_root() {
        true => Some(User::from_uid(owner).ok().flatten().ok_or_else(|| {
            Failure::because(Exit::CONFIG, format_args!("the state folder belongs to unknown user id {owner}"))
        })?),
        false => None,
    };
    // The bounding set can be emptied only while this is root.
    get_no_new_rights().context("cannot set no-new-privileges").or_exit(Exit::NO_PERMISSION)?;
    let Some(user) = user else { return Ok(()) };
    drop_to(&user, keep)
        .with_context(|| format!("cannot switch from root to {}", user.name))
        .or_exit(Exit::NO_PERMISSION)
}

/// Ensures that no program run by this process gains privileges: neither by set-user-ID or file capabilities, nor by
/// inheritance.
fn get_no_new_rights() -> anyhow::Result<()> {
    set_no_new_privs()?;
    caps::clear(None, CapSet::Ambient)?;
    caps::clear(None, CapSet::Inheritable)?;
    // Without this right (a user, or root of a container that lacks it) the set stays; no-new-privileges stands above it.
    if caps::has_cap(None, CapSet::Effective, Capability::CAP_SETPCAP)? {
        caps::clear(None, CapSet::Bounding)?;
    }
    Ok(())
}

fn drop_to(user: &User, keep: Keep) -> anyhow::Result<()> {
    if keep == Keep::BindPorts {
        caps::securebits::set_keepcaps(true)?;
    }
    initgroups(&CString::new(user.name.as_str())?, user.gid)?;
    setgid(user.gid)?;
    setuid(user.uid)?;
    if keep == Keep::BindPorts {
        let kept = CapsHashSet::from([Capability::CAP_NET_BIND_SERVICE]);
        caps::set(None, CapSet::Effective, &CapsHashSet::new())?;
        caps::set(None, CapSet::Permitted, &kept)?;
        caps::set(None, CapSet::Effective, &kept)?;
        caps::securebits::set_keepcaps(false)?;
    }
    anyhow::ensure!(setuid(Uid::from_raw(0)).is_err(), "the process can still switch back to root");
    Ok(())
}

/// Creates files with mode 0600 and folders with 0700.
pub(crate) fn private_files() {
    umask(Mode::from_bits_truncate(0o077));
}

/// Raises the limit of open files to the maximum: every session needs one.
pub(crate) fn raise_open_files() -> u64 {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return 0 };
    match setrlimit(Resource::RLIMIT_NOFILE, hard, hard) {
        Ok(()) => hard,
        Err(_) => soft,
    }
}
