//! Bad files by number, as far as reading them goes.

use super::{fixture, fixtures, line, read, read_mapped, rows};
use doorlist_core::file_list::{
    ColumnContent, ColumnMap, Encoding, FIELD_BYTES_MAX, FILE_BYTES_MAX, FileFormat, FileNote, NotAList,
    OTHER_DOMAINS_KEPT_MAX, ParseOptions, ROWS_MAX, Skipped, cleaned, parse, rejected,
};
use doorlist_core::source_rows::SourceRow;

fn problems(bytes: &[u8]) -> Vec<String> {
    read(bytes).unwrap().problems.iter().map(|p| format!("{} {:?} {}", p.place, p.value, p.why)).collect()
}

fn lines(bytes: &[u8]) -> Vec<String> {
    read(bytes).unwrap().rows.iter().map(line).collect()
}

#[test]
fn i01_encodings_are_seen_and_an_unreadable_row_is_a_problem() {
    let text = "email,aliases\r\njürgen@example.test,müller@example.test\r\nbo@example.test,\r\n";
    let utf16 = |to: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(to).collect::<Vec<u8>>();
    let marked = |mark: &[u8], rest: Vec<u8>| [mark, &rest].concat();
    let latin: Vec<u8> = text.chars().map(|c| c as u8).collect();
    let cases = [
        (text.as_bytes().to_vec(), Encoding::Utf8),
        (marked(b"\xef\xbb\xbf", text.as_bytes().to_vec()), Encoding::Utf8),
        (utf16(u16::to_le_bytes), Encoding::Utf16Le),
        (utf16(u16::to_be_bytes), Encoding::Utf16Be),
        (marked(b"\xff\xfe", utf16(u16::to_le_bytes)), Encoding::Utf16Le),
        (marked(b"\xfe\xff", utf16(u16::to_be_bytes)), Encoding::Utf16Be),
        (latin, Encoding::Windows1252),
    ];
    for (bytes, encoding) in cases {
        let list = read(&bytes).unwrap();
        assert_eq!(list.recognised.encoding, encoding);
        assert_eq!(rows(&list), ["jürgen mailbox", "müller alias of jürgen", "bo mailbox"], "{encoding}");
    }
    let mixed = b"email,aliases\nj\xc3\xbcrgen@example.test,\nm\xfcller@example.test,\nbo@example.test,\n";
    let list = read(mixed).unwrap();
    assert_eq!(list.recognised.encoding, Encoding::Utf8Mixed);
    assert_eq!(rows(&list), ["jürgen mailbox", "bo mailbox"]);
    assert_eq!(list.problems[0].place, "line 3");
    // A byte that the code page does not define, and half a character at the end of UTF-16.
    assert_eq!(problems(b"b\x81@example.test\nbo@example.test").len(), 1);
    assert_eq!(problems(b"\xff\xfea\0\n\0b\0\0").len(), 1);
}

#[test]
fn i02_separators_line_ends_and_preambles() {
    for separator in [",", ";", "\t", "|"] {
        for ending in ["\n", "\r", "\r\n"] {
            let plain = "email,aliases\nmira@example.test,m@example.test\n\"bo@example.test\",\n";
            let text = plain.replace(',', separator).replace('\n', ending);
            let expected = ["line 2: mira mailbox", "line 2: m alias of mira", "line 3: bo mailbox"];
            assert_eq!(lines(text.as_bytes()), expected, "{separator:?} {ending:?}");
        }
    }
    let led = b"\xef\xbb\xbf\"sep=;\"\r\n#TYPE Selected.X\r\n\r\nemail;aliases\r\nmira@example.test;\r\n";
    assert_eq!(lines(led), ["line 5: mira mailbox"]);
    let list = read(led).unwrap();
    assert_eq!((list.recognised.delimiter, list.recognised.head_line), (Some(';'), Some(4)));
}

#[test]
fn i02_quotes_stray_unclosed_and_over_lines() {
    let stray = b"email,aliases,name\nmira@example.test,m@example.test,5\" disk\nbo@example.test,,\"Bo\" Stone\n";
    assert_eq!(lines(stray), ["line 2: mira mailbox", "line 2: m alias of mira", "line 3: bo mailbox"]);
    let over = b"email,aliases\nmira@example.test,\"m@example.test\nn@example.test\"\nbo@example.test,\n";
    assert_eq!(lines(over).last().unwrap(), "line 4: bo mailbox");
    let unclosed = b"email,aliases\nmira@example.test,\"m@example.test\nbo@example.test,\nola@example.test,\n";
    assert_eq!(lines(unclosed), ["line 3: bo mailbox", "line 4: ola mailbox"]);
    assert!(problems(unclosed)[0].contains("the quote opened in line 2 is not closed"), "{:?}", problems(unclosed));
    // A quote that happens to be closed by the one of another row swallows nothing.
    let pair =
        b"email,name\nmira@example.test,\"Mira\nbo@example.test,Bo\nola@example.test,\"Ola\njo@example.test,Jo\n";
    let list = read(&[b"email,aliases,name\n", &pair[11..]].concat()).unwrap();
    assert_eq!(list.problems_total, 2, "{:?}", list.problems);
    assert_eq!(rows(&list), ["bo mailbox", "jo mailbox"]);
}

#[test]
fn i02_a_quote_that_is_never_closed_costs_one_row() {
    let mut text = b"email,aliases\nmira@example.test,\"x\n".to_vec();
    for n in 0..200_000 {
        text.extend(format!("user{n}@example.test,\n").bytes());
    }
    let list = read(&text).unwrap();
    assert_eq!((list.rows.len(), list.problems_total), (200_000, 1));
    let long = [b"email,aliases\n", &vec![b'a'; FIELD_BYTES_MAX + 1][..], b",\nbo@example.test,\n"].concat();
    assert_eq!(lines(&long), ["line 3: bo mailbox"]);
    assert!(problems(&long)[0].ends_with("is longer than 1 MiB"));
}

#[test]
fn i02_ragged_empty_and_without_rows() {
    let ragged = b"email,domain,password,quota\nmira\nbo,example.test,x,1,,\nola,example.test,a,b,c\n";
    assert_eq!(lines(ragged), ["line 2: mira mailbox", "line 3: bo mailbox"]);
    assert!(problems(ragged)[0].starts_with("line 4 \"****\" has 5 cells"));
    let head = read(b"email,aliases\n").unwrap();
    assert!(head.rows.is_empty() && head.notes[0].to_string().contains("header and no rows"));
    assert!(read(b"PrimarySmtpAddress\r\n").unwrap().rows.is_empty());
    for empty in [&b""[..], b"\n\n", b"\xef\xbb\xbf", b" \t\r\n\x1a"] {
        assert_eq!(read(empty), Err(NotAList::Empty));
    }
    assert_eq!(lines(b"mira,bo,ola"), ["line 1: mira mailbox", "line 1: bo mailbox", "line 1: ola mailbox"]);
}

#[test]
fn i02_limits() {
    assert_eq!(read(&vec![b'\n'; FILE_BYTES_MAX + 1]), Err(NotAList::TooLarge));
    assert_eq!(read(&b"a\n".repeat(ROWS_MAX + 1)), Err(NotAList::TooManyRows));
    assert_eq!(read(&b"a,".repeat(ROWS_MAX + 1)), Err(NotAList::TooManyRows));
    let many: String = (0..100_000).map(|n| format!("{n};")).collect();
    let aliases = format!("email,aliases\n{}", format!("m@example.test,{many}\n").repeat(41));
    assert_eq!(read(aliases.as_bytes()).err(), Some(NotAList::TooManyAddresses));
}

#[test]
fn i03_repeats_and_foreign_addresses() {
    let text = b"email,aliases\nmira@example.test,\nMIRA@Example.Test,\nbo@example.test,mira@example.test\n\
        ola@example.invalid,o+tag@example.test\nnils@other.test,\nida@exampe.test,\n";
    let expected = [
        "line 2: mira mailbox",
        "line 3: mira mailbox",
        "line 4: bo mailbox",
        "line 4: mira alias of bo",
        "line 5: ola mailbox",
        "line 5: o+tag alias of ola",
    ];
    assert_eq!(lines(text), expected);
    let found = problems(text);
    assert!(found[0].ends_with("belongs to other.test, this import is for example.test"), "{found:?}");
    assert!(found[1].ends_with("did you mean @example.test?"), "{found:?}");
}

#[test]
fn i05_other_kinds_are_named() {
    let cases: [(&[u8], &str); 10] = [
        (b"PK\x03\x04....", "spreadsheet"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"%PDF-1.7", "PDF"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "old Excel"),
        (b"  <!DOCTYPE html><html>", "web page"),
        (b"\xef\xbb\xbf\r\n<HTML>", "web page"),
        (b"[\n  {\"email\": \"mira@example.test\"}]", "JSON"),
        (b"{\"users\": []}", "JSON"),
        (b"<?xml version=\"1.0\"?>", "XML"),
        (b"mira\0@example.test\nbo@example.test\nola@example.test", "not text"),
    ];
    for (bytes, kind) in cases {
        let error = read(bytes).unwrap_err().to_string();
        assert!(error.contains(kind) && error.contains("save it as"), "{error}");
    }
    assert_eq!(read(b"\x01\x02\x03\x04mira"), Err(NotAList::NotText));
}

#[test]
fn i06_formulas_arrive_with_and_without_guards() {
    let text = "nr,post\n1,'=cmd@example.test\n2,'+a@example.test\n3,-b@example.test\n4,'|c@example.test\n\
        5,\u{ff1d}d@example.test\n6,'\u{ff0b}e@example.test\n";
    let expected = ["=cmd mailbox", "+a mailbox", "-b mailbox", "|c mailbox", "\u{ff1d}d mailbox", "\u{ff0b}e mailbox"];
    assert_eq!(rows(&read(text.as_bytes()).unwrap()), expected);
    let bad = b"email,aliases\n\"@SUM(1+1)*cmd|' /C calc'!A0\",\nbo@example.test,\n";
    let list = read(bad).unwrap();
    let back = rejected(bad, &list);
    assert!(back.contains("\"'@SUM(1+1)"), "{back}");
}

#[test]
fn i07_hostile_names_are_only_text() {
    let name = "<img src=x onerror=alert(1)>\u{202e}".repeat(300);
    let text = format!("email,aliases,name\nmira@example.test,,\"{name}\"\n<img@example.test>,,{name}\n");
    let list = read(text.as_bytes()).unwrap();
    assert_eq!(rows(&list), ["mira mailbox", "img mailbox"]);
    let text = format!("email,aliases\n\"\x1b[31m{name}\",\nbo@example.test,\n");
    let problem = &read(text.as_bytes()).unwrap().problems[0];
    assert!(problem.value.chars().count() < 1000 && !problem.value.contains('\x1b'));
}

#[test]
fn i09_values_joined_in_many_ways_and_passwords_gone() {
    let text = b"email,aliases,Password\nmira@example.test,\"a@example.test, b@example.test\",hunter2\n\
        bo@example.test,\"{email=bo@example.test, primary=true},{email=c@example.test, type=work}\",hunter2\n\
        ola@example.test,\"{d@example.test, SMTP:e@example.test}\",hunter2\nbad address,,hunter2\n";
    let list = read(text).unwrap();
    let expected = [
        "mira mailbox",
        "a alias of mira",
        "b alias of mira",
        "bo mailbox",
        "c alias of bo",
        "ola mailbox",
        "d alias of ola",
        "e alias of ola",
    ];
    assert_eq!(rows(&list), expected);
    assert_eq!(list.problems_total, 1);
    let all = format!("{list:?}{}", rejected(text, &list));
    assert!(!all.contains("hunter2") && all.contains("****"), "{all}");
}

#[test]
fn columns_can_be_said() {
    let maps = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<ColumnMap>>();
    let text = b"id;who;more\n1;mira;m@example.test\n2;bo;\n";
    let error = read(b"id;who;more\n1;mira;x\n2;bo;\n").unwrap_err().to_string();
    assert!(error.contains("id, who, more") && error.contains("--map"), "{error}");
    let list = read_mapped(text, &maps(&["Who=local", "3=alias"])).unwrap();
    assert_eq!(rows(&list), ["mira mailbox", "m alias of mira", "bo mailbox"]);
    let missing = read_mapped(text, &maps(&["mail=address"])).unwrap_err().to_string();
    assert!(missing.contains("\"mail\"") && missing.contains("id, who, more"), "{missing}");
    assert!("=address".parse::<ColumnMap>().is_err() && "x=adress".parse::<ColumnMap>().is_err());
    let groups = read(b"DisplayName,RecipientTypeDetails\nMira,UserMailbox\n").unwrap_err().to_string();
    assert!(groups.contains("DisplayName, RecipientTypeDetails"), "{groups}");
    let ldif = b"dn: cn=ann\nuid: ann\ncn: Ann Lee\n";
    assert_eq!(rows(&read_mapped(ldif, &maps(&["uid=local"])).unwrap()), ["ann mailbox"]);
    let missing = read_mapped(ldif, &maps(&["login=local"])).unwrap_err().to_string();
    assert!(missing.contains("\"login\"") && missing.contains("cn, dn, uid"), "{missing}");
    // What is mapped wins over what was seen.
    let list = read_mapped(&fixture("table.csv"), &maps(&["Elektropost=ignore", "Chef=address"])).unwrap();
    assert_eq!(rows(&list)[0], "bo mailbox");
}

#[test]
fn i02_a_row_of_very_many_cells_costs_one_row() {
    for end in ["", "x", ",", "\r"] {
        let text = format!("email,aliases\nm@example.test{}{end}\nbo@example.test,\n", ",".repeat(9_999));
        let most = lines(text.as_bytes());
        assert!(most.last().unwrap().ends_with("bo mailbox"), "{end:?} {most:?}");
    }
    let text = format!("email,aliases\nm@example.test{}\nbo@example.test,\n", ",".repeat(1_000_000));
    assert_eq!(lines(text.as_bytes()), ["line 3: bo mailbox"]);
    assert!(problems(text.as_bytes())[0].ends_with("has more than 10000 cells"));
}

#[test]
fn a_format_can_be_said() {
    let domain = "example.test".parse().unwrap();
    let read_as = |bytes: &[u8], format: FileFormat| {
        let options = ParseOptions { domain: &domain, domain_aliases: &[], format: Some(format), columns: &[] };
        rows(&parse(bytes, &options).unwrap())
    };
    assert_eq!(read_as(b"info,mira@example.test\n", FileFormat::CpanelForwarders), ["info alias of mira"]);
    assert_eq!(read_as(b"info,x,y,z\n", FileFormat::CpanelAccounts), [] as [&str; 0]);
    assert_eq!(read_as(b"mira,m\nbo,\n", FileFormat::MailRoute), ["mira mailbox", "m alias of mira", "bo mailbox"]);
    assert_eq!(read_as(b"info@example.test: bo@example.test\n", FileFormat::Aliases), ["info alias of bo"]);
    assert_eq!(read_as(b"id,name\n", FileFormat::Plain), ["id mailbox", "name mailbox"]);
    for (format, ..) in FileFormat::ALL {
        for (name, bytes) in super::fixtures() {
            let options = ParseOptions { domain: &domain, domain_aliases: &[], format: Some(format), columns: &[] };
            if let Ok(list) = parse(&bytes, &options) {
                assert_eq!(list.recognised.format, format, "{name}");
            }
        }
    }
}

#[test]
fn the_map_of_a_note_reads_its_column() {
    let mut maps = 0;
    for (name, bytes) in fixtures() {
        let list = read(&bytes).unwrap();
        for note in &list.notes {
            let (column, addresses, field) = match note {
                FileNote::UnreadColumn { column, addresses } => (column, addresses, ColumnContent::Alias),
                FileNote::WordColumn { column, words } => (column, words, ColumnContent::Local),
                _ => continue,
            };
            maps += 1;
            let map = ColumnMap { column: column.clone(), field };
            let mapped = read_mapped(&bytes, &[map]).unwrap();
            let more = mapped.rows.iter().filter(|row| !list.rows.contains(row)).count() as u64;
            assert!(more >= *addresses, "{name}: {column}: {more} of {addresses}");
            // The alias of a row without an account of its own becomes that account's.
            let is_kept = |row: &SourceRow| match field {
                ColumnContent::Local => mapped.rows.iter().any(|other| other.local == row.local),
                _ => mapped.rows.contains(row),
            };
            assert!(list.rows.iter().all(is_kept), "{name}: {column}");
        }
    }
    assert!(maps >= 4, "{maps}");
    let said = ["Also=aliases", "Also=ALIAS", "Also=Aliases"].map(|text| text.parse::<ColumnMap>().unwrap().field);
    assert_eq!(said, [ColumnContent::Alias; 3]);
    assert_eq!("x=addresses".parse::<ColumnMap>().unwrap().field, ColumnContent::Address);
    assert!("x=aliasesses".parse::<ColumnMap>().is_err());
}

#[test]
fn what_a_map_refuses_is_left_out_and_counted() {
    for refusal in
        ["550 No such user", "554", "450 later", "4.2.1 later", "REJECT", "reject gone", "Discard", "ERROR: x"]
    {
        for text in [
            format!("ann@example.test OK\ngone@example.test {refusal}\n"),
            format!("ann@example.test ann\ngone@example.test\t{refusal}\n"),
            format!("ann@example.test bo@example.test\ngone@example.test\t{refusal}\n"),
            format!("ann@example.test\nbo\ncleo\ngone@example.test {refusal}\n"),
        ] {
            let list = read(text.as_bytes()).unwrap();
            assert!(
                rows(&list)[0].starts_with("ann ") && !rows(&list).iter().any(|row| row.contains("gone")),
                "{text}"
            );
            assert_eq!(list.skipped, [(Skipped::Refused, 1)], "{text}");
        }
    }
}

#[test]
fn other_domains_are_counted_and_a_file_of_them_alone_is_refused() {
    let counts = |text: &str| {
        let list = read(text.as_bytes()).unwrap();
        list.other_domains.iter().map(|(domain, count)| format!("{domain} {count}")).collect::<Vec<_>>()
    };
    let rows = "email,aliases\nann@example.test,a@fabrikam.test\ncy@contoso.test,\ndi@contoso.test,\n";
    assert_eq!(counts(rows), ["contoso.test 2", "fabrikam.test 1"]);
    assert_eq!(counts("ann@example.test OK\ncy@contoso.test OK\n"), ["contoso.test 1"]);
    let many: String = (0..OTHER_DOMAINS_KEPT_MAX + 5).map(|n| format!("x@n{n}.test\n")).collect();
    assert_eq!(counts(&format!("ann@example.test\n{many}")).len(), OTHER_DOMAINS_KEPT_MAX);
    let refused = |text: &str| matches!(read(text.as_bytes()), Err(NotAList::OtherDomain { .. }));
    assert!(refused("cy@contoso.test\ndi@contoso.test\n") && refused("email,name\ncy@contoso.test,Cy\n"));
    // A typing error and a line about our domain are for a person to see.
    assert!(!refused("ann@exampel.test\n") && !refused("cy@contoso.test\n@example.test\n") && !refused("cy\n"));
    let error = read(many.as_bytes()).unwrap_err().to_string();
    assert!(error.contains("(105)") && error.contains("and 102 more") && error.contains("Nothing was"), "{error}");
}

#[test]
fn invisible_characters_are_refused_by_name_or_cleaned_away_and_counted() {
    let file = "email,aliases\nan\u{200b}n@example.test,\nb\u{ad}ob@example.test,bobby\u{2060}x\ncora@exam\u{feff}ple.test,\n\
                \u{feff}dan@example.test,\n";
    let list = read(file.as_bytes()).unwrap();
    assert_eq!(rows(&list), ["dan mailbox"], "at the edge of a value it is no part of it");
    let why: Vec<_> = list.problems.iter().map(|problem| format!("{}: {}", problem.place, problem.why)).collect();
    assert_eq!(
        why,
        [
            "line 2: the address has an invisible character, U+200B ZERO WIDTH SPACE; without it, the address is \
             ann@example.test; --clean imports it so",
            "line 3: the address has an invisible character, U+00AD SOFT HYPHEN; without it, the address is \
             bob@example.test; --clean imports it so",
            "line 3: the address has an invisible character, U+2060 WORD JOINER; without it, the address is bobbyx; \
             --clean imports it so",
            "line 4: the address has an invisible character, U+FEFF ZERO WIDTH NO-BREAK SPACE; without it, the address \
             is cora@example.test; --clean imports it so",
        ]
    );
    let (cleaner, removed) = cleaned(file.as_bytes());
    assert_eq!(removed, 5);
    let list = read(&cleaner).unwrap();
    assert_eq!(rows(&list), ["ann mailbox", "bob mailbox", "bobbyx alias of bob", "cora mailbox", "dan mailbox"]);
    assert_eq!(list.problems_total, 0);
}

#[test]
fn a_file_is_cleaned_in_its_own_encoding_and_left_alone_if_it_is_clean() {
    let utf16: Vec<u8> =
        "\u{feff}email\r\nan\u{200b}n@example.test\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let (cleaner, removed) = cleaned(&utf16);
    assert_eq!((removed, cleaner.as_ref()), (1, &b"email\r\nann@example.test\r\n"[..]));
    let latin = b"email,name\nann@example.test,J\xf6rg\n";
    assert_eq!(cleaned(latin), (std::borrow::Cow::Borrowed(&latin[..]), 0));
}
