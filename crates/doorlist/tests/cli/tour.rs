//! The tour: a gateway from nothing to a kept list, told once and run twice: without a server and beside one. A command
//! does not see the difference, and neither does the transcript.

use super::run::{Place, Server};
use doorlist_testbed::postgres::Cluster;

/// Exit code wanted, command line, what is on stdin.
const TOUR: &[(i32, &str, &str)] = &[
    (0, "domain add example.test --server mail.example.test --server [::1]:1:20,tls=verify", ""),
    (0, "account add alice@example.test Bob@Example.Test", ""),
    (0, "account add team@example.test --list", ""),
    (0, "alias add alice@example.test a.liddell", ""),
    (0, "domain alias add example.test other.example.test", ""),
    (0, "check A.Liddell+news@other.example.test", ""),
    (0, "check postmaster", ""),
    (4, "check nobody@example.test", ""),
    (3, "check nobody@elsewhere.test", ""),
    (2, "import - --domain example.test --source staff", "carol\ndave@example.test\nbob\ntwo words@example.test\n"),
    (0, "import - --domain example.test --source staff --apply", "carol\ndave@example.test\nbob\n"),
    (0, "import - --domain example.test --source staff", "carol\ndave@example.test\nbob\n"),
    (0, "account list --domain example.test", ""),
    (0, "account list --domain example.test --search lid", ""),
    (0, "account show alice@example.test", ""),
    (0, "domain mode example.test enforce --now", ""),
    (3, "check nobody@example.test", ""),
    (0, "account remove alice@example.test --yes", ""),
    (3, "check a.liddell@example.test", ""),
    (0, "domain hold example.test", ""),
    (0, "domain hold example.test", ""),
    (0, "domain release example.test", ""),
    (0, "domain deactivate example.test", ""),
    (3, "check bob@example.test", ""),
    (0, "domain activate example.test", ""),
    (0, "domain set example.test --minus on --abuse off --spam refuse", ""),
    (0, "check bob-news@example.test", ""),
    (3, "check abuse@example.test", ""),
    (0, "domain set example.test --server new.example.test --server old.example.test:2525:20 --plus off", ""),
    (3, "check bob+news@example.test", ""),
    (64, "domain set example.test", ""),
    (3, "domain set unknown.test --plus on", ""),
    (0, "domain show example.test", ""),
    (0, "domain list", ""),
    (0, "export --domain example.test", ""),
    (0, "export --domain example.test --format postfix", ""),
    (0, "changes list --domain example.test", ""),
    (0, "changes show 2", ""),
    (0, "queue list", ""),
    (0, "log", ""),
    (64, "domain mode example.test learn --days 0", ""),
    (3, "account show zoe@example.test", ""),
    (3, "queue show 0000000000000", ""),
    (1, "alias add bob@example.test carol", ""),
    (0, "domain alias remove other.example.test", ""),
    (64, "domain remove example.test", ""),
    (0, "domain remove example.test --yes", ""),
    (3, "domain show example.test", ""),
    (0, "domain list --json", ""),
];

/// What a place says to lines such as [`TOUR`].
pub(super) fn transcript(place: &Place, lines: &[(i32, &str, &str)]) -> String {
    let mut text = String::new();
    for (code, line, input) in lines {
        let ran = place.run_with(line, input);
        assert_eq!(ran.code, *code, "{line}: {}{}", ran.out, ran.err);
        text.push_str(&format!("$ doorlist {line}\n{}", ran.out));
        text.extend(ran.err.lines().flat_map(|line| ["! ", line, "\n"]));
    }
    steady(&text)
}

/// Times and the login are those of this run.
pub(crate) fn steady(text: &str) -> String {
    let is_time = |word: &str| word.len() == 20 && word.ends_with('Z') && word.as_bytes()[10] == b'T';
    let mut out = String::new();
    for line in text.lines() {
        let words: Vec<_> = line
            .split(' ')
            .map(|word| {
                if is_time(word.trim_end_matches([':', ',', ';'])) {
                    word.replace(word.trim_end_matches([':', ',', ';']), "TIME")
                } else {
                    word.to_owned()
                }
            })
            .collect();
        out.push_str(words.join(" ").trim_end());
        out.push('\n');
    }
    let me = nix::unistd::User::from_uid(nix::unistd::Uid::current()).unwrap().unwrap().name;
    out.replace(&format!(" {me} by command"), " ME by command").replace(&format!(" by {me}"), " by ME")
}

#[test]
fn the_tour_is_the_same_without_a_server_and_beside_one() {
    let alone = transcript(&Place::new(), TOUR);
    insta::assert_snapshot!(alone);

    let place = Place::new();
    let server = Server::start(&place);
    assert_eq!(transcript(&place, TOUR), alone);
    assert!(server.end().success());
}

#[test]
fn the_tour_is_the_same_on_postgresql() {
    let alone = transcript(&Place::new(), TOUR);
    let cluster = Cluster::start().unwrap();
    let mut place = Place::new();
    place.set("STORE__URL", &cluster.url("tour").unwrap());
    let server = Server::start(&place);
    assert_eq!(transcript(&place, TOUR), alone);
    assert!(server.end().success());
}

#[test]
fn json_is_one_object_a_line() {
    let place = Place::new();
    place.done("domain add example.test --server 127.0.0.1:1");
    place.done("account add alice@example.test bob@example.test");
    let lines = |line: &str| -> Vec<serde_json::Value> {
        place.run(line).out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let accounts = lines("account list --domain example.test --json");
    assert_eq!(accounts.len(), 2);
    assert_eq!(accounts[0]["address"], "alice@example.test");
    assert_eq!(lines("check zoe@example.test --json")[0]["decision"]["verdict"], "defer");
    assert_eq!(lines("domain list --json")[0]["mailboxes"], 2);
    assert_eq!(lines("changes list --json").len(), 2);
    assert_eq!(lines("changes show 2 --json").len(), 2);
    assert_eq!(lines("domain mode example.test enforce --json")[0]["domains"], 1);
    assert_eq!(lines("export --domain example.test --json").len(), 2);
    assert!(lines("config show --json").iter().any(|line| line["setting"] == "smtp.listen"));
}
