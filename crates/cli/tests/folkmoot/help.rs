//! Help that teaches, and a command line that says what is wrong with it.

use crate::kit::{Ran, folkmoot};

const COMMANDS: [&str; 7] = [
    "serve", "register", "whoami", "group", "send", "read", "chat",
];

#[test]
fn the_long_help_lists_commands_examples_and_exit_codes() {
    let help = Ran::run(&mut folkmoot(["--help"]));
    let text = help.text();
    for command in COMMANDS.iter().chain(&["demo"]) {
        assert!(
            text.contains(&format!("  {command} ")),
            "{command} in {text}"
        );
    }
    assert!(text.contains("folkmoot demo\n"), "{text}");
    let codes = text.split("Exit codes:").nth(1).unwrap();
    let codes: Vec<_> = codes
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(
        codes,
        [
            "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"
        ]
    );
    assert!(
        !text.contains('\x1b'),
        "no colour where there is no terminal"
    );
    assert!(
        text.lines().all(|line| line.chars().count() <= 100),
        "{text}"
    );
}

#[test]
fn each_command_has_an_example() {
    for command in COMMANDS.iter().chain(&["demo"]) {
        let help = Ran::run(&mut folkmoot([command, "--help"]));
        let examples = help.text().split("Example").nth(1).unwrap_or_default();
        assert!(
            examples.contains(&format!("folkmoot {command}")),
            "{command}: {examples}"
        );
    }
}

#[test]
fn nothing_at_all_shows_the_help_and_is_an_error() {
    let ran = Ran::run(&mut folkmoot::<&str>([]));
    assert_eq!((ran.exit, &*ran.stdout), (Some(2), ""));
    assert!(ran.stderr.contains("Usage: folkmoot"), "{}", ran.stderr);
}

#[test]
fn the_version_is_the_packages() {
    let version = Ran::run(&mut folkmoot(["--version"]));
    assert_eq!(
        version.text(),
        format!("folkmoot {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn a_wrong_command_line_is_one_line_and_exit_code_2() {
    let wrong: [&[&str]; 8] = [
        &["sing"],
        &["send"],
        &["send", "meadow"],
        &["read", "--sideways"],
        &["register", "alice"],
        &["group", "invite", "meadow"],
        &["serve", "--listen", "nowhere"],
        &["serve", "--domain", "No Domain"],
    ];
    for words in wrong {
        let ran = Ran::run(&mut folkmoot(words));
        assert_eq!((ran.exit, &*ran.stdout), (Some(2), ""), "{words:?}");
        assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
        assert!(ran.stderr.starts_with("error: "), "{}", ran.stderr);
        Ran::run(folkmoot(words).arg("--json")).fails(2, "usage");
    }
}

#[test]
fn a_join_address_that_is_cut_is_refused_with_what_to_do() {
    let pin = "A".repeat(43);
    let whole = format!("folkmoot://127.0.0.1:7443/?domain=localhost&pin={pin}");
    let cut = &whole[..whole.len() - 1];
    for address in [
        "here",
        "https://example.org",
        "folkmoot://127.0.0.1:7443/",
        cut,
        "",
        "\x1b[2J",
    ] {
        let words = ["--json", "register", "alice", "--provider", address];
        let message = Ran::run(&mut folkmoot(words)).fails(2, "usage");
        assert!(message.contains("join address"), "{message}");
    }
}
