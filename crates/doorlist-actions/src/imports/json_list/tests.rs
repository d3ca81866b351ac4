#![allow(clippy::unwrap_used)]

use super::*;
use doorlist_core::source_rows::normalize_packed;

fn read_bytes(bytes: &[u8], columns: &[&str], cleaned: Option<u64>) -> Result<(Vec<String>, FileReading), String> {
    let domain: DomainName = "example.test".parse().unwrap();
    let columns: Vec<_> = columns.iter().map(|text| text.parse().unwrap()).collect();
    let options = ParseOptions { domain: &domain, domain_aliases: &[], format: None, columns: &columns };
    let (rows, told) = read(bytes, &options, cleaned).map_err(|error| format!("{error:?}"))?;
    let shown = |row: SourceRow| match &row.structure {
        Structure::Mailbox => row.local.to_string(),
        Structure::DistributionList => format!("{} list", row.local),
        Structure::AliasOf(account) => format!("{} of {account}", row.local),
    };
    Ok((normalize_packed(rows).rows.iter().map(shown).collect(), told))
}

/// The rows of a text, and what is told of it.
fn read_text(text: &str, columns: &[&str]) -> (Vec<String>, FileReading) {
    read_bytes(text.as_bytes(), columns, None).unwrap()
}

fn error_of(text: &str) -> String {
    let error = read_bytes(text.as_bytes(), &[], None).unwrap_err();
    assert!(!error.to_lowercase().contains("secr3t"), "{error}");
    error
}

#[test]
fn a_section_and_a_scheme_are_no_json() {
    for text in ["[{}]", "[ \"ann\"]", "\u{feff} []", "{ \"email\": 1}", "{}"] {
        assert!(looks_like(text.as_bytes()), "{text}");
    }
    for text in ["[mailboxes]\nann@example.test\n", "{SSHA}x\n", "[", "ann@example.test\n"] {
        assert!(!looks_like(text.as_bytes()), "{text}");
    }
}

#[test]
fn directories_of_google_are_read_by_their_keys() {
    let users = r#"{"kind":"admin#directory#users","users":[{"primaryEmail":"ann@example.test","suspended":true,
        "emails":[{"address":"a.lee@example.test","type":"work"},{"primary":true,"address":"ann@example.test"}],
        "aliases":["a@example.test"],"password":"Secr3tPw1@example.test","recoveryEmail":"ann@home.test",
        "relations":[{"value":"bo@example.test","type":"manager"}]},
        {"primaryEmail":"bo@example.test"}],"nextPageToken":"x"}"#;
    let (rows, told) = read_text(users, &[]);
    assert_eq!(rows, ["a of ann", "ann", "bo"]);
    let notes = told.notes.join("\n");
    for part in ["--map emails=alias", "--map relations=alias", "1 account is blocked", "one page of several"] {
        assert!(notes.contains(part), "{notes}");
    }
    assert!(!format!("{told:?}").contains("Secr3t"), "{told:?}");
    assert_eq!(read_text(users, &["emails=alias"]).0, ["a of ann", "a.lee of ann", "ann", "bo"]);
    let groups = r#"{"groups":[{"email":"team@example.test","aliases":["t@example.test"]}]}"#;
    assert_eq!(read_text(groups, &[]).0, ["t of team", "team list"]);
}

#[test]
fn recipients_of_microsoft_are_read_by_their_keys() {
    let graph = r#"{"@odata.context":"x","value":[{"mail":"ann@example.test","userPrincipalName":"alee@example.test",
        "proxyAddresses":["SMTP:ann@example.test","smtp:a.lee@example.test"]},
        {"mail":null,"userPrincipalName":"bo@example.test"}]}"#;
    let (rows, told) = read_text(graph, &[]);
    assert_eq!(rows, ["a.lee of ann", "ann", "bo"]);
    assert!(told.notes[0].contains("--map userPrincipalName=alias"), "{told:?}");
    let exchange = r#"[{"PrimarySmtpAddress":{"Local":"ann","Domain":"example.test","Address":"ann@example.test"},
        "EmailAddresses":{"value":["SMTP:ann@example.test","smtp:a.lee@example.test"],"Count":2},
        "RecipientTypeDetails":"MailUniversalDistributionGroup"},
        {"PrimarySmtpAddress":"bo@example.test","EmailAddresses":"SMTP:bo@example.test smtp:b@example.test"}]"#;
    let expected = ["a.lee of ann", "ann list", "b of bo", "bo"];
    assert_eq!(read_text(exchange, &[]).0, expected);
    // As PowerShell writes it to a file.
    let utf16: Vec<u8> = format!("\u{feff}{exchange}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(looks_like(&utf16));
    assert_eq!(read_bytes(&utf16, &[], None).unwrap().0, expected);
}

#[test]
fn lists_of_scripts_are_read_as_they_come() {
    for (text, expected) in [
        (r#"["ann@example.test", "bo@example.test"]"#, &["ann", "bo"][..]),
        (r#"["ann", "bo"]"#, &["ann", "bo"]),
        (r#"{"data":["ann@example.test"],"count":1}"#, &["ann"]),
        (
            r#"[{"email":"ann@example.test","aliases":"a@example.test b@example.test"}]"#,
            &["a of ann", "ann", "b of ann"],
        ),
        (r#"{"data":{"users":[{"email":"ann@example.test"}]},"next":null}"#, &["ann"]),
        (r#"{"objects":[{"mail":"ann@example.test"}]}"#, &["ann"]),
        (r#"{"Resources":[{"userName":"x","emails":[{"value":"ann@example.test","primary":true}]}]}"#, &["ann"]),
        (r#"{"email":"ann@example.test","groups":["staff", "team@example.test"],"data":{"x":1}}"#, &["ann"]),
        ("{\"email\":\"ann@example.test\",\"password\":\"x\"}\n{\"email\":\"bo@example.test\"}\n", &["ann", "bo"]),
        ("[]", &[]),
    ] {
        let (rows, told) = read_text(text, &[]);
        let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
        assert_eq!((rows.as_slice(), told.problems_total), (expected, 0), "{text}");
    }
}

#[test]
fn our_own_form_keeps_what_it_says() {
    let own = r#"[{"email":"team@example.test","aliases":["t"],"distribution_list":true,"disabled":true,"note":"x"}]"#;
    let (rows, told) = read_text(own, &[]);
    assert_eq!(
        (rows, told.format.as_str()),
        (vec!["t of team".to_owned(), "team list".to_owned()], "JSON: accounts with their aliases")
    );
    // An address that it has no place for is told.
    let more = r#"[{"email":"ann@example.test","aliases":[],"backup":"a.lee@example.test"}]"#;
    assert!(read_text(more, &[]).1.notes[0].contains("--map backup=alias"));
    assert_eq!(read_text(more, &["backup=alias"]).0, ["a.lee of ann", "ann"]);
}

#[test]
fn what_cannot_be_read_says_what_was_seen_and_no_secret() {
    let users = r#"[{"user":"ann","password":"Secr3tPw1"},{"user":"bo","password":"Secr3tPw2"}]"#;
    let error = error_of(users);
    assert!(error.contains("(2) have the keys: user, password") && error.contains("--map user=local"), "{error}");
    assert_eq!(read_text(users, &["user=local"]).0, ["ann", "bo"]);
    let members = error_of(r#"{"members":[{"email":"ann@example.test"},{"email":"bo@example.test"}]}"#);
    assert!(members.contains("keys: members") && members.contains("--map KEY=address"), "{members}");
    assert!(error_of("[{}]").contains("have the keys: none"));
    assert!(error_of("[1, 2").contains("expected an array of objects"));
    assert!(error_of("{\"email\":\"ann@example.test\"}\n{\"Secr3tPw1\n").contains("cannot read the JSON"));
    assert!(error_of(r#"[{"email":"ann@contoso.test","x":"y@contoso.test"}]"#).contains("contoso.test 1"));
}

#[test]
fn rows_that_are_wrong_are_told_by_item_without_secrets() {
    let text = r#"[{"mail":"ann@example.test","pw":"Secr3tPw1"},{"mail":"bo at example.test","pw":"Secr3tPw2"},
        {"mail":"cl\u200beo@example.test"}]"#;
    let (rows, told) = read_text(text, &[]);
    assert_eq!((rows, told.problems_total), (vec!["ann".to_owned()], 2));
    assert_eq!(told.problems[0].place, "item 2");
    assert!(told.rejected.contains("\"item 2: mail: ") && !format!("{told:?}").contains("Secr3t"), "{told:?}");
    let (rows, told) = read_bytes(text.as_bytes(), &[], Some(2)).unwrap();
    assert_eq!((rows.len(), told.problems_total), (2, 1));
    assert!(told.notes.iter().any(|note| note.ends_with("removed from the text: 3")), "{told:?}");
}
