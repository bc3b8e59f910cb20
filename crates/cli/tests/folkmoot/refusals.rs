//! What is asked for and cannot be: each has its exit code, one line, and no half-done work.

use folkmoot_client::{Client, Error, MAX_TEXT};
use folkmoot_store::client::{
    ClientChange, ClientStore, GroupRow, GroupState, ProfileFolder, SqlCipherStore,
};

use crate::kit::Provider;

#[test]
fn an_unknown_user_is_named_and_nobody_is_added() {
    let (provider, [alice, ..]) = &Provider::start_with_meadow();
    let dana = provider.person("dana");
    let before = alice.group("meadow");
    let message = alice
        .json(["group", "invite", "meadow", "dana", "nobody"])
        .fails(5, "unknown-user");
    assert!(message.contains("mimi://localhost/u/nobody"), "{message}");
    assert_eq!(alice.group("meadow"), before, "all or nobody");
    assert_eq!(
        dana.json(["group", "list"]).lines(),
        [""; 0].map(serde_json::Value::from)
    );

    let message = alice
        .json(["group", "remove", "meadow", "dana"])
        .fails(5, "no-such-member");
    assert!(message.contains("dana"), "{message}");
    alice
        .json(["group", "invite", "meadow", "bob"])
        .fails(8, "already-a-member");
    alice
        .json(["group", "invite", "meadow", "Bob"])
        .fails(2, "wrong-name");
    alice
        .json(["group", "invite", "meadow", "https://example.org/u/bob"])
        .fails(2, "usage");
    assert_eq!(alice.group("meadow"), before);
}

#[test]
fn an_unknown_group_is_named_by_each_command() {
    let provider = Provider::start();
    let alice = provider.person("alice");
    let commands: [&[&str]; 8] = [
        &["send", "barn", "hello"],
        &["read", "barn"],
        &["chat", "barn"],
        &["group", "members", "barn"],
        &["group", "invite", "barn", "alice"],
        &["group", "remove", "barn", "alice"],
        &["group", "leave", "barn"],
        &["group", "update", "barn"],
    ];
    for words in commands {
        let message = alice.json(words.iter().copied()).fails(5, "unknown-group");
        assert!(message.contains("barn"), "{words:?}: {message}");
    }
}

#[test]
fn a_removed_member_reads_nothing_more_and_cannot_act() {
    let (_provider, [alice, bob, charlie]) = &Provider::start_with_meadow();
    alice.json(["send", "meadow", "before"]).only("sent");
    alice
        .json(["group", "remove", "meadow", "charlie"])
        .only("removed_member");
    alice.json(["send", "meadow", "after"]).only("sent");

    let message = charlie
        .json(["send", "meadow", "hello"])
        .fails(7, "not-a-member");
    assert!(message.contains("meadow"), "{message}");
    assert_eq!(charlie.texts(["read", "--all"]), ["before"]);
    let commands: [&[&str]; 6] = [
        &["send", "meadow", "hello"],
        &["chat", "meadow"],
        &["group", "invite", "meadow", "charlie"],
        &["group", "remove", "meadow", "bob"],
        &["group", "leave", "meadow"],
        &["group", "update", "meadow"],
    ];
    for words in commands {
        charlie.json(words.iter().copied()).fails(7, "not-a-member");
    }
    assert_eq!(bob.texts(["read"]), ["before", "after"]);
    assert_eq!(alice.texts(["read", "--all"]), ["before", "after"]);

    alice
        .json(["group", "invite", "meadow", "charlie"])
        .only("invited");
    charlie.json(["send", "meadow", "back again"]).only("sent");
    assert_eq!(bob.texts(["read"]), ["back again"]);
}

#[test]
fn a_stuck_group_says_so_and_can_be_left() {
    let (_provider, [alice, bob, _]) = &Provider::start_with_meadow();
    alice.json(["send", "meadow", "before"]).only("sent");
    // As an invalid commit leaves it; the client's own tests show such commits.
    let folder = ProfileFolder::open(&alice.profile).unwrap();
    let mut store = SqlCipherStore::open(folder).unwrap();
    let [row] = store.groups().unwrap().try_into().unwrap();
    let state = GroupState::Stuck;
    let stuck = GroupRow { state, ..row };
    store.apply(vec![ClientChange::PutGroup(stuck)]).unwrap();
    drop(store);

    assert_eq!(alice.group("meadow")["stuck"], true);
    let listed = alice.run(["group", "list"]).stdout;
    assert!(listed.contains("stuck: leave it"), "{listed}");
    let commands: [&[&str]; 4] = [
        &["send", "meadow", "after"],
        &["chat", "meadow"],
        &["group", "invite", "meadow", "dana"],
        &["group", "update", "meadow"],
    ];
    for words in commands {
        let message = alice.json(words.iter().copied()).fails(12, "group-stuck");
        assert!(message.contains("create a new group"), "{message}");
    }
    assert_eq!(alice.texts(["read", "--all"]), ["before"]);
    assert_eq!(bob.texts(["read", "--all"]), ["before"], "nothing was sent");

    alice.json(["group", "leave", "meadow"]).only("left");
    assert_eq!(alice.group("meadow")["active"], false);
    alice.json(["group", "create", "meadow"]).only("created");
    alice
        .json(["group", "invite", "meadow", "bob"])
        .only("invited");
    alice.json(["send", "meadow", "again"]).only("sent");
    assert_eq!(bob.texts(["read"]), ["again"]);
}

#[tokio::test]
async fn a_user_without_key_packages_cannot_be_invited_until_they_return() {
    /// More than any device keeps.
    const MANY: usize = 1100;
    let provider = Provider::start();
    let (alice, bob) = (provider.person("alice"), provider.person("bob"));
    let mut client = Client::open(&alice.profile).unwrap();
    let user = "mimi://localhost/u/bob".parse().unwrap();
    let mut invited = 0;
    let refusal = loop {
        assert!(invited < MANY, "key packages come to an end");
        client
            .create_group(&format!("group {invited}"))
            .await
            .unwrap();
        match client
            .invite(&format!("group {invited}"), std::slice::from_ref(&user))
            .await
        {
            Ok(_) => invited += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(refusal, Error::NoKeyPackages { .. }), "{refusal}");
    assert!(invited > 5, "{invited}");
    drop(client);

    let group = format!("group {invited}");
    let message = alice
        .json(["group", "invite", &group, "bob"])
        .fails(6, "no-key-packages");
    assert!(message.contains("bob"), "{message}");
    assert_eq!(alice.group(&group)["members"], 1);
    let joined = bob.json(["read"]).lines();
    assert_eq!(
        joined
            .iter()
            .filter(|line| line["event"] == "joined")
            .count(),
        invited
    );
    alice
        .json(["group", "invite", &group, "bob"])
        .only("invited");
}

#[test]
fn a_provider_that_is_down_is_named_and_nothing_is_lost() {
    let (mut provider, [alice, bob, _]) = Provider::start_with_meadow();
    alice.json(["send", "meadow", "one"]).only("sent");
    bob.json(["group", "list"]).only("group");
    provider.kill();
    let authority = provider.authority().to_owned();
    let message = alice.json(["send", "meadow", "two"]).fails(3, "offline");
    assert!(message.contains(&authority), "{message}");
    let message = bob.json(["group", "update", "meadow"]).fails(3, "offline");
    assert!(message.contains(&authority), "{message}");
    let nobody = provider.nobody("dana");
    nobody
        .json(["register", "dana", "--provider", &provider.address])
        .fails(3, "offline");

    let read = bob.json(["read"]);
    assert!(
        read.stdout.contains(r#""text":"one""#),
        "what is here can be read: {read:?}"
    );
    assert_eq!(read.exit, Some(3));
    let listed = bob.json(["group", "list"]);
    assert!(listed.stdout.contains("meadow"), "{listed:?}");

    provider.restart();
    nobody
        .json(["register", "dana", "--provider", &provider.address])
        .only("registered");
    alice.json(["send", "meadow", "three"]).only("sent");
    let texts = bob.texts(["read", "--all"]);
    assert_eq!(texts.iter().filter(|text| *text == "three").count(), 1);
    assert_eq!(texts.first().map(String::as_str), Some("one"));
}

#[test]
fn another_server_at_the_address_is_not_trusted() {
    let mut provider = Provider::start();
    let alice = provider.person("alice");
    alice.json(["group", "create", "meadow"]).only("created");
    let other = Provider::start();
    let wrong = provider
        .address
        .replace(provider.authority(), other.authority());
    let bob = provider.nobody("bob");
    let message = bob
        .json(["register", "bob", "--provider", &wrong])
        .fails(4, "wrong-pin");
    assert!(message.contains(other.authority()), "{message}");

    provider.kill();
    let impostor = Provider::start_at(provider.authority());
    let commands: [&[&str]; 4] = [
        &["send", "meadow", "secret"],
        &["read"],
        &["group", "list"],
        &["group", "create", "barn"],
    ];
    for words in commands {
        alice.json(words.iter().copied()).fails(4, "wrong-pin");
    }
    drop(impostor);
    provider.restart();
    alice.json(["read"]).lines();
    assert_eq!(
        alice.texts(["read", "--all"]),
        ["secret"],
        "what was asked is kept for the right one"
    );
}

#[test]
fn too_large_a_text_is_refused_and_the_largest_is_sent() {
    let (_provider, [alice, bob, _]) = &Provider::start_with_meadow();
    let before = alice.group("meadow");
    for size in [MAX_TEXT + 1, 64 * MAX_TEXT] {
        let text = vec![b'a'; size];
        let message = alice
            .json_with(["send", "meadow", "-"], &text)
            .fails(11, "too-large");
        assert!(message.contains(&MAX_TEXT.to_string()), "{message}");
    }
    let words = "a".repeat(MAX_TEXT + 1);
    alice
        .json(["send", "meadow", &words])
        .fails(11, "too-large");
    assert_eq!(alice.group("meadow"), before);
    let largest = "a".repeat(MAX_TEXT);
    alice
        .json_with(["send", "meadow", "-"], largest.as_bytes())
        .only("sent");
    assert_eq!(bob.texts(["read"]), [largest]);

    let name = "n".repeat(300);
    alice
        .json(["group", "create", &name])
        .fails(11, "too-large");
}

#[test]
fn a_text_that_is_none_is_refused() {
    let (_provider, [alice, ..]) = &Provider::start_with_meadow();
    alice
        .json_with(["send", "meadow", "-"], b"\xff\xfe")
        .fails(2, "usage");
    alice
        .json_with(["send", "meadow", "-"], b"\n")
        .fails(2, "usage");
    alice.json(["send", "meadow", " "]).fails(2, "usage");
    alice.json(["group", "create", ""]).fails(2, "usage");
}
