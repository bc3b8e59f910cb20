//! Commits of members and of those who join by one, with anything in them changed at every step.

use super::content::{change_leaf, private_key, proposal, psk_secret};
use super::{frame, senders};
use crate::input::Input;
use crate::world::{World, strangers};
use folkmoot_crypto::{Crypto, Secret};
use folkmoot_mls::hazmat::{self, Claim, Signed};
use folkmoot_mls::{
    AppDataOperation, ByComponent, Components, Content, Extensions, LeafIndex, NoRecords,
    NodeIndex, Proposal, ProposalOrRef, RatchetTree, Sender, WireFormat,
};
use folkmoot_sim::{Forgery, Names, WORDS, external_join};

/// Proposals by value in one commit.
const MAX_LISTED: usize = 4;

/// A member's commit, ready to be sent.
pub(crate) fn member_commit(world: &mut World, input: &mut Input<'_>) -> Option<Vec<u8>> {
    let (own, keys) = input.pick(&world.controlled())?;
    let mut known = world.known().clone();
    (known.own, known.signature) = (own, keys);
    let mut forgery = Forgery::new(known, Vec::new());
    let mut list = Vec::new();
    for signed in &world.waiting {
        if !input.once_in(4) {
            let reference = signed.reference(forgery.known.crypto);
            forgery.entries.push(ProposalOrRef::Reference(reference));
            if let Content::Proposal(proposal) = &signed.content.content {
                list.push((signed.content.sender, proposal.clone()));
            }
        }
    }
    for _ in 0..input.below(MAX_LISTED) {
        let mut proposal = proposal(world, input);
        if matches!(proposal, Proposal::Update(_)) && !input.once_in(8) {
            // By value it is no good.
            proposal = Proposal::Remove(LeafIndex(input.below(10).try_into().unwrap()));
        }
        forgery
            .entries
            .push(ProposalOrRef::Proposal(proposal.clone()));
        list.push((Sender::Member(own), proposal));
    }
    apply(world, &mut forgery, &list);
    forgery.wire_format = frame::wire_format(input);
    make_path(world, &mut forgery, input);
    change_entries(&mut forgery, input);
    if input.once_in(16) {
        forgery.sender = senders(own, input);
    }
    let signed = finish(&forgery, input)?;
    let known = forgery.known;
    frame::protect(world, &known, &signed, own, input)
}

/// An external commit of a stranger or of a member who comes back, ready to be sent.
pub(crate) fn external_commit(world: &mut World, input: &mut Input<'_>) -> Option<Vec<u8>> {
    let known = world.known().clone();
    let joiner = match input.pick(&world.controlled()) {
        Some((at, _)) if input.once_in(2) => {
            let leaf = known.tree.leaf(at, &NoRecords).unwrap()?;
            leaf.content.clone()
        }
        _ => {
            input
                .pick(strangers())?
                .key_package
                .content
                .leaf_node
                .content
        }
    };
    let key = private_key(world, &joiner);
    let mut others = Vec::new();
    for _ in 0..input.below(3) {
        others.push(match input.below(3) {
            0 => Proposal::Remove(LeafIndex(input.below(9).try_into().unwrap())),
            _ => proposal(world, input),
        });
    }
    let mut forgery = external_join(known, joiner, &key, others.clone());
    let listed: Vec<_> = others
        .iter()
        .map(|one| (Sender::NewMemberCommit, one.clone()))
        .collect();
    if let Some(updated) = updated(&forgery.extensions, &listed) {
        forgery.extensions = updated;
    }
    forgery.psks = psks(world, &forgery, others.iter());
    make_path(world, &mut forgery, input);
    change_entries(&mut forgery, input);
    if input.once_in(16) {
        forgery.sender = senders(LeafIndex(0), input);
    }
    if input.once_in(16) {
        forgery.wire_format = WireFormat::PrivateMessage;
    }
    if input.once_in(16) {
        forgery.init_secret = Secret::from(input.bytes());
    }
    let signed = finish(&forgery, input)?;
    let mut bytes = signed.untagged().encode();
    if input.once_in(32) {
        input.edit_once(&mut bytes);
    }
    Some(bytes)
}

/// What the list does to the group, as far as it does anything.
fn apply(world: &World, forgery: &mut Forgery, list: &[(Sender, Proposal)]) {
    forgery.apply(list);
    for (_, proposal) in list {
        if let Proposal::GroupContextExtensions(extensions) = proposal {
            forgery.extensions = extensions.clone();
        }
    }
    if let Some(updated) = updated(&forgery.extensions, list) {
        forgery.extensions = updated;
    }
    forgery.psks = psks(world, forgery, list.iter().map(|(_, proposal)| proposal));
}

/// What components keep after the list, where all of it is as it should be.
fn updated(extensions: &Extensions, list: &[(Sender, Proposal)]) -> Option<Extensions> {
    let mut kept = extensions.app_data().ok()?;
    let mut is_changed = false;
    for (_, proposal) in list {
        let Proposal::AppDataUpdate(update) = proposal else {
            continue;
        };
        let component = update.component;
        let before = kept.get(component).map(<[u8]>::to_vec);
        let after = match &update.operation {
            AppDataOperation::Remove => None,
            AppDataOperation::Update(data) if component == WORDS => {
                Names.update(component, before.as_deref(), &[data.as_slice()])
            }
            AppDataOperation::Update(data) => Some(data.as_slice().to_vec()),
        };
        let others = kept.iter().filter(|(other, _)| *other != component);
        let others = others.map(|(other, data)| (other, data.to_vec()));
        let all = others.chain(after.map(|data| (component, data)));
        let empty = ByComponent::default();
        kept = all.fold(empty, |kept, (one, data)| kept.with(one, data));
        is_changed = true;
    }
    is_changed.then(|| extensions.clone().keeping(&kept))
}

fn psks<'a>(
    world: &World,
    forgery: &Forgery,
    list: impl Iterator<Item = &'a Proposal>,
) -> hazmat::Psks {
    let id = |proposal: &Proposal| match proposal {
        Proposal::PreSharedKey(id) => Some((id.clone(), psk_secret(world, &forgery.known, id))),
        _ => None,
    };
    list.filter_map(id).collect()
}

/// Often a path, changed before it is sealed, or afterwards.
fn make_path(world: &World, forgery: &mut Forgery, input: &mut Input<'_>) {
    if input.once_in(6) || !can_seal(forgery.known.crypto, &forgery.tree, forgery.place) {
        return;
    }
    if input.once_in(4) {
        change_leaf(world, &mut forgery.leaf, input);
        forgery.leaf_key = private_key(world, &forgery.leaf);
    }
    let forged_key = input
        .once_in(32)
        .then(|| forgery.leaf.encryption_key.clone());
    forgery.begin_path();
    if let Some(key) = forged_key {
        forgery.leaf.encryption_key = key;
    }
    change_path(world, forgery, input);
    forgery.seal_path();
    if input.once_in(8) {
        forgery.path = forgery.path.take().map(|path| input.edited(path));
    }
}

fn change_path(world: &World, forgery: &mut Forgery, input: &mut Input<'_>) {
    match input.below(18) {
        1 => forgery.leaf_place = LeafIndex(input.below(9).try_into().unwrap()),
        2 => forgery.leaf_key = world.keys[input.below(world.keys.len())].private.clone(),
        3 => forgery.parent_hash = Some(input.bytes().to_vec()),
        4 => forgery.seal_label = "Welcome",
        5 => drop(forgery.public_keys.pop()),
        6 => forgery.public_keys.reverse(),
        7 => {
            if let Some(key) = forgery.public_keys.first_mut() {
                input.edit_once(key);
            }
        }
        8 => {
            let place = input.below(forgery.path_secrets.len());
            if let Some(secret) = forgery.path_secrets.get_mut(place) {
                *secret = Secret::from(input.bytes());
            }
        }
        9 => forgery.seal_context = world.known.front().map(|past| past.context.clone()),
        10 => forgery.added.clear(),
        11 => forgery.commit_secret = Secret::from(input.bytes()),
        12 => forgery.extensions = super::content::extensions(world, input),
        _ => {}
    }
}

/// Whether each node that a path is sealed to has a key to seal to.
fn can_seal(crypto: &dyn Crypto, tree: &RatchetTree, place: LeafIndex) -> bool {
    // The last leaf's node stands at twice the root's place.
    let is_inside = u64::from(place.0) <= u64::from(tree.root().0);
    let Some(path) = is_inside
        .then(|| hazmat::filtered_direct_path(tree, place).ok())
        .flatten()
    else {
        return false;
    };
    let has_key = |node: NodeIndex| {
        let key = if let Some(leaf) = node.leaf() {
            let leaf = tree.leaf(leaf, &NoRecords).ok().flatten();
            leaf.map(|leaf| leaf.content.encryption_key.clone())
        } else {
            let parent = tree.parent_node(node, &NoRecords).ok().flatten();
            parent.map(|parent| parent.encryption_key.clone())
        };
        key.is_some_and(|key| crypto.check_kem_public_key(key.as_slice()).is_ok())
    };
    path.into_iter().all(|(_, copath)| {
        let nodes = hazmat::resolution(tree, copath).unwrap_or_default();
        nodes.into_iter().all(has_key)
    })
}

fn change_entries(forgery: &mut Forgery, input: &mut Input<'_>) {
    let entries = &mut forgery.entries;
    match input.below(24) {
        1 => entries.reverse(),
        2 => drop(entries.pop()),
        3 => entries.extend(entries.first().cloned()),
        4 => {
            if let Some(last) = entries.pop() {
                entries.push(input.edited(last));
            }
        }
        5 => {
            let reference = folkmoot_mls::ProposalRef(input.bytes().into());
            entries.push(ProposalOrRef::Reference(reference));
        }
        _ => {}
    }
}

/// Signs the commit, perhaps once more after a change, and confirms what it then claims.
fn finish(forgery: &Forgery, input: &mut Input<'_>) -> Option<Signed> {
    let (mut signed, _) = forgery.finish();
    let known = &forgery.known;
    if input.once_in(12) {
        let content = input.edited(signed.content);
        let (format, key) = (forgery.wire_format, &forgery.signing_key);
        let again = Signed::sign(known.crypto, format, content, key, Some(&known.context));
        signed = again.ok()?;
        let claim = Claim {
            tree: forgery.tree.clone(),
            context: forgery.context(),
            init_secret: forgery.init_secret.clone(),
            commit_secret: forgery.commit_secret.clone(),
            psks: forgery.psks.clone(),
        };
        signed.confirmation_tag = Some(known.claim(claim, &signed).confirmation_tag);
    }
    if input.once_in(32)
        && let Some(tag) = &mut signed.confirmation_tag
    {
        input.edit_once(tag);
    }
    Some(signed)
}
