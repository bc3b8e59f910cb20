//! Ratchet trees that joiners are given (RFC 9420 §7.8, §7.9, §12.4.3.1).

use crate::welcome::Invitation;
use folkmoot_mls::hazmat::{self, OpenedWelcome};
use folkmoot_mls::{
    Check, CommitIntent, Credential, CredentialType, ExtensionType, Extensions, LeafIndex,
    LeafNodeContent, LeafNodeSource, NoRecords, NodeIndex, ParentNode, Proposal, RatchetTree,
};
use folkmoot_sim::{Invitee, ListedNode, Refusal, Scene, crypto, key_package, leaf, node_list};
use tls_codec::VLBytes;

fn with_list(mut opened: OpenedWelcome, list: Vec<u8>) -> OpenedWelcome {
    let extensions = Extensions::default().with(ExtensionType::RATCHET_TREE, list);
    opened.group_info.content.extensions = extensions;
    opened
}

fn with_tree(opened: OpenedWelcome, tree: &RatchetTree) -> OpenedWelcome {
    let mut opened = with_list(opened, tree.to_extension(&NoRecords).unwrap());
    let context = &mut opened.group_info.content.group_context;
    context.tree_hash = tree.tree_hash(crypto()).into();
    opened
}

fn tree_of(opened: &OpenedWelcome) -> RatchetTree {
    let extensions = &opened.group_info.content.extensions;
    let list = extensions.find(ExtensionType::RATCHET_TREE).unwrap();
    hazmat::tree_from_extension(list).unwrap()
}

/// A Welcome whose tree is changed, with the tree's hash and all that follows from it made right, is
/// refused for this reason.
fn refuses_tree(invitation: Invitation, change: impl FnOnce(&mut RatchetTree), reason: Check) {
    let opened = invitation.opened();
    let mut tree = tree_of(&opened);
    change(&mut tree);
    let welcome = invitation.confirmed(with_tree(opened, &tree));
    invitation.refuses(&welcome, reason);
    invitation.goes_on();
}

/// The insider's leaf in the tree, changed and signed again.
fn change_leaf(invitation: &Invitation, change: impl FnOnce(&mut LeafNodeContent)) -> RatchetTree {
    let known = invitation.scene.mallory.knowledge();
    let mut tree = tree_of(&invitation.opened());
    let mut content = tree
        .leaf(known.own, &NoRecords)
        .unwrap()
        .unwrap()
        .content
        .clone();
    change(&mut content);
    let place = Some((&known.context.group_id, known.own));
    let changed = leaf(crypto(), content, &known.signature.private, place);
    hazmat::set_leaf(&mut tree, known.own, Some(changed)).unwrap();
    tree
}

fn refuses_leaf(change: impl FnOnce(&mut LeafNodeContent), reason: impl Into<Refusal>) {
    let invitation = Invitation::default();
    let tree = change_leaf(&invitation, change);
    let welcome = invitation.confirmed(with_tree(invitation.opened(), &tree));
    invitation.refuses(&welcome, reason);
    invitation.goes_on();
}

fn change_parent(
    index: u32,
    change: impl FnOnce(&mut ParentNode),
) -> impl FnOnce(&mut RatchetTree) {
    move |tree| {
        let index = NodeIndex(index);
        let mut parent = ParentNode::clone(tree.parent_node(index, &NoRecords).unwrap().unwrap());
        change(&mut parent);
        hazmat::set_parent(tree, index, Some(parent)).unwrap();
    }
}

/// Shows [`Check::TreeShape`].
#[test]
fn tree_shape() {
    let invitation = Invitation::default();
    let tree = tree_of(&invitation.opened());
    let leaf = || {
        Some(Ok((**tree
            .leaf(LeafIndex(0), &NoRecords)
            .unwrap()
            .unwrap())
        .clone()))
    };
    let parent = || {
        Some(Err((**tree
            .parent_node(NodeIndex(3), &NoRecords)
            .unwrap()
            .unwrap())
        .clone()))
    };
    let lists: [Vec<ListedNode>; 6] = [
        vec![],
        vec![None],
        vec![leaf(), None, leaf(), None],
        vec![leaf(), leaf(), leaf()],
        vec![parent()],
        vec![leaf(), parent(), parent()],
    ];
    for list in lists {
        let opened = with_list(invitation.opened(), node_list(list));
        let welcome = invitation.sealed(opened);
        invitation.refuses(&welcome, Check::TreeShape);
    }
    // One node that is there, of no known kind, be it a parent otherwise.
    let root = tree.parent_node(NodeIndex(3), &NoRecords).unwrap();
    let root = root.unwrap();
    for kind in [0, 3] {
        let node = hazmat::to_bytes(&**root);
        let list = VLBytes::from([&[1, kind][..], &node].concat());
        let opened = with_list(invitation.opened(), hazmat::to_bytes(&list));
        let welcome = invitation.sealed(opened);
        invitation.refuses(&welcome, Refusal::Malformed(Check::WholeStructure));
    }
    invitation.goes_on();
}

/// Shows [`Check::TreeHash`].
#[test]
fn tree_hash() {
    let invitation = Invitation::default();
    let mut opened = invitation.opened();
    opened.group_info.content.group_context.tree_hash = vec![7; 32].into();
    invitation.refuses(&invitation.confirmed(opened), Check::TreeHash);
    let mut tree = tree_of(&invitation.opened());
    hazmat::set_leaf(&mut tree, LeafIndex(0), None).unwrap();
    let other = with_list(invitation.opened(), tree.to_extension(&NoRecords).unwrap());
    invitation.refuses(&invitation.confirmed(other), Check::TreeHash);
    invitation.goes_on();
}

/// Shows [`Check::TreeLeaves`]: what is wrong with a leaf is wrong with its tree.
#[test]
fn tree_leaves() {
    refuses_leaf(
        |leaf| leaf.capabilities.credentials.clear(),
        Check::LeafListsCredential,
    );
    refuses_leaf(
        |leaf| leaf.capabilities.versions.clear(),
        Check::LeafVersionAndSuite,
    );
    let invitation = Invitation::default();
    let tree = tree_of(&invitation.opened());
    let mut forged = (**tree.leaf(LeafIndex(3), &NoRecords).unwrap().unwrap()).clone();
    forged.signature = vec![7; 64].into();
    let put = |tree: &mut RatchetTree| {
        hazmat::set_leaf(tree, LeafIndex(3), Some(forged)).unwrap();
    };
    refuses_tree(invitation, put, Check::LeafSignature);
}

/// Of [`Check::CredentialValidated`] and [`Check::CredentialTypesSupported`]: a tree's credentials.
#[test]
fn tree_credentials() {
    let of_nobody = Credential::Basic(b"mallet".as_slice().into());
    refuses_leaf(|leaf| leaf.credential = of_nobody, Refusal::Credential);
    let certified = |leaf: &mut LeafNodeContent| {
        leaf.credential = Credential::X509(vec![b"mallory".as_slice().into()]);
        leaf.capabilities.credentials = vec![CredentialType::BASIC, CredentialType::X509];
    };
    refuses_leaf(certified, Check::CredentialTypesSupported);
}

/// Shows [`Check::TreeParentHashes`].
#[test]
fn tree_parent_hashes() {
    refuses_leaf(
        |leaf| leaf.source = LeafNodeSource::Commit(vec![7; 32].into()),
        Check::TreeParentHashes,
    );
    refuses_leaf(
        |leaf| leaf.source = LeafNodeSource::Update,
        Check::TreeParentHashes,
    );
    let other_key = change_parent(7, |root| root.encryption_key = vec![9; 32].into());
    refuses_tree(Invitation::default(), other_key, Check::TreeParentHashes);
    let other_hash = change_parent(5, |node| node.parent_hash = vec![7; 32].into());
    refuses_tree(Invitation::default(), other_hash, Check::TreeParentHashes);
    let nobody = change_parent(3, |node| node.encryption_key = vec![9; 32].into());
    refuses_tree(Invitation::default(), nobody, Check::TreeParentHashes);
}

/// Charlie is removed and somebody added in his place, so that the root has an unmerged leaf.
fn with_unmerged() -> Invitation {
    let mut scene = Scene::default();
    let remove = CommitIntent {
        remove: vec![LeafIndex(2)],
        ..CommitIntent::default()
    };
    let removal = scene.mallory.person.commit(remove);
    for person in [&mut scene.alice, &mut scene.bob] {
        person.receive(&removal.commit).unwrap();
    }
    scene.mallory.person.accept();
    Invitation::added_without_path(scene)
}

/// Shows [`Check::ParentHashLink`]: a link that leaves somebody out, or counts somebody in, is none.
#[test]
fn parent_hash_link() {
    let invitation = with_unmerged();
    let opened = invitation.opened();
    let root = |tree: &RatchetTree| {
        (**tree.parent_node(NodeIndex(3), &NoRecords).unwrap().unwrap()).clone()
    };
    let mut tree = tree_of(&opened);
    let mut without = root(&tree);
    assert_eq!(without.unmerged_leaves, [LeafIndex(2)]);
    without.unmerged_leaves.clear();
    hazmat::set_parent(&mut tree, NodeIndex(3), Some(without)).unwrap();
    let welcome = invitation.confirmed(with_tree(opened.clone(), &tree));
    invitation.refuses(&welcome, Check::TreeParentHashes);
    let mut one_more = root(&tree_of(&opened));
    one_more.unmerged_leaves.push(LeafIndex(3));
    hazmat::set_parent(&mut tree, NodeIndex(3), Some(one_more)).unwrap();
    let welcome = invitation.confirmed(with_tree(opened, &tree));
    invitation.refuses(&welcome, Check::TreeParentHashes);
    assert!(invitation.dora.join(invitation.welcome()).is_ok());
}

/// Shows [`Check::UnmergedAscending`].
#[test]
fn unmerged_ascending() {
    for list in [[2, 1], [1, 1]] {
        let change = change_parent(7, |root| {
            root.unmerged_leaves = list.map(LeafIndex).to_vec();
        });
        refuses_tree(Invitation::default(), change, Check::UnmergedAscending);
    }
}

/// Shows [`Check::UnmergedIsMemberBelow`].
#[test]
fn unmerged_is_member_below() {
    for (parent, nobody) in [(7, 7), (3, 4), (1, 2), (7, 8), (7, u32::MAX)] {
        let change = change_parent(parent, |node| {
            node.unmerged_leaves = vec![LeafIndex(nobody)];
        });
        refuses_tree(Invitation::default(), change, Check::UnmergedIsMemberBelow);
    }
}

/// Shows [`Check::UnmergedListedBetween`].
#[test]
fn unmerged_listed_between() {
    let change = change_parent(7, |root| root.unmerged_leaves = vec![LeafIndex(2)]);
    refuses_tree(Invitation::default(), change, Check::UnmergedListedBetween);
    // A blank on the way lists nobody, and hides nobody.
    let past_a_blank = |tree: &mut RatchetTree| {
        hazmat::set_parent(tree, NodeIndex(3), None).unwrap();
        change_parent(7, |root| root.unmerged_leaves = vec![LeafIndex(2)])(tree);
    };
    refuses_tree(
        Invitation::default(),
        past_a_blank,
        Check::UnmergedListedBetween,
    );
}

/// A key that somebody has already.
type Taken<'a> = &'a dyn Fn(&folkmoot_sim::Forgery) -> Vec<u8>;

/// Shows [`Check::ParentKeyUnique`].
#[test]
fn parent_key_unique() {
    let invitation = Invitation::default();
    let package = invitation.dora.key_package.clone();
    let add = Proposal::Add(Box::new(package.clone()));
    let key = invitation.scene.mallory.knowledge().signature.private;
    let of_a_leaf = |commit: &folkmoot_sim::Forgery| {
        let leaf = commit.tree.leaf(LeafIndex(0), &NoRecords).unwrap().unwrap();
        leaf.content.encryption_key.as_slice().to_vec()
    };
    let of_the_path = |commit: &folkmoot_sim::Forgery| commit.public_keys[0].clone();
    let cases: [(Taken<'_>, Check); 2] = [
        (&of_the_path, Check::ParentKeyUnique),
        (&of_a_leaf, Check::TreeLeafKeysUnique),
    ];
    for (taken, reason) in cases {
        let mut commit = invitation.scene.mallory.forge(vec![add.clone()]);
        commit.begin_path();
        commit.public_keys[1] = taken(&commit);
        commit.seal_path();
        let welcome = commit.welcome(&package, &key);
        invitation.refuses(&welcome, reason);
    }
    let honest = invitation.scene.mallory.forge(vec![add]).with_path();
    assert!(
        invitation
            .dora
            .join(&honest.welcome(&package, &key))
            .is_ok()
    );
    invitation.goes_on();
}

/// Shows [`Check::TreeLeafKeysUnique`].
#[test]
fn tree_leaf_keys_unique() {
    let invitation = Invitation::default();
    let tree = tree_of(&invitation.opened());
    let charlie = tree
        .leaf(LeafIndex(2), &NoRecords)
        .unwrap()
        .unwrap()
        .content
        .clone();
    refuses_leaf(
        |leaf| leaf.encryption_key = charlie.encryption_key,
        Check::TreeLeafKeysUnique,
    );
    // Two of the insider's clients share a signature key.
    let known = invitation.scene.mallory.knowledge();
    let key = &known.signature.private;
    let mut erin = Invitee::new("erin", 10).key_package.content;
    erin.leaf_node.content.signature_key = known.signature.public.as_slice().into();
    let erin = key_package(crypto(), erin, key);
    let dora = &invitation.dora.key_package;
    let adds = [erin, dora.clone()].map(|package| Proposal::Add(Box::new(package)));
    let commit = invitation.scene.mallory.forge(adds.to_vec()).with_path();
    let welcome = commit.welcome(dora, key);
    invitation.refuses(&welcome, Check::TreeLeafKeysUnique);
    invitation.goes_on();
}

/// Of [`Check::KeysValidForSuite`]: a parent's key.
#[test]
fn parent_keys_are_valid() {
    let invitation = Invitation::default();
    let dora = &invitation.dora.key_package;
    let key = &invitation.scene.mallory.knowledge().signature.private;
    for bad in [vec![], vec![7; 31], vec![0; 32]] {
        let add = Proposal::Add(Box::new(dora.clone()));
        let mut commit = invitation.scene.mallory.forge(vec![add]);
        commit.begin_path();
        commit.public_keys[1] = bad;
        commit.seal_path();
        let welcome = commit.welcome(dora, key);
        invitation.refuses(&welcome, Check::KeysValidForSuite);
    }
    invitation.goes_on();
}
