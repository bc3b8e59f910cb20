//! The demo works, and it fails when what it shows is not so.

use std::fs;
use std::io::Read;
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::kit::{Person, Ran, Running, folkmoot, signal};

/// How often a profile is tried that another process is about to let go of.
const TRIES: usize = 1000;

/// The demo, with its temporary folder below a folder of the test.
fn demo(words: &[&str]) -> (Command, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let mut command = folkmoot(["demo"]);
    command.args(words).env("TMPDIR", folder.path());
    (command, folder)
}

fn json(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}"))
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).unwrap().next().is_none()
}

/// The first line's address, as one connects to it.
fn authority(opening: &Value) -> String {
    let address = opening["address"]
        .as_str()
        .unwrap()
        .strip_prefix("folkmoot://")
        .unwrap();
    address.split('/').next().unwrap().to_owned()
}

#[test]
fn a_person_gets_a_transcript() {
    let (mut command, folder) = demo(&[]);
    let ran = Ran::run(&mut command);
    let text = ran.text();
    for part in [
        "RFC 9750 §3.3",
        "Alice",
        "“Bob, the gate to the meadow is open.”",
        "epoch 4",
        "✓",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(text.contains(" checks hold."), "{text}");
    assert!(
        !text.contains('\x1b'),
        "no colour where there is no terminal"
    );
    assert!(is_empty(folder.path()), "it leaves nothing behind");
}

#[test]
fn a_program_gets_every_check_and_the_verdict_last() {
    let (mut command, folder) = demo(&["--json"]);
    let lines = Ran::run(&mut command).lines();
    let checks: Vec<_> = lines
        .iter()
        .filter(|line| line["event"] == "check")
        .collect();
    assert!(checks.iter().all(|check| check["ok"] == true));
    let last = lines.last().unwrap();
    assert_eq!(
        (&last["event"], &last["ok"]),
        (&"demo".into(), &true.into())
    );
    assert_eq!(last["checks"], checks.len());
    assert!(checks.len() > 80, "{} checks", checks.len());
    assert_eq!(
        lines.iter().filter(|line| line["did"] == "write").count(),
        last["messages"]
    );
    assert_eq!(
        lines.iter().filter(|line| line["did"] == "refused").count(),
        1
    );

    assert!(is_empty(folder.path()), "it leaves nothing behind");
    assert!(
        TcpStream::connect(authority(&lines[0])).is_err(),
        "its provider has ended"
    );
}

#[test]
fn a_kept_provider_goes_on_and_can_be_joined() {
    struct Kept(u32);
    impl Drop for Kept {
        fn drop(&mut self) {
            signal(self.0, "KILL");
        }
    }

    let (mut command, folder) = demo(&["--json", "--keep"]);
    let ran = Ran::run(&mut command);
    let lines = ran.lines();
    let kept = &lines.last().unwrap()["kept"];
    let _kept = Kept(kept["process"].as_u64().unwrap().try_into().unwrap());
    let dana = Person {
        profile: folder.path().join("dana"),
    };
    let address = kept["address"].as_str().unwrap();
    dana.json(["register", "dana", "--provider", address])
        .only("registered");
    let alice = Person {
        profile: Path::new(kept["folder"].as_str().unwrap()).join("alice"),
    };
    alice
        .json(["group", "invite", "Meadow", "dana"])
        .only("invited");
    dana.json(["read"]).only("joined");
}

#[test]
fn a_message_that_nobody_was_to_write_makes_it_fail() {
    let (mut command, _folder) = demo(&["--json"]);
    let mut demo = Running::start(&mut command);
    let opening = json(&demo.stdout.next());
    demo.stdout.until(r#""did":"invite""#);
    // It stands still while somebody else is Alice, once her own command has let go of her profile.
    demo.signal("STOP");
    let alice = Person {
        profile: Path::new(opening["folder"].as_str().unwrap()).join("alice"),
    };
    let intrude = || alice.json(["send", "Meadow", "not in the script"]).exit == Some(0);
    assert!((0..TRIES).any(|_| intrude()), "her profile comes free");
    demo.signal("CONT");
    let lines = demo.stdout.rest();
    assert_eq!(demo.ended(), Some(1));
    let last = json(lines.last().unwrap());
    assert_eq!(
        (&last["event"], &last["ok"]),
        (&"demo".into(), &false.into())
    );
    let claim = last["failed"].as_str().unwrap();
    assert!(claim.contains("reads exactly what was written"), "{claim}");
    assert!(
        TcpStream::connect(authority(&opening)).is_err(),
        "its provider has ended"
    );
}

#[test]
fn a_provider_that_dies_makes_it_fail() {
    let (mut command, folder) = demo(&["--json"]);
    let mut demo = Running::start(&mut command);
    let opening = json(&demo.stdout.next());
    demo.stdout.until(r#""did":"create""#);
    signal(
        opening["process"].as_u64().unwrap().try_into().unwrap(),
        "KILL",
    );
    let lines = demo.stdout.rest();
    assert_eq!(demo.ended(), Some(1));
    let last = json(lines.last().unwrap());
    assert_eq!(
        (&last["event"], &last["ok"]),
        (&"demo".into(), &false.into())
    );
    assert!(
        last["failed"].as_str().unwrap().contains("folkmoot"),
        "{last}"
    );
    assert!(is_empty(folder.path()), "it leaves nothing behind");
}

#[test]
fn an_interrupted_demo_takes_its_provider_with_it() {
    for name in ["INT", "TERM", "KILL"] {
        let (mut command, _folder) = demo(&["--json"]);
        let mut demo = Running::start(&mut command);
        let opening = json(&demo.stdout.next());
        let mut connection = TcpStream::connect(authority(&opening)).unwrap();
        demo.signal(name);
        assert_ne!(demo.ended(), Some(0));
        // The connection ends with the provider.
        assert!(!matches!(connection.read(&mut [0]), Ok(1..)));
        assert!(
            TcpStream::connect(authority(&opening)).is_err(),
            "SIG{name}"
        );
    }
}

#[test]
fn a_demo_that_cannot_begin_says_why() {
    let mut command = folkmoot(["--json", "demo"]);
    let ran = Ran::run(command.env("TMPDIR", "/nowhere"));
    let message = ran.fails(1, "internal");
    assert!(message.contains("temporary folder"), "{message}");
}
