#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use std::collections::HashSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const NAME: &str = "connection example.test/1";

fn of(folder: &Path) -> KeyFileSecrets {
    KeyFileSecrets::new(KeyPlace::StateDir(folder.to_owned()))
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn what_is_sealed_is_opened_by_the_same_key_under_the_same_name_only() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let secrets = of(folder.path());
    let secret = "correct horse \u{1F40E}\0".as_bytes();
    let sealed = secrets.seal(NAME, secret).unwrap();
    assert!(sealed.starts_with("v1:") && !sealed.contains("horse"));
    assert_ne!(sealed, secrets.seal(NAME, secret).unwrap(), "each has a nonce of its own");
    assert_eq!(secrets.open(NAME, &sealed).unwrap(), secret);
    assert_eq!(of(folder.path()).open(NAME, &sealed).unwrap(), secret, "the key is in the folder");
    assert_eq!(secrets.open(NAME, &secrets.seal(NAME, b"").unwrap()).unwrap(), b"");

    secrets.open("connection example.test/2", &sealed).unwrap_err();
    let stranger = of(other.path());
    stranger.seal(NAME, b"x").unwrap();
    let error = stranger.open(NAME, &sealed).unwrap_err();
    assert!(error.contains("another key") && !error.contains("horse"), "{error}");
    assert_eq!(mode(&folder.path().join("secret.key")), 0o600);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left in the folder");
}

#[test]
fn any_changed_octet_is_noticed_and_no_text_at_all_makes_it_stop() {
    let folder = tempfile::tempdir().unwrap();
    let secrets = of(folder.path());
    let sealed = secrets.seal(NAME, b"correct horse").unwrap();
    let bytes = STANDARD.decode(sealed.strip_prefix("v1:").unwrap()).unwrap();
    for at in 0..bytes.len() {
        let mut bytes = bytes.clone();
        bytes[at] ^= 1;
        secrets.open(NAME, &format!("v1:{}", STANDARD.encode(bytes))).unwrap_err();
    }
    for cut in 0..sealed.len() {
        secrets.open(NAME, &sealed[..cut]).unwrap_err();
    }
    for bad in ["", "v1:", "v2:AAAA", "v1:AAAA", "v1:ä", &sealed.replace("v1:", "v1: ")] {
        secrets.open(NAME, bad).unwrap_err();
    }
    secrets.seal(NAME, &vec![0; SECRET_MAX + 1]).unwrap_err();
    let longest = vec![7; SECRET_MAX];
    assert_eq!(secrets.open(NAME, &secrets.seal(NAME, &longest).unwrap()).unwrap(), longest);
}

#[test]
fn a_lost_key_is_missed_and_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let sealed = of(folder.path()).seal(NAME, b"x").unwrap();
    fs::remove_file(folder.path().join("secret.key")).unwrap();
    let error = of(folder.path()).open(NAME, &sealed).unwrap_err();
    assert!(error.contains("is missing"), "{error}");
    assert!(!folder.path().join("secret.key").exists());
}

#[test]
fn a_key_that_others_may_read_or_that_is_none_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret.key");
    of(folder.path()).seal(NAME, b"x").unwrap();
    for bad in [0o640, 0o604, 0o622, 0o644] {
        fs::set_permissions(&path, Permissions::from_mode(bad)).unwrap();
        let secrets = of(folder.path());
        let error = secrets.seal(NAME, b"x").unwrap_err();
        assert!(error.contains("other users can read") && error.contains("secret.key"), "{error}");
        assert_eq!(secrets.check().unwrap_err(), error);
    }
    fs::set_permissions(&path, Permissions::from_mode(0o400)).unwrap();
    of(folder.path()).seal(NAME, b"x").unwrap();
    fs::remove_file(&path).unwrap();
    for length in [0, 1, 31, 33, 64] {
        fs::write(&path, vec![b'k'; length]).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        let error = of(folder.path()).seal(NAME, b"x").unwrap_err();
        assert!(error.contains("exactly 32 random bytes") && !error.contains("kk"), "{error}");
        assert_eq!(fs::read(&path).unwrap().len(), length, "it is left as it is");
    }
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    of(folder.path()).seal(NAME, b"x").unwrap_err();
}

#[test]
fn a_key_from_outside_is_used_and_never_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("given");
    let given = || KeyFileSecrets::new(KeyPlace::of(folder.path(), Some(&path)));
    assert!(given().seal(NAME, b"x").unwrap_err().contains("is missing"));
    given().check().unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    fs::write(&path, [9; 32]).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o440)).unwrap();
    let sealed = given().seal(NAME, b"x").unwrap();
    assert_eq!(given().open(NAME, &sealed).unwrap(), b"x");
    fs::set_permissions(&path, Permissions::from_mode(0o444)).unwrap();
    given().open(NAME, &sealed).unwrap_err();
    assert_eq!(KeyPlace::of(folder.path(), None), KeyPlace::StateDir(folder.path().to_owned()));
}

#[test]
fn many_who_begin_at_once_have_one_key() {
    for _ in 0..20 {
        let folder = tempfile::tempdir().unwrap();
        let start = std::sync::Barrier::new(8);
        let sealed: Vec<String> = std::thread::scope(|scope| {
            let begin = || {
                start.wait();
                of(folder.path()).seal(NAME, b"x").unwrap()
            };
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(begin)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let secrets = of(folder.path());
        sealed.iter().for_each(|sealed| assert_eq!(secrets.open(NAME, sealed).unwrap(), b"x"));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}

#[test]
fn tokens_are_new_each_time_and_their_hash_is_always_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let secrets = of(folder.path());
    let tokens: HashSet<String> = (0..100).map(|_| secrets.token().unwrap()).collect();
    assert_eq!(tokens.len(), 100);
    for token in &tokens {
        assert_eq!(token.len(), 43);
        assert!(token.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')), "{token}");
    }
    // What is stored must still be found after an update: the value is part of the format.
    assert_eq!(secrets.hash("example"), "202024e748928139be624f60e53094df6d84b0ec225a423778cfe1c99b183437");
    assert_ne!(secrets.hash("example"), secrets.hash("examplf"));
    assert_eq!(format!("{secrets:?}"), format!("KeyFileSecrets({}/secret.key)", folder.path().display()));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "tokens need no key");
}

#[test]
fn a_mac_is_of_one_key_one_purpose_and_one_text() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (secrets, stranger) = (of(one.path()), of(other.path()));
    assert!(secrets.is_mac("line", "text", "00").is_err() && secrets.mac("line", "text").is_err(), "missed, not made");
    secrets.make_key().unwrap();
    stranger.make_key().unwrap();
    let mac = secrets.mac("line", "text").unwrap();
    assert_eq!(mac.len(), 64);
    secrets.make_key().unwrap();
    assert!(of(one.path()).is_mac("line", "text", &mac).unwrap(), "after a restart, too");
    for (secrets, purpose, text, mac) in [
        (&secrets, "head", "text", mac.as_str()),
        (&secrets, "line", "texT", &mac),
        (&stranger, "line", "text", &mac),
        (&secrets, "line", "text", &mac[..62]),
        (&secrets, "line", "text", &mac[..63]),
        (&secrets, "line", "text", "k\u{e9}y"),
        (&secrets, "line", "text", ""),
    ] {
        assert!(!secrets.is_mac(purpose, text, mac).unwrap(), "{purpose} {text} {mac}");
    }
}
