//! Does the tour of the README print what the README shows? Its commands are run by a shell, in order, beside a server.

use crate::server::{DOORLIST, Server, Settings};
use doorlist_testbed::ports;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

/// A command and what it prints.
struct Step {
    line: usize,
    command: String,
    printed: String,
}

/// The `console` blocks of the page.
fn steps(page: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut inside = false;
    for (number, line) in page.lines().enumerate() {
        match line.strip_prefix("$ ") {
            _ if line.starts_with("```") => inside = line == "```console",
            Some(command) if inside => {
                steps.push(Step { line: number + 1, command: command.to_owned(), printed: String::new() });
            }
            _ if inside => {
                let step = steps.last_mut().expect("a command above its output");
                step.printed.push_str(line);
                step.printed.push('\n');
            }
            _ => {}
        }
    }
    steps
}

/// Times, queue ids, sizes and the login are those of the run.
fn steady(text: &str) -> String {
    let word = |word: &str| {
        let is_id = word.len() == 13 && word.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
        let timed = word.len() == 21 && word.ends_with("Z,");
        let is_time = word.len() == 20 && word.ends_with('Z') && word.contains('T');
        let is_day = word.len() == 10 && word.contains('-') && word.split('-').all(|part| part.parse::<u32>().is_ok());
        let is_minute =
            word.len() == 5 && word.contains(':') && word.split(':').all(|part| part.parse::<u32>().is_ok());
        match word {
            _ if is_day => "DAY".to_owned(),
            _ if is_minute => "MINUTE".to_owned(),
            _ if is_id => "ID".to_owned(),
            _ if is_time => "TIME".to_owned(),
            _ if timed => "TIME,".to_owned(),
            other => other.to_owned(),
        }
    };
    // The size of a queued message stands between its id and its time.
    let line = |line: &str| {
        let words: Vec<String> = line.split_whitespace().map(word).collect();
        match &words[..] {
            [id, _, time, rest @ ..] if id == "ID" && time == "TIME" => format!("ID SIZE TIME {}", rest.join(" ")),
            _ => words.join(" "),
        }
    };
    let me = nix::unistd::User::from_uid(nix::unistd::Uid::current()).unwrap().expect("a login").name;
    text.lines()
        .map(line)
        .collect::<Vec<_>>()
        .join("\n")
        .replace(&format!(" {me} by command"), " root by command")
        .replace(&format!(" by {me},"), " by root,")
}

#[test]
fn the_tour_prints_what_the_readme_shows() {
    let page = std::fs::read_to_string("../../README.md").unwrap();
    let steps = steps(&page);
    assert!(steps.len() >= 12, "only {} commands were found", steps.len());
    let server = Server::with(Settings::default());
    let silent = SocketAddr::from(([127, 0, 0, 1], ports::free().unwrap()));
    let binaries = Path::new(DOORLIST).parent().expect("a folder").display().to_string();
    for Step { line, command, printed } in steps {
        let here = |text: &str| {
            text.replace("127.0.0.1:2525", &server.smtp().to_string()).replace("127.0.0.1:2600", &silent.to_string())
        };
        let command = here(&command);
        let script = format!("exec 2>&1; PATH={binaries}:$PATH; {command}");
        let ran = server.command_of(Command::new("bash"), &["-c", &script], b"");
        assert_eq!(steady(&ran.out), steady(&here(&printed)), "README.md:{line}: {command}");
    }
}

/// `cargo run --release -- serve` on a fresh clone: cargo must know which program is meant. (The build is the same as that
/// of the tests but for its profile; it is not made again here.)
#[test]
fn the_first_command_of_the_readme_runs_this_program() {
    let page = std::fs::read_to_string("../../README.md").unwrap();
    assert!(page.contains("cargo run --release -- serve "), "the command that this test stands for");
    let asked =
        Command::new(env!("CARGO")).args(["metadata", "--no-deps", "--offline", "--format-version", "1"]).output();
    let told = String::from_utf8(asked.unwrap().stdout).unwrap();
    let (_, members) = told.split_once("\"workspace_default_members\":[").expect("cargo tells the default members");
    let members: Vec<&str> = members.split_once(']').expect("a list").0.split(',').collect();
    assert!(matches!(members[..], [only] if only.contains("/crates/doorlist#")), "{members:?}");
    let program = told.contains("\"name\":\"doorlist\",\"src_path\"") && told.contains("\"kind\":[\"bin\"]");
    assert!(program, "a program of that name");
}
