//! Connections: URLs and filters by table, filters and patterns as properties.
#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;
use proptest::prelude::*;

fn server(url: &str) -> Result<DirectoryServer, ServerError> {
    DirectoryServer::parse(url, DirectoryTls::StartTls)
}

#[test]
fn servers_are_parsed() {
    for (url, shown, tls) in [
        ("ldaps://ldap.example.test", "ldaps://ldap.example.test:636", DirectoryTls::Ldaps),
        ("LDAPS://LDAP.example.test:6360/", "ldaps://ldap.example.test:6360", DirectoryTls::Ldaps),
        ("ldap://dc1", "ldap://dc1:389", DirectoryTls::StartTls),
        ("ldap://192.0.2.1:3890", "ldap://192.0.2.1:3890", DirectoryTls::StartTls),
        ("ldaps://[2001:DB8::1]", "ldaps://[2001:db8::1]:636", DirectoryTls::Ldaps),
        ("ldaps://[2001:db8::1]:1", "ldaps://[2001:db8::1]:1", DirectoryTls::Ldaps),
        ("ldaps://bücher.test", "ldaps://xn--bcher-kva.test:636", DirectoryTls::Ldaps),
    ] {
        let parsed = server(url).unwrap();
        assert_eq!((parsed.to_string().as_str(), parsed.tls), (shown, tls), "{url}");
    }
    let two = DirectoryServer::parse_list("ldaps://a.test, ldap://b.test", DirectoryTls::Plain).unwrap();
    assert_eq!((two[0].tls, two[1].tls), (DirectoryTls::Ldaps, DirectoryTls::Plain));
}

#[test]
fn l14_what_names_no_server() {
    for (url, error) in [
        ("", ServerError::Scheme),
        ("ldap.example.test", ServerError::Scheme),
        ("ldapi:///var/run/ldapi", ServerError::Scheme),
        ("ldapi://%2fvar%2frun", ServerError::Scheme),
        ("http://h", ServerError::Scheme),
        ("ldap://cn=admin:secret@h", ServerError::UserInfo),
        ("ldap://h/%0d%0a", ServerError::Tail),
        ("ldap://h/dc=example", ServerError::Tail),
        ("ldap://h?x", ServerError::Tail),
        ("ldap://", ServerError::Host),
        ("ldap://h\r\nx", ServerError::Host),
        ("ldap://h%0d%0a", ServerError::Host),
        ("ldap://a b", ServerError::Host),
        ("ldap://a\0b", ServerError::Host),
        ("ldap://[::1", ServerError::Host),
        ("ldap://[fe80::1%25eth0]", ServerError::Host),
        ("ldap://::1", ServerError::Host),
        ("ldap://h:0", ServerError::Port),
        ("ldap://h:65536", ServerError::Port),
        ("ldap://h:+1", ServerError::Port),
        ("ldap://h:", ServerError::Port),
        ("ldap://[::1]x", ServerError::Port),
    ] {
        assert_eq!(server(url), Err(error), "{url:?}");
    }
    assert_eq!(DirectoryServer::parse_list(&["ldap://a"; 9].join(","), DirectoryTls::Plain), Err(ServerError::Count));
}

fn connection() -> DirectoryConnection {
    let servers = vec![server("ldaps://a.test").unwrap(), server("ldaps://b.test").unwrap()];
    let bind = LdapBind::Simple { name: "cn=reader,dc=example,dc=test".into() };
    DirectoryConnection::new(servers, bind, "dc=example,dc=test".into(), Preset::ActiveDirectory)
}

#[test]
fn l03_the_password_is_asked_for_again() {
    let before = connection();
    let changed = |change: fn(&mut DirectoryConnection)| {
        let mut after = connection();
        change(&mut after);
        after.needs_password_again(&before)
    };
    assert!(!changed(|_| {}));
    assert!(!changed(|c| c.base = "ou=x".into()) && !changed(|c| c.servers.reverse()));
    assert!(!changed(|c| c.servers.truncate(1)) && !changed(|c| c.bind = LdapBind::Anonymous));
    assert!(changed(|c| c.servers[1].host = "evil.test".into()));
    assert!(changed(|c| c.servers[0].port = 6360));
    assert!(changed(|c| c.servers[0].tls = DirectoryTls::Plain));
    assert!(changed(|c| c.bind = LdapBind::Simple { name: "cn=other".into() }));
    assert!(changed(|c| c.trust = Trust::Pinned([7; 32])));
}

#[test]
fn a_connection_is_checked() {
    let wrong = |change: fn(&mut DirectoryConnection)| {
        let mut connection = connection();
        change(&mut connection);
        connection.validate().unwrap_err().to_string()
    };
    assert_eq!(connection().validate(), Ok(()));
    assert!(wrong(|c| c.servers.clear()).contains("at least one server"));
    assert!(wrong(|c| c.base = " ".into()).contains("the base must"));
    assert!(wrong(|c| c.bind = LdapBind::Simple { name: "a\0b".into() }).contains("bind DN"));
    assert!(
        wrong(|c| c.servers[1].tls = DirectoryTls::Plain).contains("the password would be sent to ldap://b.test:636")
    );
    assert!(wrong(|c| c.trust = Trust::Ca("no".into())).contains("PEM"));
    assert!(wrong(|c| c.limits.page_entries = 5_000).contains("page size"));
    let mut plain = connection();
    plain.servers[0].tls = DirectoryTls::Plain;
    plain.allow_plain_password = true;
    assert_eq!(plain.validate(), Ok(()));
}

#[test]
fn pins_are_read_as_people_copy_them() {
    let colons = vec!["AB"; 32].join(":");
    assert_eq!(Trust::pinned(&colons), Some(Trust::Pinned([0xab; 32])));
    assert_eq!(Trust::pinned(&"ab".repeat(32)), Some(Trust::Pinned([0xab; 32])));
    assert_eq!(Trust::pinned(&"ab".repeat(31)), None);
    assert_eq!(Trust::pinned(&"xy".repeat(32)), None);
}

#[test]
fn filters_are_parsed_and_printed() {
    for (text, printed) in [
        ("mail=*", "(mail=*)"),
        ("(mail=**)", "(mail=*)"),
        (" ( & (a=b) (!(c>=d)) ) ", "(&(a=b)(!(c>=d)))"),
        ("(|(a<=1)(b~=x y))", "(|(a<=1)(b~=x y))"),
        ("(cn=a*b**c)", "(cn=a*b*c)"),
        ("(cn=*b*)", "(cn=*b*)"),
        ("(cn=)", "(cn=)"),
        ("(cn= x )", "(cn= x )"),
        ("(cn=\\2a\\28\\C3\\A4\\ff\\00)", "(cn=\\2a\\28ä\\ff\\00)"),
        ("(userAccountControl:1.2.840.113556.1.4.803:=2)", "(userAccountControl:1.2.840.113556.1.4.803:=2)"),
        ("(ou:dn:=x)", "(ou:dn:=x)"),
        ("(:caseExactMatch:=x)", "(:caseExactMatch:=x)"),
        ("(mail;lang-de=x)", "(mail;lang-de=x)"),
    ] {
        let filter: Filter = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(filter.to_string(), printed);
        assert_eq!(printed.parse::<Filter>().unwrap(), filter);
    }
}

#[test]
fn l01_what_is_no_filter() {
    for text in [
        "",
        "()",
        "(",
        ")",
        "(a=b",
        "(a=b))",
        "(a=b)(c=d)",
        "(&)",
        "(|)",
        "(!)",
        "(!a=b)",
        "(a)",
        "(a=b(c)",
        "(a=\\2)",
        "(a=\\zz)",
        "(a=\0)",
        "(a b=c)",
        "(a>b)",
        "(a>=b*)",
        "(:=x)",
        "(a:b:c:=x)",
        "(é=x)",
        "*)(uid=*))(|(uid=*",
    ] {
        assert!(text.parse::<Filter>().is_err(), "{text:?}");
    }
    let deep = |n: usize| format!("{}(a=b){}", "(!".repeat(n), ")".repeat(n));
    assert!(deep(FILTER_DEPTH_MAX - 1).parse::<Filter>().is_ok());
    assert_eq!(deep(FILTER_DEPTH_MAX).parse::<Filter>(), Err(FilterError::TooDeep));
    assert_eq!(deep(5_000).parse::<Filter>(), Err(FilterError::TooDeep));
    assert_eq!(format!("(|{})", "(a=b)".repeat(1_000)).parse::<Filter>(), Err(FilterError::TooManyParts));
    assert_eq!("(".repeat(FILTER_BYTES_MAX + 1).parse::<Filter>(), Err(FilterError::TooLong));
    let filter = Filter::equal(AttributeName::mail(), b"*)(uid=*))(|(uid=*".to_vec());
    assert_eq!(filter.to_string(), "(mail=\\2a\\29\\28uid=\\2a\\29\\29\\28|\\28uid=\\2a)");
}

#[test]
fn presets_have_filters() {
    let of = |preset: Preset| preset.filter(&AttributeName::mail(), &preset.alias_attributes()).to_string();
    assert_eq!(
        of(Preset::ActiveDirectoryExchange),
        "(&(mailNickname=*)(|(mail=*)(proxyAddresses=*))(!(objectCategory=computer)))"
    );
    assert_eq!(of(Preset::ActiveDirectory), "(&(|(mail=*)(proxyAddresses=*))(!(objectCategory=computer)))");
    assert_eq!(of(Preset::OpenLdap), "(|(mail=*)(mailAlternateAddress=*)(mailLocalAddress=*)(proxyAddresses=*))");
}

#[test]
fn patterns_fit_by_table() {
    let fits = |pattern: &str, text: &str| pattern.parse::<Glob>().unwrap().matches(text);
    for (pattern, yes, no) in [
        ("*@example.test", "a@example.test", "a@example.test.x"),
        ("HealthMailbox*", "healthmailboxab@x.test", "ahealthmailbox"),
        ("?b[0-9]", "ab7", "ab"),
        ("[!a-c]x", "dx", "bx"),
        ("[]x]", "]", "y"),
        ("[a-]", "-", "b"),
        ("a[b", "a[b", "ab"),
        ("**a**", "xay", "xy"),
        ("é*", "éa", "ea"),
    ] {
        assert!(fits(pattern, yes), "{pattern} {yes}");
        assert!(!fits(pattern, no), "{pattern} {no}");
    }
    let slow = format!("{}b", "*a".repeat(100));
    assert!(!fits(&slow, &"a".repeat(320)));
    assert!("".parse::<Glob>().is_err() && "a\n b".parse::<Glob>().is_err());
}

/// The definition, without any thought of speed.
fn fits_plainly(pattern: &[char], text: &[char]) -> bool {
    match (pattern, text) {
        ([], []) => true,
        (['*', rest @ ..], _) => (0..=text.len()).any(|n| fits_plainly(rest, &text[n..])),
        (['?', rest @ ..], [_, behind @ ..]) => fits_plainly(rest, behind),
        (['[', '!', c, ']', rest @ ..], [d, behind @ ..]) => c != d && fits_plainly(rest, behind),
        (['[', c, ']', rest @ ..], [d, behind @ ..]) => c == d && fits_plainly(rest, behind),
        ([c, rest @ ..], [d, behind @ ..]) => c == d && fits_plainly(rest, behind),
        _ => false,
    }
}

fn attribute() -> impl Strategy<Value = AttributeName> {
    "[a-zA-Z][a-zA-Z0-9-]{0,5}(;[a-z]{1,3})?".prop_map(|text| text.parse().unwrap())
}

fn filter() -> impl Strategy<Value = Filter> {
    let value = || prop::collection::vec(any::<u8>(), 0..6);
    let filled = || prop::collection::vec(any::<u8>(), 1..6);
    let leaf = prop_oneof![
        (attribute(), value()).prop_map(|(a, v)| Filter::equal(a, v)),
        (attribute(), value()).prop_map(|(a, v)| Filter::at_least(a, v)),
        attribute().prop_map(Filter::Present),
        (attribute(), prop::option::of(filled()), prop::collection::vec(filled(), 1..3), prop::option::of(filled()))
            .prop_map(|(attribute, initial, any, last)| Filter::Substrings { attribute, initial, any, last }),
        (attribute(), prop::option::of("[1-9](\\.[0-9]{1,3}){0,3}"), value()).prop_map(|(a, rule, value)| {
            Filter::Extensible {
                attribute: Some(a),
                rule: rule.map(|r| r.parse().unwrap()),
                of_dn: value.len() > 2,
                value,
            }
        }),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..3).prop_map(Filter::And),
            prop::collection::vec(inner.clone(), 1..3).prop_map(Filter::Or),
            inner.prop_map(|f| Filter::Not(Box::new(f))),
        ]
    })
}

proptest! {
    #[test]
    fn a_filter_prints_as_what_it_is(filter in filter()) {
        prop_assert_eq!(filter.to_string().parse::<Filter>(), Ok(filter));
    }

    #[test]
    fn any_text_is_a_filter_or_an_error(text in "[()&|!=*\\\\a-c:<>~ 0-9]{0,40}") {
        if let Ok(filter) = text.parse::<Filter>() {
            prop_assert_eq!(filter.to_string().parse::<Filter>(), Ok(filter));
        }
    }

    #[test]
    fn patterns_fit_as_defined(pattern in "(\\*|\\?|a|b|\\[a\\]|\\[!b\\]){1,8}", text in "[ab]{0,8}") {
        let glob: Glob = pattern.parse().unwrap();
        let plain: Vec<char> = pattern.chars().collect();
        let chars: Vec<char> = text.chars().collect();
        prop_assert_eq!(glob.matches(&text), fits_plainly(&plain, &chars));
    }

    #[test]
    fn a_server_prints_as_what_it_is(host in "[a-z0-9]{1,8}(\\.[a-z]{2,5}){0,2}", port in 1_u16.., secure: bool) {
        let url = format!("{}://{host}:{port}", if secure { "ldaps" } else { "ldap" });
        let parsed = server(&url);
        if let Ok(parsed) = parsed {
            prop_assert_eq!(parsed.to_string(), url);
        }
    }
}
