//! Observers: what they begin with, what is published to them, and handshakes of insiders that they see
//! beside the members.

use crate::input::Input;
use crate::insider::play;
use crate::watcher::{Watcher, group_info};
use crate::world::World;
use folkmoot_mls::{ExtensionType, Observer, Settings};
use folkmoot_sim::{crypto, services, sign_group_info};

/// What an insider's script is made of here: what can be seen in public.
const STEPS: [usize; 8] = [1, 2, 3, 9, 11, 12, 14, 15];

/// The first byte says which of these.
pub(crate) fn run(bytes: &[u8]) {
    match bytes.split_first() {
        Some((first, rest)) if first % 4 == 0 => begin(rest),
        Some((first, rest)) if first % 4 == 1 => publish(rest),
        // The worlds at even places have public handshakes.
        Some((first, rest)) => {
            let world = if first % 4 == 2 { 0 } else { 2 };
            let script = [&[world], rest].concat();
            play(&script, |input| STEPS[input.below(STEPS.len())]);
        }
        None => {}
    }
}

/// An observer of whatever it is given that stands.
fn begin(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let world = World::begin(input.byte().into());
    let alice = &world.honest[0];
    let honest = group_info(&alice.group, &alice.store);
    let mut content = honest.content;
    let listed = content.extensions.find(ExtensionType::RATCHET_TREE);
    let mut listed = listed.unwrap_or_default().to_vec();
    match input.below(4) {
        0 => input.edit(&mut listed),
        1 => content.group_context = input.edited(content.group_context),
        _ => content = input.edited(content),
    }
    let is_beside = input.once_in(2);
    if !is_beside {
        let extensions = core::mem::take(&mut content.extensions);
        content.extensions = extensions.with(ExtensionType::RATCHET_TREE, listed.clone());
    }
    let info = sign_group_info(crypto(), content, &world.known().signature.private);
    let tree = is_beside.then_some(&listed[..]);
    let begun = Observer::begin(crypto(), info, tree, Settings::default(), services());
    if let Ok((observer, delta)) = begun {
        Watcher::new(observer, delta).restart();
    }
}

/// A GroupInfo for joiners, which is kept where it is this epoch's.
fn publish(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let world = World::begin(input.byte().into());
    let alice = &world.honest[0];
    let honest = group_info(&alice.group, &alice.store);
    let mut watcher = Watcher::begin(&alice.group, &alice.store);
    let content = input.edited(honest.content.clone());
    let mut info = sign_group_info(crypto(), content, &world.known().signature.private);
    if input.once_in(4) {
        info = input.edited(info);
    }
    let is_kept = watcher.publish(info.clone());
    let same = info.content.group_context == honest.content.group_context;
    assert!(!is_kept || same, "another epoch's GroupInfo was kept");
    watcher.restart();
}
