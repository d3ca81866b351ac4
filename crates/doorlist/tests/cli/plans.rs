//! Plans as a person reads them, as transcripts: what goes comes first and by name, counts add up, a dry run says what it
//! would do.

use super::run::Place;
use super::tour::steady;
use std::collections::BTreeSet;
use std::fmt::Write;

/// `ann`, `help>team` as lines of a CSV with addresses and aliases.
fn file_of(names: impl IntoIterator<Item = String>) -> String {
    let mut text = "email,aliases\n".to_owned();
    for name in names {
        let (account, aliases) = name.split_once('>').unwrap_or((&name, ""));
        writeln!(text, "{account}@example.test,{aliases}").unwrap();
    }
    text
}

fn people(range: std::ops::Range<u32>) -> impl Iterator<Item = String> {
    range.map(|n| format!("user{n:05}"))
}

/// A place with `example.test` and these files.
fn place(files: &[(&str, String)]) -> Place {
    let place = Place::new();
    place.done("domain add example.test --server 127.0.0.1:1");
    for (name, text) in files {
        place.file(name, text);
    }
    place
}

/// The commands, what they print, and their messages behind that.
fn transcript(place: &Place, lines: &[(i32, &str)]) -> String {
    let mut text = String::new();
    for (code, line) in lines {
        let ran = place.run(line);
        assert_eq!(ran.code, *code, "{line}: {}{}", ran.out, ran.err);
        write!(text, "$ doorlist {line}\n{}", ran.out).unwrap();
        text.extend(ran.err.lines().flat_map(|line| ["! ", line, "\n"]));
    }
    steady(&text)
}

#[test]
fn a_catch_all_of_a_file_is_no_recipient() {
    let place = place(&[(
        "all.csv",
        "email,aliases\nann@example.test,a.lee@example.test\n*@example.test,x@example.test\n".to_owned(),
    )]);
    let ran = place.run("import all.csv --domain example.test --apply");
    assert!(ran.code == 0 && ran.err.contains("a catch-all in line 3, which a list cannot have"), "{ran:?}");
    assert_eq!(place.done("account list --domain example.test").lines().count(), 1);
    assert_eq!(place.run("check x@example.test").code, 4);
}

#[test]
fn a_mirror_says_what_goes_then_what_changes_then_what_comes() {
    let before = ["ann>a.lee b.lee", "bob>bobby", "cora", "dan", "eve>info"].map(str::to_owned);
    let after = ["ann>a.lee", "cora", "info", "dan>old", "zoe"].map(str::to_owned);
    let place = place(&[
        ("before.csv", file_of(before.map(|name| name.replace(' ', ";")))),
        ("after.csv", file_of(after.into_iter().chain(people(0..25)))),
        ("hand.csv", file_of(["ann", "cora", "dan", "zoe", "user00001", "user00002"].map(str::to_owned))),
    ]);
    insta::assert_snapshot!(transcript(
        &place,
        &[
            (0, "import before.csv --domain example.test --source staff --apply"),
            (2, "import after.csv --domain example.test --source staff --mirror"),
            (0, "import after.csv --domain example.test --source staff --mirror --apply --yes"),
            (0, "import after.csv --domain example.test --source staff --mirror"),
            (2, "import hand.csv --domain example.test --source hand"),
            (2, "import hand.csv --domain example.test --source hand --all"),
            (0, "changes undo 3 --yes"),
        ],
    ));
}

#[test]
fn a_plan_that_waits_is_read_like_any_other() {
    let rest = || people(0..30).chain(people(150..400));
    let place = place(&[("all.csv", file_of(people(0..400))), ("rest.csv", file_of(rest()))]);
    place.done("import all.csv --domain example.test --source staff --apply");
    let text = transcript(
        &place,
        &[
            (4, "import rest.csv --domain example.test --source staff --mirror"),
            (4, "import rest.csv --domain example.test --source staff --mirror --apply"),
            (0, "plan show 2"),
            (4, "plan apply 2 --yes"),
        ],
    );
    insta::assert_snapshot!(text);
    let all = place.done("plan show 2 --all");
    assert_eq!(all.lines().filter(|line| line.starts_with("  - ")).count(), 120);
    let applied = place.done("plan apply 2 --yes --override-limit --reason moved");
    assert_eq!(applied.lines().filter(|line| line.starts_with("  - ")).count(), 100, "{applied}");
    assert!(
        applied.contains("\n  ... and 20 more (`changes show 3` shows them)\ndone, change 3: 120 removed"),
        "{applied}"
    );
}

/// No line twice, and each address once.
#[test]
fn a_long_plan_is_short_and_all_of_it_is_there_if_it_is_asked_for() {
    let place = place(&[("many.csv", file_of(people(0..4_000)))]);
    let short = place.run("import many.csv --domain example.test");
    assert!(short.out.starts_with("would add 4000 addresses:\n  + user00000@example.test: "), "{}", short.out);
    assert_eq!(short.out.lines().count(), 23, "{}", short.out);
    assert!(short.out.ends_with("\n  ... and 3980 more (--all shows them)\nplan for example.test: would add 4000\n"));
    let all = place.run("import many.csv --domain example.test --all");
    let rows: BTreeSet<&str> = all.out.lines().filter(|line| line.starts_with("  + ")).collect();
    assert_eq!(rows.len(), 4_000);
    assert!(!all.out.contains("more"), "{}", all.out);
}

#[test]
fn json_is_one_object_a_row_and_then_the_report() {
    let place = place(&[("before.csv", file_of(people(0..40))), ("after.csv", file_of(people(1..1_201)))]);
    place.done("import before.csv --domain example.test --source staff --apply");
    let lines = |line: &str| -> Vec<serde_json::Value> {
        place.run(line).out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let line = "import after.csv --domain example.test --source staff --mirror --json";
    for line in [line.to_owned(), format!("{line} --apply")] {
        let objects = lines(&line);
        assert_eq!(objects.len(), 1 + 1_161 + 1, "{line}");
        assert_eq!(
            (&objects[0]["change"], &objects[0]["address"]),
            (&"removed".into(), &"user00000@example.test".into())
        );
        assert_eq!((&objects[1]["change"], &objects[1]["before"]), (&"added".into(), &serde_json::Value::Null));
        let report = objects.last().unwrap();
        let applied = &report["plan"]["applied"];
        assert_eq!((&applied["added"], &applied["removed"], &applied["same"]), (&1161.into(), &1.into(), &39.into()));
        assert_eq!((&report["plan"]["rows"], &report["reading"]["addresses"]), (&serde_json::json!([]), &1200.into()));
    }
}

#[test]
fn a_mirror_of_another_file_asks_for_a_source_of_its_own() {
    let place = place(&[
        ("office.csv", file_of(people(0..3))),
        ("plant.csv", file_of(people(3..6))),
        ("plant-new.csv", file_of(people(3..7))),
    ]);
    insta::assert_snapshot!(transcript(
        &place,
        &[
            (0, "import office.csv --domain example.test --apply"),
            (0, "import plant.csv --domain example.test --apply"),
            (4, "import plant-new.csv --domain example.test --mirror --apply"),
            (0, "import plant-new.csv --domain example.test --source plant --mirror --apply"),
        ],
    ));
}

#[test]
fn invisible_characters_are_named_and_cleaned_away() {
    let names = [
        "an\u{200b}n",
        "b\u{ad}ob>bo\u{2060}b",
        "cora\u{202e}",
        "dan\u{115f}x",
        "e\u{e0041}ve",
        "o\u{2019}hara",
        "anna\u{2011}lee",
    ];
    let place = place(&[("names.csv", file_of(names.map(str::to_owned)))]);
    let text = transcript(
        &place,
        &[
            (2, "import names.csv --domain example.test"),
            (0, "import names.csv --domain example.test --clean --apply"),
            (64, "account add an\u{200b}n@example.test"),
            (64, "alias add bob@example.test an\u{200b}n"),
            (0, "account add o\u{2019}neil@example.test"),
        ],
    );
    insta::assert_snapshot!(text);
}
