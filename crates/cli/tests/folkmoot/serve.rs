//! The provider as its operator meets it.

use std::fs;
use std::net::{TcpListener, TcpStream};

use crate::kit::{Provider, Ran, Running, folkmoot};

#[test]
fn the_first_line_is_the_join_address_and_stopping_is_orderly() {
    for name in ["TERM", "INT"] {
        let folder = tempfile::tempdir().unwrap();
        let mut command = folkmoot(["serve", "--listen", "127.0.0.1:0", "--data"]);
        let mut serving = Running::start(command.arg(folder.path().join("data")));
        let address = serving.stdout.next();
        assert!(address.starts_with("folkmoot://127.0.0.1:"), "{address}");
        assert!(address.contains("domain=localhost&pin="), "{address}");
        assert!(
            address.contains("&invite="),
            "nobody registers unasked: {address}"
        );
        serving.signal(name);
        assert_eq!(serving.ended(), Some(0), "SIG{name}");
        assert_eq!(
            serving.stdout.rest(),
            [""; 0],
            "stdout is for the address alone"
        );
    }
}

#[test]
fn a_program_gets_the_address_as_json() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = folkmoot(["--json", "serve", "--listen", "127.0.0.1:0", "--data"]);
    let serving = Running::start(command.arg(folder.path().join("data")));
    let line: serde_json::Value = serde_json::from_str(&serving.stdout.next()).unwrap();
    assert_eq!(line["event"], "serving");
    assert!(line["address"].as_str().unwrap().starts_with("folkmoot://"));
}

#[test]
fn the_command_line_wins_over_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("provider.toml");
    fs::write(
        &file,
        "domain = 'example.org'\nlisten = '127.0.0.1:0'\nregistration = 'open'\n",
    )
    .unwrap();
    let mut command = folkmoot([
        "serve",
        "--public-address",
        "chat.example.org:443",
        "--config",
    ]);
    command
        .arg(&file)
        .arg("--data")
        .arg(folder.path().join("data"));
    let serving = Running::start(&mut command);
    let address = serving.stdout.next();
    assert!(
        address.starts_with("folkmoot://chat.example.org:443/?domain=example.org&"),
        "{address}"
    );
    assert!(!address.contains("invite"), "{address}");
}

#[test]
fn a_restart_is_the_same_provider() {
    let mut provider = Provider::start();
    let alice = provider.person("alice");
    alice.json(["group", "create", "meadow"]).only("created");
    provider.kill();
    provider.restart();
    alice.json(["send", "meadow", "still here"]).only("sent");
}

#[test]
fn what_keeps_a_provider_from_serving_is_said() {
    let provider = Provider::start();
    let serve = |words: &[&str], data: &str| {
        let mut command = folkmoot(["--json", "serve", "--listen", "127.0.0.1:0"]);
        Ran::run(command.args(words).arg("--data").arg(provider.path(data)))
    };
    let message = serve(&[], "provider").fails(9, "data");
    assert!(message.contains("in use"), "{message}");

    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = other.local_addr().unwrap().to_string();
    let mut command = folkmoot(["--json", "serve", "--listen", &taken, "--data"]);
    let message = Ran::run(command.arg(provider.path("other"))).fails(2, "usage");
    assert!(message.contains(&taken), "{message}");

    let file = provider.path("provider.toml");
    for (text, named) in [
        ("domian = 'a.org'", "domian"),
        ("registration = 'shut'", "shut"),
        ("x", "line 1"),
    ] {
        fs::write(&file, text).unwrap();
        let message = serve(&["--config", file.to_str().unwrap()], "another").fails(2, "usage");
        assert!(
            message.contains(named) && message.contains("provider.toml"),
            "{message}"
        );
    }
    let message = serve(&["--config", "/nowhere/provider.toml"], "another").fails(2, "usage");
    assert!(message.contains("/nowhere/provider.toml"), "{message}");
}

#[test]
fn a_provider_of_a_program_that_is_gone_ends() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = folkmoot([
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--until-stdin-ends",
        "--data",
    ]);
    let mut serving = Running::start(command.arg(folder.path().join("data")));
    let address = serving.stdout.next();
    let authority = address["folkmoot://".len()..]
        .split('/')
        .next()
        .unwrap()
        .to_owned();
    assert!(TcpStream::connect(&authority).is_ok());
    drop(serving.stdin.take());
    assert_eq!(serving.ended(), Some(0));
    assert!(TcpStream::connect(&authority).is_err());
}

#[test]
fn an_operator_gets_an_invite_by_asking() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = folkmoot([
        "--json",
        "serve",
        "--interactive",
        "--listen",
        "127.0.0.1:0",
        "--data",
    ]);
    let mut serving = Running::start(command.arg(folder.path().join("data")));
    let json = |line: &str| -> serde_json::Value { serde_json::from_str(line).unwrap() };
    let first = json(&serving.stdout.next())["address"].clone();
    for line in ["", "sing", "invite Bob", "invite a b", "invite"] {
        serving.type_line(line);
    }
    let second = json(&serving.stdout.next());
    assert_eq!(
        second["event"], "invite",
        "what cannot be done stops nothing"
    );
    assert_ne!(second["address"], first, "an invite of its own");
    serving.type_line("invite bob");
    assert_eq!(
        json(&serving.stdout.next())["user"],
        "mimi://localhost/u/bob"
    );
}
