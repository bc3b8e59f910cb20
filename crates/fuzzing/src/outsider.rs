//! Whoever has no key: the transport, and all who can write to it. Nothing but what was sent is taken.

use crate::input::Input;
use crate::member::Member;
use crate::world::{World, stranger};
use folkmoot_mls::{CommitIntent, LeafIndex, ProposalIntent};
use std::sync::LazyLock;

/// Messages of one script.
const MAX_MESSAGES: usize = 16;
/// Each beginning of [`World::begin`].
const WORLDS: usize = 4;

/// What Alice may have sent in each world, each message as if it were the first.
static SENT: LazyLock<Vec<Vec<Vec<u8>>>> = LazyLock::new(|| {
    let sent = |world| {
        let mut alice = World::begin(world).honest.remove(0);
        sent_by(&mut alice)
    };
    (0..WORLDS).map(sent).collect()
});

fn sent_by(alice: &mut Member) -> Vec<Vec<u8>> {
    let remove = CommitIntent {
        remove: vec![LeafIndex(2)],
        ..CommitIntent::default()
    };
    let add = CommitIntent {
        add: stranger(0).into_iter().collect(),
        force_path: true,
        ..CommitIntent::default()
    };
    let info = alice.group.group_info(true, &alice.store).unwrap();
    let added = alice.copy().commit(add).unwrap();
    vec![
        alice.copy().seal(b"hello").unwrap(),
        alice.copy().propose(ProposalIntent::Update).unwrap(),
        alice
            .copy()
            .propose(ProposalIntent::Remove(LeafIndex(2)))
            .unwrap(),
        alice
            .copy()
            .commit(CommitIntent::default())
            .unwrap()
            .commit
            .encode(),
        alice.copy().commit(remove).unwrap().commit.encode(),
        alice.copy().propose(ProposalIntent::SelfRemove).unwrap(),
        alice.copy().whisper(LeafIndex(1), b"hello").unwrap(),
        added.commit.encode(),
        added.welcome.unwrap().encode(),
        info.encode(),
        stranger(1).unwrap().key_package().to_message().encode(),
    ]
}

/// The messages that scripts start from.
pub(crate) fn sent() -> impl Iterator<Item = &'static Vec<u8>> {
    SENT.iter().flatten()
}

/// The first byte chooses the world; then come messages, most of them damaged.
pub(crate) fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let which = input.below(WORLDS);
    let sent = &SENT[which];
    let mut bob = World::begin(which).honest.remove(1);
    for _ in 0..MAX_MESSAGES {
        if input.is_empty() || !bob.group.is_active() {
            return;
        }
        let message = message(sent, &mut input);
        let is_taken = bob.receive(&message).is_ok();
        assert!(!is_taken || sent.contains(&message), "a forgery was taken");
    }
}

fn message(sent: &[Vec<u8>], input: &mut Input<'_>) -> Vec<u8> {
    let mut message = input.pick(sent).unwrap_or_default();
    match input.below(8) {
        0 => message = input.bytes().to_vec(),
        1 => {}
        // The beginning of one and the end of another.
        2 => {
            let other = input.pick(sent).unwrap_or_default();
            let cut = usize::from(input.short()) % (message.len().min(other.len()) + 1);
            message.truncate(cut);
            message.extend_from_slice(&other[cut..]);
        }
        _ => {
            input.edit_once(&mut message);
            input.edit(&mut message);
        }
    }
    message
}
