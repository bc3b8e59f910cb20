//! Paths of commits (RFC 9420 §7.5, §7.6, §7.9.2).

use folkmoot_crypto::random_secret;
use folkmoot_mls::{
    Check, Extensions, GroupContext, GroupId, HpkeCiphertexts, LeafIndex, LeafNodeSource,
    NoRecords, Proposal, UpdatePathNode,
};
use folkmoot_sim::{Forgery, Invitee, Refusal, Scene, crypto, refusal, rng};

/// A commit with a path, changed before the path is in the tree, is refused for this reason.
fn refuses_path(change: impl FnOnce(&mut Forgery), reason: impl Into<Refusal>) {
    let mut scene = Scene::default();
    let mut commit = scene.mallory.forge(Vec::new());
    commit.begin_path();
    change(&mut commit);
    commit.seal_path();
    scene.refuses(&commit.message(), reason);
}

/// A commit with a path that is changed afterwards is refused for this reason.
fn refuses_sealed(change: impl FnOnce(&mut Forgery), reason: Check) {
    let mut scene = Scene::default();
    let mut commit = scene.mallory.forge(Vec::new()).with_path();
    change(&mut commit);
    scene.refuses(&commit.message(), reason);
}

fn nodes(commit: &mut Forgery) -> &mut Vec<UpdatePathNode> {
    &mut commit.path.as_mut().unwrap().nodes
}

fn fresh_key(seed: u64) -> Vec<u8> {
    let ikm = random_secret(&mut rng(seed), 32);
    crypto().derive_kem_key_pair(&ikm).unwrap().public
}

/// Shows [`Check::PathLeaf`]: what is wrong with a leaf is wrong with its path.
#[test]
fn path_leaf() {
    refuses_path(
        |commit| commit.leaf.source = LeafNodeSource::Update,
        Check::LeafSource,
    );
    refuses_path(
        |commit| commit.leaf.capabilities.credentials.clear(),
        Check::LeafListsCredential,
    );
    refuses_path(
        |commit| commit.leaf_place = LeafIndex(1),
        Check::LeafSignature,
    );
}

/// Shows [`Check::PathKeysNew`].
#[test]
fn path_keys_new() {
    let key_of = |commit: &Forgery, leaf| {
        let leaf = commit
            .tree
            .leaf(LeafIndex(leaf), &NoRecords)
            .unwrap()
            .unwrap();
        leaf.content.encryption_key.as_slice().to_vec()
    };
    refuses_path(
        |commit| commit.public_keys[0] = key_of(commit, 2),
        Check::PathKeysNew,
    );
    refuses_path(
        |commit| commit.public_keys[1] = commit.public_keys[0].clone(),
        Check::PathKeysNew,
    );
    refuses_path(
        |commit| commit.leaf.encryption_key = key_of(commit, 0).into(),
        Check::PathKeysNew,
    );
    refuses_path(
        |commit| commit.leaf.encryption_key = commit.public_keys[0].as_slice().into(),
        Check::PathKeysNew,
    );
}

/// Shows [`Check::PathLength`].
#[test]
fn path_length() {
    refuses_sealed(|commit| drop(nodes(commit).pop()), Check::PathLength);
    refuses_sealed(|commit| nodes(commit).clear(), Check::PathLength);
    let one_more = |commit: &mut Forgery| {
        let mut node = nodes(commit)[0].clone();
        node.encryption_key = fresh_key(5).into();
        nodes(commit).push(node);
    };
    refuses_sealed(one_more, Check::PathLength);
}

/// Shows [`Check::PathCiphertextCount`].
#[test]
fn path_ciphertext_count() {
    for level in [0, 1] {
        let fewer = |commit: &mut Forgery| {
            nodes(commit)[level].encrypted_path_secret = HpkeCiphertexts::from_iter([]);
        };
        refuses_sealed(fewer, Check::PathCiphertextCount);
        let more = |commit: &mut Forgery| {
            let sealed = &mut nodes(commit)[level].encrypted_path_secret;
            *sealed = sealed.iter().chain(sealed.get(0)).collect();
        };
        refuses_sealed(more, Check::PathCiphertextCount);
    }
    // A leaf that the commit adds gets its secret by the Welcome alone.
    let mut scene = Scene::default();
    let dora = Invitee::new("dora", 9);
    let add = Proposal::Add(Box::new(dora.key_package));
    let mut commit = scene.mallory.forge(vec![add]);
    commit.added.clear();
    scene.refuses(&commit.with_path().message(), Check::PathCiphertextCount);
}

/// Shows [`Check::ParentHash`].
#[test]
fn parent_hash() {
    for wrong in [vec![], vec![7; 32]] {
        let change = |commit: &mut Forgery| commit.parent_hash = Some(wrong);
        refuses_path(change, Check::ParentHash);
    }
}

/// Shows [`Check::PathContext`]: what breaks it does not open. Shows [`Check::PathSecretOpens`].
#[test]
fn path_context() {
    let of_old_epoch =
        |commit: &mut Forgery| commit.seal_context = Some(commit.known.context.clone());
    refuses_path(of_old_epoch, Check::PathSecretOpens);
    let changes: [fn(&mut GroupContext); 5] = [
        |context| context.epoch.0 -= 1,
        |context| context.tree_hash = vec![7; 32].into(),
        |context| context.confirmed_transcript_hash = vec![7; 32].into(),
        |context| context.extensions = Extensions::default().identified(b"x"),
        |context| context.group_id = GroupId::new(b"another".to_vec()),
    ];
    for change in changes {
        refuses_path(|commit| commit.seal_change = change, Check::PathSecretOpens);
    }
    let short = |commit: &mut Forgery| {
        for secret in &mut commit.path_secrets {
            *secret = folkmoot_crypto::Secret::from(&[7; 31][..]);
        }
    };
    refuses_path(short, Check::PathSecretOpens);
}

/// Of [`Check::Labels`]: a path secret that is sealed for another purpose does not open.
#[test]
fn path_label() {
    refuses_path(
        |commit| commit.seal_label = "Welcome",
        Check::PathSecretOpens,
    );
}

/// Of [`Check::KeysValidForSuite`]: the keys of a path.
#[test]
fn path_keys_are_valid() {
    for key in [vec![], vec![7; 31], vec![7; 65], vec![0; 32]] {
        for level in [0, 1] {
            refuses_path(
                |commit| commit.public_keys[level].clone_from(&key),
                Check::KeysValidForSuite,
            );
        }
    }
}

/// Shows [`Check::PathKeysMatch`].
#[test]
fn path_keys_match() {
    refuses_path(
        |commit| *commit.public_keys.last_mut().unwrap() = fresh_key(6),
        Check::PathKeysMatch,
    );
    refuses_path(
        |commit| {
            for secret in &mut commit.path_secrets {
                *secret = random_secret(&mut rng(7), 32);
            }
        },
        Check::PathKeysMatch,
    );
    // Where the secret opens low and only the keys above it are right.
    let mut scene = Scene::default();
    let mut commit = scene.mallory.forge(Vec::new());
    commit.begin_path();
    commit.public_keys[0] = fresh_key(6);
    commit.seal_path();
    let before = scene.charlie.store.clone();
    let refused = refusal(scene.charlie.receive(&commit.message()));
    assert_eq!(refused, Check::PathKeysMatch.into());
    assert_eq!(scene.charlie.store, before);
    scene.goes_on();
}

/// Shows [`Check::EncryptionKeyNew`] of a path's leaf.
#[test]
fn path_leaf_key_is_new() {
    let kept = |commit: &mut Forgery| {
        let before = commit
            .known
            .tree
            .leaf(commit.place, &NoRecords)
            .unwrap()
            .unwrap();
        commit.leaf.encryption_key = before.content.encryption_key.clone();
    };
    refuses_path(kept, Check::EncryptionKeyNew);
}

/// Shows [`Check::CredentialSuccession`] and [`Check::CredentialValidated`] of a path's leaf.
#[test]
fn path_leaf_credential() {
    let named = |name: &'static [u8]| {
        move |commit: &mut Forgery| {
            commit.leaf.credential = folkmoot_mls::Credential::Basic(name.into());
        }
    };
    refuses_path(named(b"eve"), Check::CredentialSuccession);
    refuses_path(named(b"mallet"), Refusal::Credential);
}

/// Shows [`Check::LeafKeysUnique`] of a path's leaf.
#[test]
fn path_leaf_signature_key_is_unique() {
    let mut scene = Scene::default();
    // Two of the insider's clients share a signature key.
    let keys = scene.mallory.knowledge().signature;
    let erin = folkmoot_sim::member("erin", &mut rng(30));
    let erin = Invitee::of(erin, rng(31));
    let _ = scene.commit(0, erin.addition());
    let mut commit = scene.mallory.forge(Vec::new());
    let erin_key = erin.secrets.signature.clone();
    commit.leaf.signature_key = erin_key.public.as_slice().into();
    commit.leaf_key = erin_key.private;
    commit.signing_key = keys.private;
    scene.refuses(&commit.with_path().message(), Check::LeafKeysUnique);
}
