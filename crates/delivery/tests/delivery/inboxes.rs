//! Inboxes: open to who claimed a key package, emptied by their device.

use folkmoot_crypto::suite_one;
use folkmoot_delivery::{Command, Reply, Wake};
use folkmoot_identity::DeviceName;
use folkmoot_protocol::bounds::{INBOX_KEPT, INBOX_READ_LIMIT, POST_MEMORY};
use folkmoot_protocol::{
    AckInbox, IdempotencyKey, InboxCursor, InboxItem, KeyPackageRefBytes, PostPointer, Posted,
    Problem, ProblemCode, SealedPointer, Timestamp,
};

use crate::key_packages::{Device, bytes, claim, issuing, upload};
use crate::provider::{NOW, Provider, code, rng};

const POINTER: SealedPointer = SealedPointer([7; SealedPointer::LENGTH]);

/// A provider where a key package of a device was claimed.
fn claimed() -> (Provider, DeviceName, KeyPackageRefBytes) {
    let mut provider = Provider::new();
    let phone = Device::new(&issuing(), "mimi://example.org/d/alice/phone");
    let package = phone.fresh();
    upload(&mut provider, &phone.name(), vec![bytes(&package)]).unwrap();
    claim(&mut provider, &phone.name()).unwrap();
    let reference = package.reference(suite_one());
    let reference = reference.0.as_slice().try_into().unwrap();
    (provider, phone.name(), reference)
}

fn pointer(to: &DeviceName, reference: &KeyPackageRefBytes) -> PostPointer {
    PostPointer {
        to: to.clone(),
        idempotency: IdempotencyKey::generate(&mut rng()),
        key_package_ref: reference.clone(),
        pointer: POINTER,
    }
}

fn post(provider: &mut Provider, post: &PostPointer) -> Result<u64, Problem> {
    match provider.ask(Command::PostPointer(post.clone()))? {
        Reply::Posted(Posted { cursor }) => Ok(cursor.0),
        other => panic!("{other:?}"),
    }
}

fn read(provider: &mut Provider, device: &DeviceName, after: u64) -> Vec<InboxItem> {
    let command = Command::ReadInbox {
        device: device.clone(),
        after: InboxCursor(after),
    };
    match provider.ask(command) {
        Ok(Reply::Inbox(page)) => page.items.into_vec(),
        other => panic!("{other:?}"),
    }
}

fn acknowledge(provider: &mut Provider, device: &DeviceName, through: u64) {
    let command = Command::AckInbox {
        device: device.clone(),
        ack: AckInbox {
            through: InboxCursor(through),
        },
    };
    assert_eq!(provider.ask(command), Ok(Reply::Acknowledged));
}

#[test]
fn items_are_read_in_order_until_they_are_acknowledged() {
    let (mut provider, phone, reference) = claimed();
    for number in 1..=3 {
        let cursor = post(&mut provider, &pointer(&phone, &reference));
        assert_eq!(cursor, Ok(number));
    }
    let items = read(&mut provider, &phone, 0);
    assert_eq!(items.len(), 3);
    assert_eq!(items[0].key_package_ref, reference);
    assert_eq!(items[0].pointer, POINTER);
    assert_eq!(read(&mut provider, &phone, 2), items[2..]);
    acknowledge(&mut provider, &phone, 2);
    assert_eq!(read(&mut provider, &phone, 0), items[2..]);
    acknowledge(&mut provider, &phone, 3);
    assert_eq!(read(&mut provider, &phone, 0), []);
    let next = post(&mut provider, &pointer(&phone, &reference));
    assert_eq!(next, Ok(4), "places are not given twice");
}

#[test]
fn a_post_wakes_its_device_and_a_retry_nobody() {
    let (mut provider, phone, reference) = claimed();
    let command = Command::PostPointer(pointer(&phone, &reference));
    let first = provider.run(command.clone());
    assert_eq!(first.wakes, [Wake::Inbox(phone.clone())]);
    acknowledge(&mut provider, &phone, 1);
    let again = provider.run(command);
    assert_eq!((again.reply, again.wakes), (first.reply, Vec::new()));
    assert_eq!(read(&mut provider, &phone, 0), []);
}

#[test]
fn a_post_is_remembered_for_the_stated_time() {
    let (mut provider, phone, reference) = claimed();
    let pointer = pointer(&phone, &reference);
    post(&mut provider, &pointer).unwrap();
    provider.now = Timestamp(NOW.0 + POST_MEMORY);
    acknowledge(&mut provider, &phone, 1);
    assert_eq!(post(&mut provider, &pointer), Ok(1));
    provider.now = Timestamp(NOW.0 + POST_MEMORY + 1);
    acknowledge(&mut provider, &phone, 1);
    assert_eq!(post(&mut provider, &pointer), Ok(2));
}

#[test]
fn an_idempotency_key_stands_for_one_pointer() {
    let (mut provider, phone, reference) = claimed();
    let mut one = pointer(&phone, &reference);
    post(&mut provider, &one).unwrap();
    one.pointer = SealedPointer([8; SealedPointer::LENGTH]);
    assert_eq!(code(post(&mut provider, &one)), ProblemCode::Conflict);
    assert_eq!(read(&mut provider, &phone, 0).len(), 1);
}

#[test]
fn who_claimed_nothing_of_a_device_cannot_post_to_it() {
    let (mut provider, phone, reference) = claimed();
    let unclaimed = Device::new(&issuing(), "mimi://example.org/d/bob/phone");
    let package = unclaimed.fresh();
    upload(&mut provider, &unclaimed.name(), vec![bytes(&package)]).unwrap();
    let of_unclaimed = package.reference(suite_one());
    let of_unclaimed = of_unclaimed.0.as_slice().try_into().unwrap();
    let guessed = b"guess".as_slice().try_into().unwrap();
    let nobody = "mimi://example.org/d/nobody/phone".parse().unwrap();
    for (to, reference) in [
        (&phone, &guessed),
        (&unclaimed.name(), &of_unclaimed),
        (&unclaimed.name(), &reference),
        (&nobody, &reference),
    ] {
        let refused = post(&mut provider, &pointer(to, reference));
        assert_eq!(code(refused), ProblemCode::UnknownUser, "{to}");
    }
}

#[test]
fn a_full_inbox_takes_no_more_and_is_read_in_pages() {
    let (mut provider, phone, reference) = claimed();
    for _ in 0..INBOX_KEPT {
        post(&mut provider, &pointer(&phone, &reference)).unwrap();
    }
    let refused = post(&mut provider, &pointer(&phone, &reference));
    assert_eq!(code(refused), ProblemCode::TooMany);
    let page = read(&mut provider, &phone, 5);
    assert_eq!(page.len(), INBOX_READ_LIMIT);
    assert_eq!(page[0].cursor, InboxCursor(6));
    acknowledge(&mut provider, &phone, 1);
    assert!(post(&mut provider, &pointer(&phone, &reference)).is_ok());
}
