//! `docs/validation.md`: the rules with the places of code and the tests that name them.

use folkmoot_mls::{Check, Class};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Rules that no test shows yet. The list only gets shorter.
const UNTESTED: &[Check] = &[];

/// Set to write the document in place of comparing it.
const WRITE: &str = "FOLKMOOT_WRITE_DOCS";

/// Where rules are kept.
const SOURCES: &[&str] = &[
    "crates/mls/src",
    "crates/crypto/src",
    "crates/identity/src",
    "crates/delivery/src",
];

/// Where rules are shown.
const TESTS: &[&str] = &[
    "crates/sim/tests",
    "crates/mls/tests",
    "crates/mls/src",
    "crates/identity/tests",
    "crates/delivery/tests",
];

fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap().to_path_buf()
}

/// The Rust files below these folders, by their path from the root.
fn files(folders: &[&str]) -> BTreeMap<String, String> {
    let root = root();
    let mut waiting: Vec<_> = folders.iter().map(|folder| root.join(folder)).collect();
    let mut found = BTreeMap::new();
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            let entries = std::fs::read_dir(&path).unwrap();
            waiting.extend(entries.map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(&root).unwrap().to_str().unwrap();
            let name = name.replace(std::path::MAIN_SEPARATOR, "/");
            found.insert(name, std::fs::read_to_string(&path).unwrap());
        }
    }
    found
}

/// Whether `text` has `Check::Name`, and not a longer name.
fn names(text: &str, check: Check) -> bool {
    let name = format!("Check::{check:?}");
    text.match_indices(&name).any(|(place, found)| {
        let rest = &text[place + found.len()..];
        !rest.starts_with(|next: char| next.is_alphanumeric() || next == '_')
    })
}

/// The numbers in `check 4`, `checks 4, 7 and 9` or `checks 4–9` of a comment.
fn numbers_after(text: &str) -> Vec<u16> {
    let mut numbers = Vec::new();
    let lowered = text.to_lowercase().replace('–', "-");
    for (place, word) in lowered.match_indices("check") {
        let rest = lowered[place + word.len()..].trim_start_matches('s');
        let end = rest.find(|c: char| !(c.is_ascii_digit() || " ,-and".contains(c)));
        let list = &rest[..end.unwrap_or(rest.len())];
        for part in list.split([' ', ',']).filter(|part| !part.is_empty()) {
            let mut ends = part.split('-').map(str::parse::<u16>);
            match (ends.next(), ends.next()) {
                (Some(Ok(first)), Some(Ok(last))) => numbers.extend(first..=last),
                (Some(Ok(one)), None) => numbers.push(one),
                _ => {}
            }
        }
    }
    numbers
}

/// A file without the module of its own tests.
fn without_tests(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests").next().unwrap()
}

/// What a line says in a comment.
fn comment(line: &str) -> Option<&str> {
    let (_, comment) = line.split_once("//")?;
    Some(comment.trim_start_matches(['/', '!', ' ']))
}

/// The files that keep each rule.
fn places() -> BTreeMap<Check, Vec<String>> {
    let mut places: BTreeMap<Check, Vec<String>> = BTreeMap::new();
    for (name, text) in files(SOURCES) {
        if name.ends_with("mls/src/check.rs") || name.contains("/vectors/") {
            continue;
        }
        let text = without_tests(&text);
        let comments: Vec<_> = text.lines().filter_map(comment).collect();
        let numbers = numbers_after(&comments.join(" "));
        for check in Check::ALL {
            let numbered = check.number().is_some_and(|one| numbers.contains(&one));
            if names(text, *check) || numbered {
                let place = name.trim_start_matches("crates/").replace("/src/", "/");
                places.entry(*check).or_default().push(place);
            }
        }
    }
    places
}

/// The tests of a file: their names, and all that stands from one's comment to the next.
fn tests(text: &str) -> Vec<(String, String)> {
    let lines: Vec<_> = text.lines().collect();
    let starts: Vec<_> = (0..lines.len())
        .filter(|place| lines[*place].trim() == "#[test]")
        .collect();
    let comment_of = |start: usize| {
        let above = lines[..start].iter().rev();
        start
            - above
                .take_while(|line| line.trim_start().starts_with("///"))
                .count()
    };
    let mut found = Vec::new();
    for (place, start) in starts.iter().enumerate() {
        let end = starts
            .get(place + 1)
            .map_or(lines.len(), |next| comment_of(*next));
        let declared = lines[start + 1..end]
            .iter()
            .find_map(|line| line.trim().strip_prefix("fn "));
        let name = declared.unwrap().split('(').next().unwrap().to_owned();
        let depth = lines[*start].len() - lines[*start].trim_start().len();
        let closing = format!("{}}}", " ".repeat(depth));
        let length = lines[*start..end].iter().position(|line| *line == closing);
        let end = start + length.unwrap();
        found.push((name, lines[comment_of(*start)..end].join("\n")));
    }
    found
}

/// The tests that show each rule.
fn shown() -> BTreeMap<Check, Vec<String>> {
    let mut shown: BTreeMap<Check, Vec<String>> = BTreeMap::new();
    for (file, text) in files(TESTS) {
        for (name, body) in tests(&text) {
            for check in Check::ALL.iter().filter(|check| names(&body, **check)) {
                let names = shown.entry(*check).or_default();
                names.push(format!("{name} ({})", crate_of(&file)));
            }
        }
    }
    shown
}

/// `sim` for `crates/sim/tests/…`.
fn crate_of(file: &str) -> &str {
    file.split('/').nth(1).unwrap()
}

fn class(check: Check) -> &'static str {
    match check.class() {
        Class::Reject => "reject",
        Class::Accept => "must accept",
        Class::Producer => "producer",
        Class::State => "state",
    }
}

fn list(values: Option<&Vec<String>>) -> String {
    match values {
        None => "—".to_owned(),
        Some(values) => {
            let quoted: Vec<_> = values.iter().map(|value| format!("`{value}`")).collect();
            quoted.join("<br>").replace(" (", "` (").replace(")`", ")")
        }
    }
}

const HEAD: &str = "\
# Validation

Every rule of RFC 9420 that a message, a member or a group must keep, by the number and name that the
code gives it, with the files that keep it and the tests that show it. The last rules, which no list
numbers, are bounds of this engine and parts of numbered rules.

- *reject*: a message that breaks the rule is refused with an error that names the rule, or the rule by
  which the breach is noticed, and the group stays as it was.
- *must accept*: a message is taken although it may look wrong.
- *producer*: the engine never makes a message that breaks the rule.
- *state*: the engine's own state keeps the rule.

This file is made from the sources by a test: `FOLKMOOT_WRITE_DOCS=1 cargo test -p folkmoot-sim`.

| number | rule | section | class | code | tests |
| --- | --- | --- | --- | --- | --- |
";

fn row(check: Check, places: Option<&Vec<String>>, tests: Option<&Vec<String>>) -> String {
    let number = check
        .number()
        .map_or_else(|| "—".to_owned(), |one| one.to_string());
    let section = match check.section() {
        draft if draft.starts_with("mls-") => draft.to_owned(),
        section => format!("§{section}"),
    };
    format!(
        "| {number} | `{check:?}`: {} | {section} | {} | {} | {} |\n",
        check.text(),
        class(check),
        list(places),
        list(tests)
    )
}

/// Every numbered rule has its row, its places and its tests, and the document says so.
#[test]
fn validation_document() {
    let (places, shown) = (places(), shown());
    let mut document = HEAD.to_owned();
    for check in Check::ALL {
        let row = row(*check, places.get(check), shown.get(check));
        write!(document, "{row}").unwrap();
    }
    let numbered = |line: &&str| {
        let cell = line
            .strip_prefix("| ")
            .and_then(|rest| rest.split(' ').next());
        cell.is_some_and(|number| number.parse::<u16>().is_ok())
    };
    assert_eq!(document.lines().filter(numbered).count(), 150);
    let path = root().join("docs/validation.md");
    if std::env::var_os(WRITE).is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &document).unwrap();
    }
    let ruled = || Check::ALL.iter().copied();
    let nowhere: Vec<_> = ruled().filter(|one| !places.contains_key(one)).collect();
    assert_eq!(nowhere, [], "rules that no code names");
    let untested: Vec<_> = ruled().filter(|one| !shown.contains_key(one)).collect();
    assert_eq!(untested, UNTESTED, "rules that no test names");
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == document,
        "docs/validation.md is not what the sources say: run with {WRITE}=1"
    );
}

#[test]
fn comments_name_rules_by_number() {
    assert_eq!(numbers_after("(checks 4, 7 and 9–11)"), [4, 7, 9, 10, 11]);
    assert_eq!(numbers_after("Check 4: so. check 1, RFC 9420 §5"), [4, 1]);
    assert!(numbers_after("a check of 3, checked 4").is_empty());
}
