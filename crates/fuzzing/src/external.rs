//! Joining by a commit: with a GroupInfo that nobody honest made, and by commits that nobody honest makes.

use crate::input::Input;
use crate::insider::{app_data, arrives, ephemeral, play};
use crate::member::Member;
use crate::watcher::group_info;
use crate::world::World;
use folkmoot_mls::{
    ExtensionType, ExternalJoin, Group, GroupInfo, GroupInfoContent, LeafIndex, MlsMessage,
    ProposalIntent, Settings, WireFormat,
};
use folkmoot_sim::{Person, crypto, member, rng, services, shared_psk, sign_group_info};

/// What an insider's script is made of here: mostly external commits.
const STEPS: [usize; 8] = [15, 15, 15, 14, 2, 9, 4, 5];

/// The first byte says which of the two.
pub(crate) fn run(bytes: &[u8]) {
    match bytes.split_first() {
        Some((first, rest)) if first % 2 == 0 => join(rest),
        Some((_, rest)) => play(rest, |input| STEPS[input.below(STEPS.len())]),
        None => {}
    }
}

/// A stranger joins with what it was given. Where that is the truth, its commit is taken.
fn join(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let mut world = World::begin(input.byte().into());
    let self_removals = self_removals(&mut world, &mut input);
    let alice = &world.honest[0];
    let honest = group_info(&alice.group, &alice.store);
    let info = changed(&honest, &world, &mut input);
    let names = ["dora", "erin", "mallory", "alice", "mallet"];
    let mut rng = rng(500);
    let name = input.pick(&names).unwrap_or("dora");
    let tree = input.once_in(8).then(|| input.bytes());
    let join = ExternalJoin {
        group_info: &info,
        tree,
        member: member(name, &mut rng),
        replaces: (input.once_in(4)).then(|| LeafIndex(input.below(9).try_into().unwrap())),
        psks: vec![shared_psk(); input.below(3)],
        self_removals: &self_removals,
        app_data: (0..input.below(2)).map(|_| app_data(&mut input)).collect(),
        ephemeral: (0..input.below(2)).map(|_| ephemeral(&mut input)).collect(),
        authenticated_data: input.bytes(),
    };
    let settings = Settings {
        handshakes: WireFormat::PublicMessage,
        ..Settings::default()
    };
    let joined = Group::join_by_commit(crypto(), join, settings.clone(), services(), &mut rng);
    let Ok((group, commit, delta)) = joined else {
        return;
    };
    let mut joiner = Member::from(Person::new((group, delta), rng, settings));
    joiner.restart();
    if arrives(&mut world, Some(commit.encode())) {
        assert_eq!(joiner.group.context(), &world.known().context);
        if let Ok(text) = joiner.seal(b"hello") {
            world.send_from_outside(&text);
        }
    } else {
        assert!(
            info.content != honest.content || world.is_over,
            "a joiner was refused"
        );
    }
}

/// What members say who want to leave, as a joiner gets it; perhaps damaged on the way.
fn self_removals(world: &mut World, input: &mut Input<'_>) -> Vec<MlsMessage> {
    for place in 1..3 {
        if input.once_in(4)
            && let Ok(leaving) = world.honest[place].propose(ProposalIntent::SelfRemove)
        {
            world.send(place, leaving);
        }
    }
    let waiting: Vec<_> = world.honest[0]
        .group
        .self_removals()
        .map(<[u8]>::to_vec)
        .collect();
    let damage = |mut message: Vec<u8>| {
        if input.once_in(4) {
            input.edit_once(&mut message);
        }
        MlsMessage::decode(&message).ok()
    };
    waiting.into_iter().filter_map(damage).collect()
}

/// A GroupInfo, changed and signed again by the one who made it.
fn changed(honest: &GroupInfo, world: &World, input: &mut Input<'_>) -> GroupInfo {
    let mut content = honest.content.clone();
    for _ in 0..input.below(3) {
        change(&mut content, input);
    }
    let key = &world.known().signature.private;
    let mut info = sign_group_info(crypto(), content, key);
    if input.once_in(16) {
        info = input.edited(info);
    }
    info
}

fn change(content: &mut GroupInfoContent, input: &mut Input<'_>) {
    match input.below(6) {
        0 => *content = input.edited(content.clone()),
        1 => content.group_context = input.edited(content.group_context.clone()),
        2 => content.signer = LeafIndex(input.below(10).try_into().unwrap()),
        3 => {
            let listed = content.extensions.find(ExtensionType::RATCHET_TREE);
            let mut listed = listed.unwrap_or_default().to_vec();
            input.edit_once(&mut listed);
            let extensions = core::mem::take(&mut content.extensions);
            content.extensions = extensions.with(ExtensionType::RATCHET_TREE, listed);
        }
        4 => {
            let extensions = core::mem::take(&mut content.extensions);
            content.extensions = extensions.with(ExtensionType::EXTERNAL_PUB, input.bytes());
        }
        _ => {
            let extensions = core::mem::take(&mut content.extensions);
            content.extensions = extensions.with(ExtensionType(input.short()), input.bytes());
        }
    }
}
