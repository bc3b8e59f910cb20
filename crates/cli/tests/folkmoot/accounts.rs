//! Names, and who may have them.

use std::process::Command;

use serde_json::Value;

use crate::kit::{Provider, Ran, Running, folkmoot};

fn register<'a>(name: &'a str, address: &'a str) -> [&'a str; 4] {
    ["register", name, "--provider", address]
}

#[test]
fn a_registered_device_knows_who_it_is() {
    let provider = Provider::start();
    let alice = provider.nobody("alice");
    let words = register("alice", &provider.address);
    let registered = alice
        .json(words.into_iter().chain(["--device", "phone"]))
        .only("registered");
    assert_eq!(registered["user"], "mimi://localhost/u/alice");
    assert_eq!(registered["device"], "mimi://localhost/d/alice/phone");
    assert_eq!(registered["profile"], alice.profile.to_str().unwrap());
    let whoami = alice.json(["whoami"]).only("whoami");
    for field in ["user", "device", "provider", "address", "fingerprint"] {
        assert_eq!(whoami[field], registered[field], "{field}");
    }
    assert_eq!(whoami["address"], provider.authority());
    assert_eq!(whoami["fingerprint"].as_str().unwrap().len(), 64);
    let text = alice.run(["whoami"]);
    assert!(
        text.text().contains("mimi://localhost/d/alice/phone"),
        "{text:?}"
    );
}

#[test]
fn the_profile_is_where_the_variable_says() {
    let provider = Provider::start();
    let folder = provider.path("by-variable");
    let mut command = folkmoot(register("alice", &provider.address));
    Ran::run(command.env("FOLKMOOT_PROFILE", &folder)).text();
    let whoami = Ran::run(folkmoot(["whoami"]).env("FOLKMOOT_PROFILE", &folder));
    assert!(whoami.text().contains("mimi://localhost/u/alice"));
}

#[test]
fn a_wrong_name_is_refused() {
    let provider = Provider::start();
    let long = "a".repeat(65);
    for name in [
        "Alice", "al ice", "", "älice", "a/b", ".a", "a\x1b[2J", &long,
    ] {
        let nobody = provider.nobody("nobody");
        let message = nobody
            .json(register(name, &provider.address))
            .fails(2, "wrong-name");
        assert!(message.contains("a-z"), "{message}");
        assert!(!nobody.profile.exists(), "nothing is half done");
    }
    let nobody = provider.nobody("nobody");
    let words = register("alice", &provider.address);
    nobody
        .json(words.into_iter().chain(["--device", "My Phone"]))
        .fails(2, "wrong-name");
}

#[test]
fn a_name_is_given_once() {
    let provider = Provider::start();
    let alice = provider.person("alice");
    let whoami = alice.json(["whoami"]).only("whoami");
    let thief = provider.nobody("thief");
    let message = thief
        .json(register("alice", &provider.address))
        .fails(8, "name-taken");
    assert!(message.contains("another"), "{message}");
    assert_eq!(alice.json(["whoami"]).only("whoami"), whoami);
    provider.person("bob");
}

#[test]
fn a_further_device_needs_an_invite_made_for_its_user() {
    let mut provider = Provider::start();
    provider.person("alice");
    let further = |provider: &Provider, address: &str| {
        let words = register("alice", address);
        let laptop = provider.nobody("laptop");
        laptop.json(words.into_iter().chain(["--device", "laptop"]))
    };
    further(&provider, &provider.address).fails(8, "invite-refused");
    let for_bob = provider.invite("bob");
    let for_alice = provider.invite("mimi://localhost/u/alice");
    further(&provider, &for_bob).fails(8, "invite-refused");
    let device = &further(&provider, &for_alice).only("registered")["device"];
    assert_eq!(device, "mimi://localhost/d/alice/laptop");
}

#[test]
fn a_profile_is_one_devices() {
    let provider = Provider::start();
    let alice = provider.person("alice");
    let whoami = alice.json(["whoami"]).only("whoami");
    for name in ["alice", "bob"] {
        let message = alice
            .json(register(name, &provider.address))
            .fails(9, "profile-taken");
        assert!(
            message.contains("mimi://localhost/d/alice/main"),
            "{message}"
        );
    }
    assert_eq!(alice.json(["whoami"]).only("whoami"), whoami);
}

#[test]
fn an_invite_is_needed_and_good_once() {
    let provider = Provider::start();
    let mut command: Command = folkmoot(["--json", "serve", "--listen", "127.0.0.1:0", "--data"]);
    let serving = Running::start(command.arg(provider.path("by-invitation")));
    let line: Value = serde_json::from_str(&serving.stdout.next()).unwrap();
    let address = line["address"].as_str().unwrap();
    let (without, _) = address.split_once("&invite=").unwrap();
    let [alice, bob] = ["alice", "bob"].map(|name| provider.nobody(name));
    alice
        .json(register("alice", without))
        .fails(8, "invite-refused");
    let wrong = format!("{without}&invite=wrong");
    alice
        .json(register("alice", &wrong))
        .fails(8, "invite-refused");
    alice.json(register("alice", address)).only("registered");
    let message = bob
        .json(register("bob", address))
        .fails(8, "invite-refused");
    assert!(message.contains("invite"), "{message}");
}
