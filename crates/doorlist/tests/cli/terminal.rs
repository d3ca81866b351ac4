//! Commands on a terminal: questions that a person answers, and the display of how far work is.

use super::run::{Place, Server};
use std::io::Write;
use std::process::{Command, Stdio};

/// Runs a command on a terminal of its own, where somebody types: its exit code, and what the terminal got.
fn on_terminal(place: &Place, line: &str, typed: &str) -> (i32, String) {
    let command = place.command(line.split_whitespace());
    let quoted = |word: &std::ffi::OsStr| format!("'{}'", word.to_str().unwrap());
    let words: Vec<_> = std::iter::once(command.get_program()).chain(command.get_args()).map(quoted).collect();
    let mut script = Command::new("/usr/bin/script");
    script.args(["--quiet", "--return", "--command", &words.join(" "), "/dev/null"]);
    script.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    script.env("TERM", "vt100").env("SHELL", "/bin/sh").current_dir(place.path());
    let mut child = script.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn a_person_is_asked_before_addresses_go() {
    let place = Place::new();
    place.done("domain add example.test --server 127.0.0.1:1");
    place.done("account add ann@example.test bob@example.test");
    place.done("alias add ann@example.test annie");
    for (line, word) in
        [("account remove ann@example.test bob@example.test", "yes"), ("domain remove example.test", "example.test")]
    {
        for typed in ["no\n", "\n", "\u{4}", "yes please\n"] {
            let (code, screen) = on_terminal(&place, line, typed);
            assert_eq!(code, 1, "{line}, {typed:?}: {screen}");
            assert!(screen.contains(&format!("Type {word} to confirm")), "{screen}");
            assert!(screen.contains("not confirmed; nothing was changed"), "{screen}");
        }
        let (code, screen) = on_terminal(&place, line, &format!("{word}\n"));
        assert_eq!(code, 0, "{line}: {screen}");
        assert!(screen.contains("undo it with `doorlist changes undo "), "{screen}");
    }
    assert_eq!(place.done("domain list"), "");
}

#[test]
fn long_work_shows_how_far_it_is_and_clears_that() {
    let place = Place::new();
    place.done("domain add example.test --server 127.0.0.1:1");
    let rows: String = (0..300_000).map(|number| format!("person{number:06}\n")).collect();
    let file = place.file("all.txt", &rows);
    let line = |source| format!("import {} --domain example.test --source {source} --apply", file.display());
    let run = |line: &str| {
        let (code, screen) = on_terminal(&place, line, "");
        assert_eq!(code, 0, "{line}: {screen}");
        let (display, rest) = screen.rsplit_once("\r\u{1b}[K").unwrap_or_else(|| panic!("{line}: {screen}"));
        assert!(display.contains("reading and comparing ... ") && display.contains(" %"), "{line}: {screen}");
        assert!(rest.contains("example.test: ") && !rest.contains("..."), "{line}: {screen}");
    };
    // A server tells the command how far it is.
    let server = Server::start(&place);
    run(&line("staff"));
    assert!(server.end().success());
    run(&line("others"));
}
