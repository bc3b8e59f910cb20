//! Members who keep to no rule: whatever the script composes is signed, tagged and sealed as the engine
//! would. Between their messages the honest ones talk, propose and commit.

mod commit;
mod content;
mod frame;

pub(crate) use commit::{external_commit, member_commit};
pub(crate) use content::{app_data, ephemeral};

use crate::input::Input;
use crate::world::{World, guests, stranger, strangers};
use folkmoot_mls::{
    CommitIntent, Content, Extensions, Identity, LeafIndex, ProposalIntent, Psk,
    ResumptionPskUsage, Sender,
};
use folkmoot_sim::{Invitee, SHARED, WORDS, shared_psk};

/// Steps of one script.
const MAX_STEPS: usize = 24;

/// The first byte says where the script begins; each step begins with a byte that says what it is.
pub(crate) fn run(bytes: &[u8]) {
    play(bytes, |input| input.below(16));
}

/// The same with the steps that `kind` takes from the script.
pub(crate) fn play(bytes: &[u8], kind: impl Fn(&mut Input<'_>) -> usize) {
    let mut input = Input::new(bytes);
    let mut world = World::begin(input.byte().into());
    for _ in 0..MAX_STEPS {
        if input.is_empty() || world.is_over {
            return;
        }
        let kind = kind(&mut input);
        step(&mut world, kind, &mut input);
    }
}

fn step(world: &mut World, kind: usize, input: &mut Input<'_>) {
    match kind {
        0 => honest_text(world, input),
        1 => honest_proposal(world, input),
        2 | 3 => honest_commit(world, input),
        4 if input.once_in(2) => whisper(world, input),
        4 => restart(world, input),
        5 => replay(world, input, false),
        6 => replay(world, input, true),
        7 => {
            let _ = arrives(world, Some(input.bytes().to_vec()));
        }
        8 => {
            let text = Content::Application(input.bytes().into());
            let framed = frame::by_member(world, text, input);
            let _ = arrives(world, framed.map(|(bytes, _)| bytes));
        }
        9 | 10 => {
            let proposal = content::proposal(world, input);
            let framed = frame::by_member(world, Content::Proposal(proposal), input);
            proposed(world, framed);
        }
        11..=13 => {
            let commit = member_commit(world, input);
            let _ = arrives(world, commit);
        }
        14 => {
            let proposal = content::proposal(world, input);
            let framed = frame::by_outsider(world, Content::Proposal(proposal), input);
            proposed(world, framed);
        }
        _ => {
            let commit = external_commit(world, input);
            let _ = arrives(world, commit);
        }
    }
}

/// Something reaches everyone, or nothing was made.
pub(crate) fn arrives(world: &mut World, bytes: Option<Vec<u8>>) -> bool {
    let Some(bytes) = bytes else {
        return false;
    };
    let taken = world.deliver(&bytes, None);
    world.log.push(bytes);
    taken
}

fn proposed(world: &mut World, framed: Option<(Vec<u8>, folkmoot_mls::hazmat::Signed)>) {
    if let Some((bytes, signed)) = framed
        && arrives(world, Some(bytes))
    {
        world.waiting.push(signed);
    }
}

fn someone(world: &World, input: &mut Input<'_>) -> usize {
    input.below(world.honest.len())
}

fn honest_text(world: &mut World, input: &mut Input<'_>) {
    let sender = someone(world, input);
    if let Ok(text) = world.honest[sender].seal(input.bytes()) {
        world.send(sender, text);
    }
}

fn honest_proposal(world: &mut World, input: &mut Input<'_>) {
    let sender = someone(world, input);
    let intent = match input.below(12) {
        8 | 9 => ProposalIntent::SelfRemove,
        10 => ProposalIntent::AppData(app_data(input)),
        11 => ProposalIntent::Ephemeral(ephemeral(input)),
        0 | 1 => ProposalIntent::Update,
        2 | 3 => ProposalIntent::Remove(LeafIndex(input.below(9).try_into().unwrap())),
        4 => ProposalIntent::Psk(psk(world, input)),
        5 => ProposalIntent::Extensions(content::extensions(world, input)),
        6 => match stranger(input.below(strangers().len())) {
            Some(stranger) => ProposalIntent::Add(stranger),
            None => return,
        },
        _ => ProposalIntent::Renew(renewed(world, sender, input)),
    };
    if let Ok(proposal) = world.honest[sender].propose(intent) {
        world.send(sender, proposal);
    }
}

/// The member's own name under another key.
fn renewed(world: &World, who: usize, input: &mut Input<'_>) -> Identity {
    let member = &world.honest[who];
    let own = member.group.own_index();
    let known = &world.known().tree;
    let leaf = known.leaf(own, &folkmoot_mls::NoRecords).unwrap();
    let credential = leaf.map(|leaf| leaf.content.credential.clone());
    let mut rng = folkmoot_sim::rng(1_000 + u64::from(input.byte()));
    let fresh = folkmoot_sim::member("renewed", &mut rng);
    Identity {
        credential: credential.unwrap_or(fresh.credential),
        signature: fresh.signature,
    }
}

fn psk(world: &World, input: &mut Input<'_>) -> Psk {
    let context = &world.known().context;
    match input.below(4) {
        0 => shared_psk(),
        3 => Psk::Application(WORDS, SHARED.into()),
        1 => Psk::External(input.bytes().into()),
        _ => {
            let epoch = context.epoch.0.wrapping_sub(input.below(4) as u64);
            let usage = ResumptionPskUsage::Application;
            Psk::Resumption(usage, context.group_id.clone(), folkmoot_mls::Epoch(epoch))
        }
    }
}

/// A commit of whatever waits, and of what its member wants; it may come late, or never.
fn honest_commit(world: &mut World, input: &mut Input<'_>) {
    let sender = someone(world, input);
    let mut intent = CommitIntent {
        force_path: input.once_in(2),
        ..CommitIntent::default()
    };
    let mut guest = None;
    match input.below(12) {
        9 => intent.app_data.push(app_data(input)),
        10 => intent.ephemeral.push(ephemeral(input)),
        1 => intent.add.extend(stranger(input.below(strangers().len()))),
        2 => intent
            .remove
            .push(LeafIndex(input.below(9).try_into().unwrap())),
        3 => intent.psks.push(psk(world, input)),
        4 => intent.extensions = Some(content::extensions(world, input)),
        5 => intent.identity = Some(renewed(world, sender, input)),
        6 if input.once_in(8) => intent.reinit = Some(content::reinit(world, input)),
        7 => intent.extensions = Some(Extensions::default()),
        8 => {
            guest = input.pick(guests());
            intent.add.extend(guest.as_ref().map(Invitee::verified));
        }
        _ => {}
    }
    let Ok(bundle) = world.honest[sender].commit(intent) else {
        return;
    };
    let bytes = bundle.commit.encode();
    match input.below(8) {
        // Later, if nothing else comes first.
        1 => world.log.push(bytes),
        2 => world.honest[sender].discard(),
        _ => {
            arrives(world, Some(bytes.clone()));
            let is_pending = world.honest[sender].group.pending_commit().is_some();
            assert!(!is_pending || world.is_over, "an honest commit was refused");
            if let (Some(guest), Some(welcome), false) = (guest, bundle.welcome, world.is_over) {
                world.join(&guest, &welcome);
            }
        }
    }
}

/// One honest member to another, whole and damaged; a message to one is opened by that one alone.
fn whisper(world: &mut World, input: &mut Input<'_>) {
    let (from, to) = (someone(world, input), someone(world, input));
    let text = input.bytes();
    let recipient = world.honest[to].group.own_index();
    let Ok(message) = world.honest[from].whisper(recipient, text) else {
        return;
    };
    let mut damaged = message.clone();
    input.edit_once(&mut damaged);
    for member in &world.honest {
        let is_read = member.hear(&message).is_some_and(|read| read == text);
        let is_for = member.group.own_index() == recipient && member.group.is_active();
        assert_eq!(
            is_read, is_for,
            "a message to one, read by another or not at all"
        );
        let is_taken = damaged != message && member.hear(&damaged).is_some();
        assert!(!is_taken, "a damaged message was taken");
    }
}

fn restart(world: &mut World, input: &mut Input<'_>) {
    let who = someone(world, input);
    world.honest[who].restart();
}

/// What was sent comes again, or late, or damaged.
fn replay(world: &mut World, input: &mut Input<'_>, damaged: bool) {
    let Some(mut bytes) = input.pick(&world.log) else {
        return;
    };
    if damaged {
        let genuine = bytes.clone();
        input.edit_once(&mut bytes);
        input.edit(&mut bytes);
        let is_taken = bytes != genuine && world.deliver(&bytes, None);
        assert!(
            !is_taken || world.log.contains(&bytes),
            "a damaged message was taken"
        );
    } else {
        world.deliver(&bytes, None);
    }
}

/// Whom a message may name as its sender.
fn senders(own: LeafIndex, input: &mut Input<'_>) -> Sender {
    match input.below(16) {
        1 => Sender::Member(LeafIndex(input.below(10).try_into().unwrap())),
        2 => Sender::External(input.below(3).try_into().unwrap()),
        3 => Sender::NewMemberProposal,
        4 => Sender::NewMemberCommit,
        5 => Sender::Member(LeafIndex(u32::from(input.short()) << 16)),
        _ => Sender::Member(own),
    }
}
