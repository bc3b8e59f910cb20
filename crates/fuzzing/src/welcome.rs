//! Welcomes of an inviter who keeps to no rule: opened, changed, signed and sealed again.

use crate::input::Input;
use crate::member::Member;
use crate::world::{World, stranger, strangers};
use folkmoot_crypto::Secret;
use folkmoot_mls::hazmat::{self, OpenedWelcome, Psks};
use folkmoot_mls::{
    CommitIntent, Epoch, ExtensionType, GroupInfoContent, Holdings, IncomingContent, JoinOptions,
    LeafIndex, MessageBody, MlsMessage, NoRecords, NodeIndex, PathSecret, Psk, RatchetTree,
    Settings,
};
use folkmoot_sim::{Invitee, Names, SHARED, crypto, reseal, services, shared_psk, sign_group_info};
use std::sync::LazyLock;

/// Changes of one Welcome.
const MAX_CHANGES: usize = 4;

/// A Welcome for Dora as it was sent, what is in it, and the inviter's key.
struct Invitation {
    sent: MlsMessage,
    opened: OpenedWelcome,
    tree: RatchetTree,
    key: Secret,
}

static INVITATIONS: LazyLock<Vec<Invitation>> = LazyLock::new(|| {
    let kinds = [
        (1, vec![]),
        (1, vec![shared_psk()]),
        (3, vec![]),
        (3, vec![shared_psk()]),
    ];
    kinds
        .into_iter()
        .map(|(world, psks)| Invitation::new(world, psks))
        .collect()
});

fn dora() -> &'static Invitee {
    &strangers()[0]
}

impl Invitation {
    /// Alice adds Dora by a commit with a path.
    fn new(world: usize, psks: Vec<Psk>) -> Self {
        let mut world = World::begin(world);
        let intent = CommitIntent {
            add: stranger(0).into_iter().collect(),
            psks,
            force_path: true,
            ..CommitIntent::default()
        };
        let bundle = world.honest[0].commit(intent).unwrap();
        let commit = bundle.commit.encode();
        let read = world.honest[1].copy().receive(&commit).unwrap();
        let IncomingContent::Commit(summary) = read else {
            panic!("no commit: {read:?}")
        };
        let held = Names.external_psk(SHARED).unwrap();
        let named = summary.psks.iter().cloned();
        let named: Psks = named.map(|id| (id, held.clone())).collect();
        world.deliver(&commit, None);
        let sent = bundle.welcome.unwrap();
        let MessageBody::Welcome(welcome) = &sent.body else {
            panic!("no Welcome: {sent:?}")
        };
        let opened = OpenedWelcome::open(crypto(), welcome, dora().own(), &named);
        Self {
            opened: opened.unwrap(),
            tree: world.known().tree.clone(),
            key: world.known().signature.private.clone(),
            sent,
        }
    }
}

/// The Welcomes that scripts start from.
pub(crate) fn sent() -> impl Iterator<Item = Vec<u8>> {
    INVITATIONS
        .iter()
        .map(|invitation| invitation.sent.encode())
}

/// The first byte chooses the invitation, the next ones what becomes of it. Whoever joins is a member like
/// any other.
pub(crate) fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let invitation = &INVITATIONS[input.below(INVITATIONS.len())];
    let (mut opened, mut tree) = (invitation.opened.clone(), invitation.tree.clone());
    for _ in 0..input.below(MAX_CHANGES + 1) {
        change(&mut opened, &mut tree, &mut input);
    }
    let mut bytes = seal(opened, invitation, &mut input);
    if input.once_in(8) {
        input.edit(&mut bytes);
    }
    join(&bytes);
}

fn join(bytes: &[u8]) {
    let Ok(message) = MlsMessage::decode(bytes) else {
        return;
    };
    let MessageBody::Welcome(_) = &message.body else {
        return;
    };
    let options = JoinOptions::default();
    if let Ok(person) = dora().join_with(&message, options, Settings::default(), services()) {
        let mut member = Member::from(person);
        member.restart();
        let _ = member.seal(b"hello");
        match member.commit(CommitIntent::default()) {
            Ok(_) => member.accept(),
            Err(error) => assert_eq!(member.group.epoch().0, u64::MAX, "{error}"),
        }
    }
}

fn change(opened: &mut OpenedWelcome, tree: &mut RatchetTree, input: &mut Input<'_>) {
    let secrets = &mut opened.group_secrets;
    let content = &mut opened.group_info.content;
    match input.below(16) {
        0 => *secrets = input.edited(secrets.clone()),
        1 => secrets.joiner_secret = Secret::from(input.bytes()),
        2 => secrets.path_secret = None,
        3 => {
            secrets.path_secret = Some(PathSecret {
                path_secret: Secret::from(input.bytes()),
            });
        }
        4 => secrets.psks.extend(secrets.psks.first().cloned()),
        5 => secrets.psks.clear(),
        6 => content.signer = LeafIndex(input.below(10).try_into().unwrap()),
        7 => content.group_context = input.edited(content.group_context.clone()),
        8 => content.group_context.epoch = Epoch(input.long()),
        9 => content.extensions = input.edited(content.extensions.clone()),
        10 => {
            let extensions = core::mem::take(&mut content.group_context.extensions);
            let added = ExtensionType(input.short());
            content.group_context.extensions = extensions.with(added, input.bytes());
        }
        11 | 12 => change_tree(tree, input),
        _ => change_listed(content, input),
    }
    if input.once_in(2) {
        let listed = tree.to_extension(&NoRecords).unwrap();
        let content = &mut opened.group_info.content;
        let extensions = core::mem::take(&mut content.extensions);
        content.extensions = extensions.with(ExtensionType::RATCHET_TREE, listed);
        content.group_context.tree_hash = tree.tree_hash(crypto()).into();
    }
}

/// The tree as it is listed, byte by byte.
fn change_listed(content: &mut GroupInfoContent, input: &mut Input<'_>) {
    let listed = content.extensions.find(ExtensionType::RATCHET_TREE);
    let mut listed = listed.unwrap_or_default().to_vec();
    input.edit_once(&mut listed);
    let extensions = core::mem::take(&mut content.extensions);
    content.extensions = extensions.with(ExtensionType::RATCHET_TREE, listed);
}

/// The tree as a tree, whose hash can be put right then.
fn change_tree(tree: &mut RatchetTree, input: &mut Input<'_>) {
    let width = tree.root().0 * 2 + 1;
    let node = NodeIndex(u32::from(input.byte()) % width);
    let other = LeafIndex(u32::from(input.byte()) % (width / 2 + 1));
    let Some(leaf) = node.leaf() else {
        let parent = tree.parent_node(node, &NoRecords).unwrap();
        let parent = parent.map(|parent| input.edited((**parent).clone()));
        let parent = parent.filter(|_| !input.once_in(4));
        return hazmat::set_parent(tree, node, parent).unwrap();
    };
    let here = tree.leaf(leaf, &NoRecords).unwrap().cloned();
    let there = tree.leaf(other, &NoRecords).unwrap().cloned();
    let put = match input.below(4) {
        0 => None,
        1 => there.map(|leaf| (*leaf).clone()),
        _ => here.map(|leaf| input.edited((*leaf).clone())),
    };
    hazmat::set_leaf(tree, leaf, put).unwrap();
}

/// Confirms and signs what is said now, or leaves that as it was.
fn seal(mut opened: OpenedWelcome, invitation: &Invitation, input: &mut Input<'_>) -> Vec<u8> {
    if !input.once_in(8) {
        opened.group_info.content.confirmation_tag = opened.confirmation_tag(crypto()).into();
    }
    if !input.once_in(8) {
        let content = opened.group_info.content;
        opened.group_info = sign_group_info(crypto(), content, &invitation.key);
    }
    reseal(crypto(), &opened, &dora().key_package).encode()
}
