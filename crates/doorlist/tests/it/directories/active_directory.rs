//! A real Active Directory domain controller.

use super::{added, file, list, server, sync};
use doorlist_testbed::samba_ad::{ActiveDirectory, Setup};

#[test]
fn a_list_is_kept_by_active_directory() {
    let directory = ActiveDirectory::start(&Setup::default()).unwrap();
    let server = server();
    let reader = directory.reader();
    let (_secret, secret) = file("secret", reader.password);
    let (_authority, authority) = file("ca.pem", directory.ca_pem());
    let (url, base) = (format!("ldaps://{}", directory.ldaps_address()), directory.base());
    added(
        &server,
        &[
            "--url",
            &url,
            "--base",
            base,
            "--bind-dn",
            reader.name,
            "--password-file",
            &secret,
            "--ca-file",
            &authority,
            "--preset",
            "active-directory",
            "--every",
            "1440",
        ],
    );
    let first = list(&server);
    for line in [
        "alice@example.test,mailbox",
        "bob@example.test,mailbox",
        "carol@example.test,mailbox",
        "info@example.test,mailbox",
        "newsletter@example.test,list",
    ] {
        assert!(first.iter().any(|had| had == line), "{line} is not in {first:#?}");
    }
    assert!(first.iter().any(|line| line.contains(",alias,alice@example.test")), "{first:#?}");
    assert!(
        !first.iter().any(|line| line.contains("sip") || line.contains("x500") || line.contains("foreign")),
        "{first:#?}"
    );
    let run = server.command(&["sync", "run", "office"]);
    assert!(run.talk.contains("not followed"), "references are told, not followed: {run:?}");

    // A new user, another renamed and moved, one disabled, one alias more.
    directory.samba_tool(&["user", "create", "erin", "Passw0rd!e", "--mail-address=erin@example.test"]).unwrap();
    directory.samba_tool(&["user", "disable", "carol"]).unwrap();
    directory.samba_tool(&["user", "move", "frank", "OU=Former,OU=Staff"]).unwrap();
    assert_eq!(sync(&server, 0), "office applied +1 ~0 -0, 0 newly missing");
    assert_eq!(server.command(&["check", "carol@example.test"]).code, 0, "who cannot log in still takes mail");
    directory.samba_tool(&["user", "delete", "erin"]).unwrap();
    assert_eq!(sync(&server, 0), "office applied +0 ~1 -0, 1 newly missing");
    assert_eq!(server.command(&["check", "erin@example.test"]).code, 0, "for seven days");
    // A user with another address is the same user: nobody is missing.
    directory.samba_tool(&["user", "rename", "bob", "--mail-address=robert@example.test"]).unwrap();
    assert_eq!(sync(&server, 0), "office applied +1 ~1 -0, 0 newly missing");
    assert!(list(&server).contains(&"bob@example.test,alias,robert@example.test".to_owned()));
    let history = server.done(&["sync", "history", "office"]);
    assert!(history.lines().count() >= 4, "{history}");
}
