//! The way to the state folder, and who answers in it.

use super::{Place, printed};
use crate::server::Printed;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

/// `domain list`, or `domain add`, which makes a new folder.
fn on(place: &Place, state: &Path, words: &[&str]) -> Printed {
    let mut command = place.command(words);
    command.env("DOORLIST__STATE__DIR", state);
    printed(command, &words.join(" "))
}

const LIST: [&str; 2] = ["domain", "list"];
const ADD: [&str; 5] = ["domain", "add", "example.test", "--server", "127.0.0.1:1"];

#[test]
fn root_follows_no_link_of_the_owners_to_a_folder_of_roots() {
    let place = Place::new();
    let before = place.seen();
    // In their own folder, and in one that everybody may write to.
    symlink(place.outside().join("folder"), place.state().join("link")).unwrap();
    let shared = place.folder.add("shared", 0o1777, None).unwrap();
    symlink(place.outside().join("folder"), shared.join("link")).unwrap();
    std::os::unix::fs::lchown(shared.join("link"), Some(place.other.uid.as_raw()), None).unwrap();
    for link in
        [place.state().join("link"), place.state().join("link/new"), shared.join("link"), shared.join("link/new")]
    {
        for words in [&LIST[..], &ADD[..]] {
            let ended = on(&place, &link, words);
            assert!(ended.code != 0, "{}: {ended:?}", link.display());
            assert_eq!(place.seen(), before, "{}", link.display());
        }
    }
}

#[test]
fn root_follows_its_own_links_and_becomes_the_owner() {
    let place = Place::new();
    let link = place.folder.path().join("link");
    symlink(place.state(), &link).unwrap();
    let ended = on(&place, &link, &ADD);
    assert_eq!(ended.code, 0, "{ended:?}");
    for entry in fs::read_dir(place.state()).unwrap() {
        let meta = entry.unwrap().metadata().unwrap();
        assert_eq!(meta.uid(), place.other.uid.as_raw());
    }
}

#[test]
fn a_new_folder_in_somebodys_folder_is_theirs() {
    let place = Place::new();
    let ended = on(&place, &place.state().join("a/b"), &ADD);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(fs::metadata(place.state().join("a/b/lock")).unwrap().uid(), place.other.uid.as_raw());
}

#[test]
fn a_new_folder_is_made_for_the_user_of_the_setting_who_comes_through() {
    let place = Place::new();
    let state = place.outside().join("new/state");
    let mut command = place.command(&ADD);
    command.env("DOORLIST__STATE__DIR", &state).env("DOORLIST__STATE__USER", &place.other.name);
    let ended = printed(command, "domain add");
    assert_eq!(ended.code, 0, "{ended:?}");
    let (above, made) = (fs::metadata(place.outside().join("new")).unwrap(), fs::metadata(&state).unwrap());
    assert_eq!((above.uid(), above.mode() & 0o7777), (0, 0o755));
    assert_eq!((made.uid(), made.mode() & 0o7777), (place.other.uid.as_raw(), 0o700));
}

#[test]
fn a_folder_that_others_can_exchange_is_refused() {
    let place = Place::new();
    // Of root's, in a folder of somebody else.
    let inside = place.state().join("of-roots");
    fs::create_dir(&inside).unwrap();
    // Of root's, but everybody may write to it.
    let open = place.folder.add("open", 0o777, None).unwrap();
    for state in [inside, open.clone(), open.join("state")] {
        let _ = fs::create_dir(&state);
        let ended = on(&place, &state, &LIST);
        assert!(ended.code == 77 && ended.talk.contains("nothing was opened"), "{ended:?}");
        assert_eq!(fs::read_dir(&state).unwrap().filter(|entry| entry.as_ref().unwrap().path().is_file()).count(), 0);
    }
}

#[test]
fn a_part_of_a_folder_of_roots_that_is_somebody_elses_is_refused() {
    let place = Place::new();
    let state = place.folder.add("of-roots", 0o700, None).unwrap();
    assert_eq!(on(&place, &state, &ADD).code, 0);
    for part in ["spool", "spool/bodies", "mail", "directory.db"] {
        let part = state.join(part);
        place.give(&part);
        let ended = on(&place, &state, &LIST);
        assert!(ended.code == 77 && ended.talk.contains(&format!("{} belongs to", part.display())), "{ended:?}");
        chown(&part, Some(0), Some(0)).unwrap();
    }
    assert_eq!(on(&place, &state, &LIST).code, 0);
}

#[test]
fn a_folder_of_another_than_the_setting_says_is_refused() {
    let place = Place::new();
    let mut command = place.command(&LIST);
    command.env("DOORLIST__STATE__USER", "daemon");
    let ended = printed(command, "domain list");
    assert!(ended.code == 78 && ended.talk.contains("belongs to nobody, not to state.user daemon"), "{ended:?}");
}

#[test]
fn a_socket_that_the_owner_does_not_serve_is_not_talked_to() {
    let place = Place::new();
    let lock = fs::File::create(place.state().join("lock")).unwrap();
    place.give(&place.state().join("lock"));
    lock.lock().unwrap();
    // The listener is root's: somebody else than the folder's owner.
    let socket = place.state().join("control.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    fs::set_permissions(&socket, fs::Permissions::from_mode(0o666)).unwrap();
    let ended = place.run(&LIST);
    assert!(ended.code == 77 && ended.talk.contains("not the owner of the state folder"), "{ended:?}");
    listener.set_nonblocking(true).unwrap();
    let (stream, _) = listener.accept().unwrap();
    let mut asked = Vec::new();
    std::io::Read::read_to_end(&mut &stream, &mut asked).unwrap();
    assert_eq!(asked, b"", "nothing was said");
}

#[test]
fn rejected_rows_are_not_written_where_somebody_else_leads_root() {
    let place = Place::new();
    assert_eq!(place.run(&ADD).code, 0);
    place.folder.write("rows.csv", "email\nann@example.test\nno address\n").unwrap();
    let shared = place.folder.add("shared", 0o1777, None).unwrap();
    let before = place.seen();
    symlink(place.outside().join("file"), place.state().join("rows")).unwrap();
    symlink(place.outside().join("folder"), place.state().join("way")).unwrap();
    symlink(place.outside().join("file"), shared.join("rows")).unwrap();
    chown(shared.join("rows"), None, None).unwrap();
    for path in [place.state().join("rows"), place.state().join("way/rows"), shared.join("rows")] {
        let path = path.to_string_lossy().into_owned();
        let ended = place.run(&["import", "rows.csv", "--domain", "example.test", "--rejected", &path]);
        assert!(ended.code != 0 && ended.talk.contains(&path), "{ended:?}");
        assert_eq!(place.seen(), before, "{path}");
    }
    let path = place.folder.path().join("rejected.csv").to_string_lossy().into_owned();
    let ended = place.run(&["import", "rows.csv", "--domain", "example.test", "--rejected", &path]);
    assert!(fs::read_to_string(&path).unwrap().contains("no address"), "{ended:?}");
}
