//! Which paths a session hands on, and which it refuses itself (RFC 5321 §4.1.2). Nothing is rewritten.

use super::script::play_default;

#[test]
fn s33_a02_a03_a07_a09_paths_that_can_be_read() {
    play_default(
        r#"
        C EHLO c
        S ehlo
        C MAIL FROM: <@a.test,@[IPv6:::1]:s@example.test>
        S mail <s@example.test>
        C RCPT TO:<@a.test,@b.test:alice@example.test>
        S rcpt <alice@example.test>
        C RCPT TO:<"alice"@example.test>
        S rcpt <\"alice\"@example.test>
        C RCPT TO:<"al\ice"@example.test>
        S rcpt <\"al\\ice\"@example.test>
        C RCPT TO:<"a b"@example.test>
        S rcpt <\"a b\"@example.test>
        C RCPT TO:<"a@b>"@example.test>
        S rcpt <\"a@b>\"@example.test>
        C RCPT TO:<alice%evil.test@example.test>
        S rcpt <alice%evil.test@example.test>
        C RCPT TO:<evil.test!alice@example.test>
        S rcpt <evil.test!alice@example.test>
        C RCPT TO:<alice@example.test@evil.test>
        S rcpt <alice@example.test@evil.test>
        C RCPT TO:<alice@[127.0.0.1]>
        S rcpt <alice@[127.0.0.1]>
        C RCPT TO:<alice@[IPv6:::1]>
        S rcpt <alice@[IPv6:::1]>
        C RCPT TO:<first..last.@example.test>
        S rcpt <first..last.@example.test>
        C RCPT TO:<POSTMASTER>
        S rcpt <POSTMASTER>
        C RCPT TO:alice@example.test
        S rcpt <alice@example.test>
        C RCPT TO:  alice@example.test
        S rcpt <alice@example.test>
        "#,
    );
}

#[test]
fn a02_a03_a07_a08_paths_that_cannot_be_read() {
    let unreadable = [
        "<>",
        "<alice>",
        "<@>",
        "<alice@>",
        "<postmaster@>",
        "<@example.test>",
        "<alice@example.test",
        "<alice example.test>",
        "<a b@example.test>",
        "<al\\ice@example.test>",
        "<\"alice@example.test>",
        "<\"alice\"x@example.test>",
        "<\"\u{7f}\"@example.test>",
        "<\"\\\u{1}\"@example.test>",
        "<a,b@example.test>",
        "<a:b@example.test>",
        "<a(c)@example.test>",
        "<a@[127.0.0.1>",
        "<a@[127.0.0.1]x>",
        "<a@[a b]>",
        "<a@b@>",
        "<a@@b>",
        "<<a@example.test>>",
        "<@a.test:>",
        "<@a.test,:a@b>",
        "<@a.test,a@b.test>",
        "<@a.test:@b.test:a@c.test>",
        "<@a.test:postmaster>",
        "<a@example.test,b@example.test>",
        "<\"postmaster\">",
        "<a\t@example.test>",
    ];
    for path in unreadable {
        let long = format!("<{}@example.test>", "x".repeat(254 - "@example.test".len() + 1));
        for path in [path, &long] {
            play_default(&format!("C EHLO c\n S ehlo\n C MAIL FROM:<>\n S mail\n C RCPT TO:{path}\n S 501 5.1.3"));
        }
    }
    play_default("C EHLO c\n S ehlo\n C MAIL FROM:\n S 501 5.5.4");
    let bare = ["alice", "alice@", "Alice <alice@example.test>", "alice@example.test>"];
    for path in ["<alice>", "<@a.test:>", "<alice@>", "<a b@example.test>"].iter().chain(&bare) {
        play_default(&format!("C EHLO c\n S ehlo\n C MAIL FROM:{path}\n S 501 5.1.7"));
    }
}

#[test]
fn the_longest_path_is_taken() {
    let path = format!("<{}@example.test>", "x".repeat(254 - "@example.test".len()));
    play_default(&format!("C EHLO c\n S ehlo\n C MAIL FROM:{path}\n S mail\n C RCPT TO:{path}\n S rcpt"));
}
