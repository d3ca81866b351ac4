//! Whose files they are. Root becomes the owner of the state folder; others are told whom to be. Run by root this shows
//! all of it; run by somebody else, what such a user can show.

use super::run::{Place, Server, Smtp};
use nix::unistd::{Gid, Uid, chown};
use std::os::unix::fs::{MetadataExt, PermissionsExt};

/// Users that every Debian has: `daemon`, `games`, `nobody`.
const DAEMON: u32 = 1;
const NOBODY: u32 = 65534;

/// A state folder of `nobody`'s, in a folder that everybody may look into.
fn nobodys_place() -> Place {
    let mut place = Place::new();
    place.open_to_all();
    std::fs::create_dir(place.state()).unwrap();
    std::fs::set_permissions(place.state(), std::fs::Permissions::from_mode(0o700)).unwrap();
    chown(&place.state(), Some(Uid::from_raw(NOBODY)), Some(Gid::from_raw(NOBODY))).unwrap();
    place
}

fn all_belong_to(folder: &std::path::Path, uid: u32) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let metadata = entry.metadata().unwrap();
        assert_eq!(metadata.uid(), uid, "{}", entry.path().display());
        if metadata.is_dir() {
            all_belong_to(&entry.path(), uid);
        }
    }
}

#[test]
fn root_becomes_the_owner_of_the_state_folder() {
    if !Uid::effective().is_root() {
        return somebody_else_is_told_whom_to_be();
    }
    let place = nobodys_place();
    let (nobody, daemon) = (place.as_user(NOBODY), place.as_user(DAEMON));

    place.done("domain add example.test --server 127.0.0.1:1");
    nobody.done("account add alice@example.test");
    all_belong_to(&place.state(), NOBODY);

    // A port below 1024 on an address of loopback that nobody else uses.
    let server = Server::start_with(&place, &["--set", "smtp.listen=127.77.0.1:25"]);
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
    let nobodys = [NOBODY.to_string(), NOBODY.to_string(), NOBODY.to_string(), NOBODY.to_string()].join("\t");
    assert_eq!((field("Uid:"), field("Gid:")), (nobodys.clone(), nobodys));
    assert_eq!(field("CapEff:"), "0000000000000400", "the right to bind ports, and no other");
    assert!(Smtp::connect(server.address("SMTP")).reply().starts_with("220 "));

    place.done("account add bob@example.test");
    nobody.done("account add carol@example.test");
    let log = place.done("changes list");
    assert!(log.contains(" nobody by command: account added: carol@"), "{log}");
    assert!(log.contains(" root by command: account added: bob@"), "{log}");
    let refused = daemon.run("domain list");
    assert_eq!(refused.code, 77, "{refused:?}");
    assert!(refused.err.contains("it belongs to nobody: run the command as root or nobody"), "{refused:?}");
    all_belong_to(&place.state(), NOBODY);
    assert!(server.end().success());
}

#[test]
fn a_new_folder_is_given_to_the_user_that_the_settings_name() {
    let user = nix::unistd::User::from_uid(Uid::effective()).unwrap().unwrap().name;
    let (name, uid) =
        if Uid::effective().is_root() { ("nobody", NOBODY) } else { (user.as_str(), Uid::effective().as_raw()) };
    let mut place = Place::new();
    place.open_to_all();
    let server = Server::start_with(&place, &["--set", &format!("state.user={name}")]);
    assert_eq!(std::fs::metadata(place.state()).unwrap().uid(), uid);
    all_belong_to(&place.state(), uid);
    assert!(server.end().success());
    assert_eq!(place.run("serve --set state.user=no-such-user").code, 78);
}

/// What is to be seen without being root: a folder of root's is closed, and the message names root.
fn somebody_else_is_told_whom_to_be() {
    let ran = Place::new().run("domain list --set state.dir=/proc/1/cwd");
    assert_eq!(ran.code, 77, "{ran:?}");
    assert!(ran.err.contains("run the command as root"), "{ran:?}");
}
