//! Every example of the help is run as it stands there, by a shell, at a place that has what most of them name.

use super::run::Place;
use std::process::{Command, Stdio};

/// Commands that go on until they are ended.
const ENDLESS: &[&str] = &["doorlist serve", "doorlist agent", "doorlist log --follow"];
/// The exit code of a command line that is wrong.
const USAGE: i32 = 64;

/// All commands with a help of their own, and that help.
fn pages(place: &Place, path: &str, found: &mut Vec<(String, String)>) {
    let help = place.done(&format!("{path} --help"));
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    for line in commands {
        let name = line.split_whitespace().next().unwrap_or_default();
        // A description that goes on in the next line stands further right.
        if line.starts_with("  ") && !line.starts_with("   ") && name != "help" {
            pages(place, format!("{path} {name}").trim(), found);
        }
    }
    found.push((path.to_owned(), help));
}

/// The command lines below the word; one that ends with a backslash goes on in the next.
fn examples(help: &str) -> Vec<String> {
    let behind = help.lines().skip_while(|line| !line.starts_with("Example")).skip(1);
    let text: String = behind.take_while(|line| line.starts_with("  ")).map(|line| format!("{line}\n")).collect();
    let joined = text.replace("\\\n", " ");
    joined.lines().map(|line| line.trim().to_owned()).filter(|line| line.contains("doorlist ")).collect()
}

fn shell(place: &Place, line: &str) -> (i32, String) {
    let here = place.command(["--version"]);
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", line]).env_clear().envs(here.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let path = format!("{}:/usr/bin:/bin", place.path().join("bin").display());
    shell.env("PATH", path).current_dir(place.path());
    let output = shell.stdin(Stdio::null()).output().unwrap();
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn no_example_of_the_help_is_a_wrong_command_line() {
    let place = Place::new();
    std::fs::create_dir(place.path().join("bin")).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_doorlist"), place.path().join("bin/doorlist")).unwrap();
    for name in ["staff.txt", "users.csv", "password.txt", "key.txt"] {
        place.file(name, "ann@example.test\n");
    }
    place.done("domain add example.test --server 127.0.0.1:1");
    place.done("account add ann@example.test bob@example.test alice@example.test");
    let mut all = Vec::new();
    pages(&place, "", &mut all);
    let (mut ran, mut faults) = (0, Vec::new());
    for (path, help) in &all {
        for line in examples(help) {
            if ENDLESS.iter().any(|endless| line.contains(endless)) {
                continue;
            }
            ran += 1;
            let (code, said) = shell(&place, &line);
            // Where a person would be asked, a script is told what to add.
            let is_asked = said.contains("--yes") || said.contains("--confirm");
            if (code == USAGE && !is_asked) || code == 127 || said.contains("panicked") {
                faults.push(format!("{path}: {line}: exit code {code}: {said}"));
            }
        }
    }
    assert!(ran >= 60, "only {ran} examples were found");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
