//! Records that a store has damaged: a group is not restored from them, or works as far as it does.

use crate::input::Input;
use crate::outsider;
use crate::world::World;
use folkmoot_mls::{Change, CommitIntent, Delta, Group, MlsMessage, RecordKey, Records, Settings};
use folkmoot_sim::{Memory, crypto, rng, services};

/// Records that one script damages.
const MAX_DAMAGED: usize = 4;

/// The first bytes choose a member, the next ones what becomes of its records.
pub(crate) fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let mut world = World::begin(input.byte().into());
    let who = input.below(world.honest.len());
    let mut member = world.honest.remove(who);
    if input.once_in(2) {
        let _ = member.commit(CommitIntent::default());
    }
    let mut store = member.store;
    for _ in 0..=input.below(MAX_DAMAGED) {
        damage(&mut store, &mut input);
    }
    if let Ok(group) = Group::load(crypto(), &store, Settings::default()) {
        use_all(group, store);
    }
}

fn damage(store: &mut Memory, input: &mut Input<'_>) {
    let records = store.scan(b"").unwrap();
    let place = usize::from(input.short()) % records.len().max(1);
    let Some((key, value)) = records.into_iter().nth(place) else {
        return;
    };
    let change = match input.below(8) {
        0 => Change::Erase { key },
        1 => Change::Put {
            key: RecordKey(input.bytes().to_vec()),
            value,
        },
        _ => {
            let mut value = value.expose().to_vec();
            input.edit_once(&mut value);
            Change::Put {
                key,
                value: value.into(),
            }
        }
    };
    store.apply(Delta {
        changes: vec![change],
    });
}

/// Everything that reads records. It may fail; it does not fall over.
fn use_all(mut group: Group, mut store: Memory) {
    let mut rng = rng(7);
    let _ = group.members(&store).map(Iterator::count);
    let _ = group.group_info(true, &store);
    let _ = group.export("label", b"context", 32);
    for message in outsider::sent() {
        let Ok(message) = MlsMessage::decode(message) else {
            continue;
        };
        let examined = group.receive(message, services().with_records(&store));
        if let Ok(delta) = examined.and_then(|incoming| group.apply(incoming)) {
            store.apply(delta);
        }
    }
    if let Ok((_, delta)) = group.seal(b"hello", b"", &mut rng) {
        store.apply(delta);
    }
    let services = services().with_records(&store);
    let made = group.commit(CommitIntent::default(), b"", services, &mut rng);
    if let Ok((_, delta)) = made {
        store.apply(delta);
        let _ = group.accept_pending();
    }
}
