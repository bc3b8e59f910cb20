//! People talk, each command a process.

use serde_json::json;

use crate::kit::Provider;

#[test]
fn what_is_written_is_read_once_and_kept() {
    let (_provider, [alice, bob, charlie]) = &Provider::start_with_meadow();
    alice
        .json(["send", "meadow", "one", "and", "a half"])
        .only("sent");
    bob.json_with(["send", "meadow", "-"], "two\nlines\n".as_bytes())
        .only("sent");
    alice
        .json(["send", "meadow", "--", "-3 degrees"])
        .only("sent");
    let all = ["one and a half", "two\nlines", "-3 degrees"];
    assert_eq!(charlie.texts(["read"]), all);
    assert_eq!(charlie.texts(["read"]), [""; 0], "read is read");
    assert_eq!(charlie.texts(["read", "--all"]), all);
    assert_eq!(
        bob.texts(["read", "meadow"]),
        ["one and a half", "-3 degrees"],
        "not one's own"
    );
    assert_eq!(alice.texts(["read", "--all", "meadow"]), all);
    let nothing = charlie.run(["read"]);
    assert_eq!(nothing.text(), "nothing new\n");
}

#[test]
fn a_group_answers_to_its_name_and_to_the_digits_of_its_id() {
    let (_provider, [alice, bob, _]) = &Provider::start_with_meadow();
    let id = alice.group("meadow")["id"].as_str().unwrap().to_owned();
    alice.json(["send", &id[..6], "by digits"]).only("sent");
    assert_eq!(bob.texts(["read", &id]), ["by digits"]);
}

#[test]
fn a_person_reads_who_wrote_what_in_which_group() {
    let (_provider, [alice, bob, _]) = &Provider::start_with_meadow();
    bob.json(["group", "create", "barn"]).only("created");
    bob.json(["group", "invite", "barn", "alice"])
        .only("invited");
    bob.json(["send", "barn", "in the barn"]).only("sent");
    bob.json(["send", "meadow", "in the\nmeadow"]).only("sent");
    let read = alice.run(["read"]);
    let expected = "\
barn
      · you are in, with bob · epoch 1
 now  bob       in the barn
meadow
 now  bob       in the
                meadow
";
    assert_eq!(read.text(), expected);
    let list = alice.run(["group", "list"]);
    let list = list.text();
    assert!(
        list.contains("barn    ") && list.contains("2 members  epoch 1"),
        "{list}"
    );
    let members = bob.run(["group", "members", "barn"]);
    let expected = "barn · epoch 1\n  bob    main  this device\n  alice  main\n";
    assert_eq!(members.text(), expected);
}

#[test]
fn what_others_write_cannot_steer_the_terminal() {
    let (_provider, [alice, bob, _]) = &Provider::start_with_meadow();
    let hostile = "\x1b[2J\x1b]0;title\x07\u{9b}31m\u{202e}gnp.exe\rowned";
    alice.json(["send", "meadow", hostile]).only("sent");
    alice
        .json(["group", "create", "bar\u{202e}n"])
        .only("created");
    alice
        .json(["group", "invite", "bar\u{202e}n", "bob"])
        .only("invited");
    for read in [
        bob.run(["read", "--all"]),
        bob.run(["group", "list"]),
        bob.run(["read", "x\x1b[2J"]),
    ] {
        let printed = format!("{}{}", read.stdout, read.stderr);
        let steers = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
        assert!(!printed.contains(steers), "{printed:?}");
    }
    let json = bob.json(["read", "--all"]);
    assert!(!json.stdout.contains(['\x1b', '\u{9b}', '\u{202e}']));
    assert_eq!(
        bob.texts(["read", "--all"]),
        [hostile],
        "a program gets it unchanged"
    );
}

#[test]
fn whoever_is_invited_can_write_at_once() {
    let (provider, [alice, bob, charlie]) = &Provider::start_with_meadow();
    let dana = provider.person("dana");
    alice
        .json(["group", "invite", "meadow", "dana"])
        .only("invited");
    let ran = dana.json(["send", "meadow", "Here I am."]);
    assert_eq!(ran.only("joined")["name"], "meadow");
    ran.only("sent");
    alice
        .json(["group", "remove", "meadow", "bob"])
        .only("removed_member");
    bob.json(["read"]).only("removed");
    alice
        .json(["group", "invite", "meadow", "bob"])
        .only("invited");
    bob.json(["group", "update", "meadow"]).only("updated");
    bob.json(["send", "meadow", "And I again."]).only("sent");
    assert_eq!(charlie.texts(["read"]), ["Here I am.", "And I again."]);
}

#[test]
fn a_member_who_leaves_is_taken_out_by_the_next_command_of_another() {
    let (_provider, [alice, bob, charlie]) = &Provider::start_with_meadow();
    let epoch = bob.group("meadow")["epoch"].as_u64().unwrap();
    bob.json(["group", "leave", "meadow"]).only("leaving");
    assert_eq!(bob.group("meadow")["leaving"], true);
    assert_eq!(
        bob.group("meadow")["epoch"],
        epoch,
        "nobody takes himself out"
    );

    // Any command: it only wants to write.
    let ran = charlie.json(["send", "meadow", "Bob wants to go."]);
    let committed = ran.only("committed");
    assert_eq!(committed["removed"], json!(["mimi://localhost/d/bob/main"]));
    assert_eq!(
        (&committed["own"], &committed["epoch"]),
        (&json!(true), &json!(epoch + 1))
    );
    assert_eq!(ran.only("sent")["epoch"], epoch + 1);

    let read = bob.json(["read"]);
    read.only("removed");
    assert!(!read.stdout.contains("Bob wants to go."), "{read:?}");
    assert_eq!(bob.group("meadow")["active"], false);
    assert_eq!(alice.texts(["read"]), ["Bob wants to go."]);
    for person in [alice, charlie] {
        assert_eq!(person.group("meadow")["members"], 2);
    }
}

#[test]
fn all_devices_of_a_user_come_and_go_together() {
    let (mut provider, [alice, bob, _]) = Provider::start_with_meadow();
    let dana = provider.person("dana");
    let (address, laptop) = (provider.invite("dana"), provider.nobody("laptop"));
    let words = [
        "register",
        "dana",
        "--provider",
        &address,
        "--device",
        "laptop",
    ];
    laptop.json(words).only("registered");
    let devices = [dana, laptop];
    let added = alice
        .json(["group", "invite", "meadow", "mimi://localhost/u/dana"])
        .only("invited");
    assert_eq!(added["added"].as_array().unwrap().len(), 2);
    devices[0]
        .json(["send", "meadow", "from the first"])
        .only("sent");
    assert_eq!(
        devices[1].texts(["read"]),
        ["from the first"],
        "one's other device is another reader"
    );
    let removed = bob
        .json(["group", "remove", "meadow", "dana"])
        .only("removed_member");
    assert_eq!(removed["removed"].as_array().unwrap().len(), 2);
    for device in &devices {
        device.json(["read"]).only("removed");
    }
}

#[test]
fn fresh_keys_begin_an_epoch_for_everyone() {
    let (_provider, [alice, bob, charlie]) = &Provider::start_with_meadow();
    let updated = bob.json(["group", "update", "meadow"]).only("updated");
    let committed = alice.json(["read"]).only("committed");
    assert_eq!(committed["epoch"], updated["epoch"]);
    assert_eq!(committed["by"], "mimi://localhost/d/bob/main");
    charlie.json(["send", "meadow", "after"]).only("sent");
    assert_eq!(bob.texts(["read"]), ["after"]);
}
