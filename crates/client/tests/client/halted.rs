//! A provider that was caught: what was asked ends with an error, and nothing more is sent.

use folkmoot_client::core::{Request, Response};
use folkmoot_client::{Error, WarningKind};
use folkmoot_protocol::{
    Action, Digest, GroupId, List, LogEntry, LogPage, LogPosition, Problem, SlotId,
};
use folkmoot_store::client::ClientStore;

use crate::bad_input::new_entry;
use crate::stage::Stage;
use crate::world::{Answer, World, user};

/// Bob asks for something while the provider lies; how that ends, and whether he stops for good.
fn assert_halts(tamper: impl FnMut(Request, Answer) -> Answer + 'static) {
    let (mut world, group) = World::with_group(1, &["alice", "bob"]);
    world.send_text("alice", group, "one").unwrap();
    lie_to_bob(&mut world, tamper);
    let refused = world.send_text("bob", group, "two");
    assert!(matches!(refused, Err(Error::Forged { .. })), "{refused:?}");
    assert_eq!(world.warnings("bob"), [WarningKind::ForgedLog]);
    assert_stopped(&mut world, group);
}

fn lie_to_bob(world: &mut World, mut tamper: impl FnMut(Request, Answer) -> Answer + 'static) {
    world.tamper = Some(Box::new(move |name, request, answer| {
        if name == "bob" {
            tamper(request.clone(), answer)
        } else {
            answer
        }
    }));
}

/// The provider is honest again; Bob, opened again, has kept nothing to send and sends nothing.
fn assert_stopped(world: &mut World, group: GroupId) {
    lie_to_bob(world, |request, answer| {
        assert!(!matches!(request, Request::Append(_)), "it is sent anyway");
        answer
    });
    world.crash("bob");
    world.run("bob").unwrap();
    let store = world.store("bob");
    assert!(store.group(&group).unwrap().unwrap().halted);
    assert_eq!(store.intents().unwrap(), []);
    assert_eq!(store.outgoing(&group).unwrap(), None);
    let again = world.core("bob").send(group, "three");
    assert!(matches!(again, Err(Error::Forged { .. })), "{again:?}");
}

fn altered(page: LogPage, alter: impl Fn(&mut LogEntry)) -> Response {
    let mut entries = page.entries.into_vec();
    entries.iter_mut().for_each(alter);
    let entries = entries.try_into().unwrap();
    Response::Page(LogPage { entries })
}

/// The provider takes what Bob appends and shows it changed, in a chain that is right in itself.
fn changing(
    acknowledge: bool,
    change: fn(&mut LogEntry),
) -> impl FnMut(Request, Answer) -> Answer + 'static {
    let (mut own, mut before) = (None, None::<LogPosition>);
    move |request, answer| match (request, answer) {
        (Request::Append(request), answer) => {
            if let Action::Append(append) = &request.action {
                own = Some(append.idempotency);
            }
            if acknowledge {
                answer
            } else {
                Err(Problem::not_found())
            }
        }
        (Request::Read(request), Ok(Response::Page(page))) => {
            let mut entries = page.entries.into_vec();
            for entry in &mut entries {
                if own == Some(entry.idempotency) {
                    change(entry);
                    let (new, time) = (new_entry(entry.clone()), entry.time);
                    *entry = before.unwrap().extend(new, time).unwrap();
                }
                before = Some(LogPosition {
                    group: request.group,
                    sequence: entry.sequence,
                    head: entry.head,
                });
            }
            let entries = entries.try_into().unwrap();
            Ok(Response::Page(LogPage { entries }))
        }
        (_, answer) => answer,
    }
}

#[test]
fn an_own_message_that_comes_back_altered_stops_the_group() {
    assert_halts(changing(false, |entry| {
        let half = entry.message.len() / 2;
        entry.message = entry.message[..half].try_into().unwrap();
    }));
}

/// Bob invites Alice's friend; the provider shows his commit with another Welcome, or for another slot.
#[test]
fn an_own_commit_that_comes_back_with_other_access_stops_the_group() {
    let changes: [fn(&mut LogEntry); 4] = [
        |entry| entry.welcome_digest = Some(Digest([9; 32])),
        |entry| entry.welcome_digest = None,
        |entry| entry.opens = List::default(),
        |entry| entry.closes = vec![SlotId([9; 16])].try_into().unwrap(),
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let (mut world, group) = World::with_group(3, &["bob", "alice"]);
        world.arrive("carol");
        world.run("carol").unwrap();
        world.send_text("alice", group, "one").unwrap();
        lie_to_bob(&mut world, changing(false, change));
        let task = world.core("bob").invite(group, &[user("carol")]).unwrap();
        let refused = world.finish("bob", task);
        assert!(
            matches!(refused, Err(Error::Forged { .. })),
            "{number}: {refused:?}"
        );
        assert!(world.store("bob").group(&group).unwrap().unwrap().halted);
    }
}

#[test]
fn a_log_that_contradicts_its_receipt_stops_the_group() {
    assert_halts(changing(true, |entry| entry.time.0 += 1));
}

#[test]
fn a_task_under_way_ends_when_the_log_is_forged() {
    assert_halts(|_, answer| match answer {
        Ok(Response::Page(page)) => Ok(altered(page, |entry| entry.time.0 += 1)),
        answer => answer,
    });
}

#[test]
fn a_receipt_that_the_provider_did_not_sign_stops_the_group() {
    assert_halts(|_, answer| match answer {
        Ok(Response::Appended(mut appended)) => {
            appended.receipt.signature.0[0] ^= 1;
            Ok(Response::Appended(appended))
        }
        answer => answer,
    });
}

#[test]
fn a_receipt_for_another_group_stops_the_group() {
    let (mut world, group) = World::with_group(2, &["bob", "alice"]);
    let other = world.create("bob");
    world.run("bob").unwrap();
    let task = world.core("bob").send(other, "elsewhere").unwrap();
    let kept = std::rc::Rc::new(std::cell::RefCell::new(None));
    let seen = std::rc::Rc::clone(&kept);
    lie_to_bob(&mut world, move |_, answer| {
        if let Ok(Response::Appended(appended)) = &answer {
            *seen.borrow_mut() = Some(*appended);
        }
        answer
    });
    world.finish("bob", task).unwrap();
    let foreign = kept.take().unwrap();
    lie_to_bob(&mut world, move |_, answer| match answer {
        Ok(Response::Appended(_)) => Ok(Response::Appended(foreign)),
        answer => answer,
    });
    let refused = world.send_text("bob", group, "two");
    assert!(matches!(refused, Err(Error::Forged { .. })), "{refused:?}");
    assert_stopped(&mut world, group);
    world.tamper = None;
    world.send_text("bob", other, "still good").unwrap();
}

#[test]
fn an_acknowledged_message_that_the_log_does_not_show_stops_the_group() {
    let mut stage = Stage::new(3, &["bob", "alice"]);
    let group = stage.group;
    stage.world.core("bob").send(group, "one").unwrap();
    let request = stage.up_to_append("bob");
    let receipt = stage.carry(&request);
    stage.take("bob", receipt.clone());
    stage.run("bob");
    let task = stage.world.core("bob").send(group, "two").unwrap();
    stage.up_to_append("bob");
    // The provider keeps it to itself and shows the receipt that it gave before.
    stage.take("bob", receipt);
    stage.run("bob");
    let refused = stage.outcome("bob", task);
    assert!(
        matches!(refused, Some(Err(Error::Forged { .. }))),
        "{refused:?}"
    );
    assert_eq!(stage.world.texts("bob", group), ["one"]);
    assert_stopped(&mut stage.world, group);
}
