//! What arrives while one looks: `read --follow` and `chat`.

use serde_json::Value;

use crate::kit::{Provider, Running};

fn json(line: &str) -> Value {
    serde_json::from_str(line).unwrap()
}

#[test]
fn following_prints_what_arrives_as_it_arrives() {
    let (_provider, [alice, bob, _]) = &Provider::start_with_meadow();
    alice.json(["send", "meadow", "before"]).only("sent");
    let mut following = Running::start(&mut bob.json_command(["read", "--follow"]));
    assert_eq!(json(&following.stdout.until("message"))["text"], "before");
    for text in ["one", "two", "three"] {
        alice.json(["send", "meadow", text]).only("sent");
        let line = json(&following.stdout.next());
        assert_eq!(
            (&line["event"], &line["text"]),
            (&"message".into(), &text.into())
        );
    }
    alice.json(["group", "update", "meadow"]).only("updated");
    assert_eq!(json(&following.stdout.next())["event"], "committed");
    following.kill();
    alice.json(["send", "meadow", "four"]).only("sent");
    let texts = bob.texts(["read", "--all"]);
    assert_eq!(
        texts,
        ["before", "one", "two", "three", "four"],
        "being killed loses nothing"
    );
}

#[test]
fn an_interrupted_follower_has_read_what_it_printed() {
    let (_provider, [alice, bob, _]) = &Provider::start_with_meadow();
    let mut following = Running::start(&mut bob.json_command(["read", "meadow", "--follow"]));
    alice.json(["send", "meadow", "one"]).only("sent");
    following.stdout.until("one");
    following.signal("INT");
    assert_eq!(following.ended(), Some(0));
    alice.json(["send", "meadow", "two"]).only("sent");
    assert_eq!(bob.texts(["read"]), ["two"]);
}

#[test]
fn a_follower_joins_a_group_as_it_is_invited() {
    let (provider, [alice, ..]) = &Provider::start_with_meadow();
    let dana = provider.person("dana");
    let following = Running::start(&mut dana.json_command(["read", "--follow"]));
    alice
        .json(["group", "invite", "meadow", "dana"])
        .only("invited");
    assert_eq!(json(&following.stdout.next())["event"], "joined");
    alice.json(["send", "meadow", "Hello, Dana."]).only("sent");
    assert_eq!(json(&following.stdout.next())["text"], "Hello, Dana.");
    alice
        .json(["group", "remove", "meadow", "dana"])
        .only("removed_member");
    assert_eq!(json(&following.stdout.next())["event"], "removed");
}

#[test]
fn two_people_chat_line_by_line() {
    let (_provider, [alice, bob, charlie]) = &Provider::start_with_meadow();
    alice
        .json(["send", "meadow", "Is anyone here?"])
        .only("sent");
    let mut bobs = Running::start(&mut bob.command(["chat", "meadow"]));
    assert!(bobs.stdout.next().starts_with("meadow"));
    assert_eq!(bobs.stdout.next(), " now  alice     Is anyone here?");
    let mut alices = Running::start(&mut alice.command(["chat", "meadow"]));
    alices.stdout.next();
    for round in 0..3 {
        bobs.type_line(&format!("bob {round}"));
        assert_eq!(alices.stdout.next(), format!(" now  bob       bob {round}"));
        alices.type_line(&format!("alice {round}"));
        assert_eq!(bobs.stdout.next(), format!(" now  alice     alice {round}"));
    }
    bobs.type_line("   ");
    for mut chat in [alices, bobs] {
        drop(chat.stdin.take());
        assert_eq!(chat.ended(), Some(0), "Ctrl-D ends it");
        assert_eq!(
            chat.stdout.rest(),
            [""; 0],
            "nothing twice, not one's own lines, no blank ones"
        );
    }
    assert_eq!(charlie.texts(["read"]).len(), 7);
    assert_eq!(bob.texts(["read"]), [""; 0], "what was shown is read");
}

#[test]
fn what_is_piped_into_a_chat_is_sent_in_order() {
    let (_provider, [alice, bob, _]) = &Provider::start_with_meadow();
    let lines: Vec<_> = (0..20).map(|number| format!("line {number}")).collect();
    let ran = alice.json_with(["chat", "meadow"], lines.join("\n").as_bytes());
    assert_eq!(
        ran.lines()
            .iter()
            .filter(|line| line["event"] == "sent")
            .count(),
        20
    );
    assert_eq!(bob.texts(["read"]), lines);
}

#[test]
fn a_chat_ends_with_the_membership() {
    let (_provider, [alice, bob, _]) = &Provider::start_with_meadow();
    let mut chat = Running::start(&mut bob.command(["chat", "meadow"]));
    chat.stdout.next();
    alice
        .json(["group", "remove", "meadow", "bob"])
        .only("removed_member");
    assert!(chat.stdout.next().contains("alice removed you"));
    assert_eq!(chat.ended(), Some(7));
}
