//! Bounds: one over is refused, the bound itself is taken.

use crate::welcome::Invitation;
use folkmoot_mls::hazmat::Knowledge;
use folkmoot_mls::{
    Check, CipherSuite, Credential, CredentialType, Epoch, ExtensionType, Extensions,
    ExternalSender, JoinOptions, KeyPackage, KeyPackageContent, LeafIndex, Lifetime,
    PreSharedKeyId, Proposal, ProposalIntent, ProposalType, ProtocolVersion, RequiredCapabilities,
    Settings, StateError, Timestamp,
};
use folkmoot_sim::{
    Forgery, Invitee, Names, Refusal, Scene, crypto, key_package, member, refusal, rng, services,
    shared_psk, update,
};

fn scene(settings: &Settings) -> Scene {
    Scene::with(Extensions::default(), settings)
}

/// Of [`Check::GenerationBound`]: keys of skipped generations, the oldest of which go first.
#[test]
fn kept_keys() {
    let mut scene = scene(&Settings {
        kept_keys: 2,
        ..Settings::default()
    });
    let texts: Vec<_> = (0..5)
        .map(|number| scene.bob.seal(&number.to_string()))
        .collect();
    assert_eq!(scene.alice.read(&texts[4]), "4");
    for forgotten in &texts[..2] {
        let refused = refusal(scene.alice.receive(forgotten));
        assert_eq!(refused, Refusal::KeyConsumed);
    }
    assert_eq!(scene.alice.read(&texts[2]), "2");
    assert_eq!(scene.alice.read(&texts[3]), "3");
    scene.goes_on();
}

/// Shows [`Check::WaitingProposals`]: of one sender, and each proposal once.
#[test]
fn waiting_proposals() {
    let mut scene = scene(&Settings {
        waiting_proposals: 2,
        ..Settings::default()
    });
    let removal = |scene: &Scene, leaf| scene.mallory.propose(Proposal::Remove(LeafIndex(leaf)));
    for leaf in [0, 1] {
        let message = removal(&scene, leaf);
        for person in [&mut scene.alice, &mut scene.bob, &mut scene.charlie] {
            person.receive(&message).unwrap();
        }
        scene.refuse(&message, Refusal::ProposalWaits);
    }
    let message = removal(&scene, 2);
    scene.refuse(&message, Check::WaitingProposals);
    for _ in 0..2 {
        let by_bob = scene.bob.propose(ProposalIntent::Update);
        scene.alice.receive(&by_bob).unwrap();
        scene.charlie.receive(&by_bob).unwrap();
    }
    let own = scene.bob.try_propose(ProposalIntent::Update);
    let reason = StateError::Refused(Check::WaitingProposals);
    assert_eq!(refusal(own), Refusal::State(reason));
    let commit = scene.mallory.forge(Vec::new()).with_path().message();
    scene.takes(&commit);
}

/// Shows [`Check::CommitBound`].
#[test]
fn committed_proposals() {
    let mut scene = scene(&Settings {
        committed_proposals: 3,
        ..Settings::default()
    });
    let add = |seed| {
        let invitee = Invitee::new(&format!("invitee {seed}"), seed);
        Proposal::Add(Box::new(invitee.key_package))
    };
    let over = scene.mallory.forge((20..24).map(add).collect()).with_path();
    scene.refuse(&over.message(), Check::CommitBound);
    let all = scene.mallory.forge((20..23).map(add).collect()).with_path();
    scene.takes(&all.message());

    // A Welcome names keys, no more than are counted in 16 bits.
    let invitation = Invitation::default();
    let mut opened = invitation.opened();
    let id = PreSharedKeyId {
        psk: shared_psk(),
        psk_nonce: vec![7; 32].into(),
    };
    opened.group_secrets.psks = vec![id; 1 << 16];
    invitation.refuses(&invitation.sealed(opened), Check::CommitBound);
    invitation.goes_on();
}

/// So many values in a list.
fn many<T>(count: usize, value: fn(u16) -> T) -> Vec<T> {
    (0xF000..).take(count).map(value).collect()
}

fn extensions(count: usize) -> Extensions {
    let types = many(count, ExtensionType);
    types.into_iter().fold(Extensions::default(), |list, one| {
        list.with(one, b"x".as_slice())
    })
}

/// Of [`Check::ListBound`]: every list of a leaf and of a KeyPackage.
#[test]
fn lists_of_a_leaf() {
    const BOUND: usize = 8;
    let mut scene = scene(&Settings {
        listed_values: BOUND,
        ..Settings::default()
    });
    let changes: [fn(&mut KeyPackageContent, usize); 7] = [
        |content, count| {
            let own = &mut content.leaf_node.content.capabilities.versions;
            own.extend(many(count - 1, ProtocolVersion));
        },
        |content, count| {
            let own = &mut content.leaf_node.content.capabilities.cipher_suites;
            own.extend(many(count - 1, CipherSuite));
        },
        |content, count| {
            content.leaf_node.content.capabilities.extensions = many(count, ExtensionType);
        },
        |content, count| {
            content.leaf_node.content.capabilities.proposals = many(count, ProposalType);
        },
        |content, count| {
            let own = &mut content.leaf_node.content.capabilities.credentials;
            own.extend(many(count - 1, CredentialType));
        },
        |content, count| {
            content.leaf_node.content.capabilities.extensions = many(BOUND, ExtensionType);
            content.leaf_node.content.extensions = extensions(count.min(BOUND));
            if count > BOUND {
                let list = content.leaf_node.content.extensions.clone();
                content.leaf_node.content.extensions = list.identified(b"x");
            }
        },
        |content, count| {
            content.leaf_node.content.capabilities.extensions = many(BOUND, ExtensionType);
            content.extensions = extensions(count.min(BOUND));
            if count > BOUND {
                content.extensions = content.extensions.clone().identified(b"x");
            }
        },
    ];
    let changed = |change: fn(&mut KeyPackageContent, usize), count| {
        let dora = Invitee::new("dora", 9);
        let mut content = dora.key_package.content;
        change(&mut content, count);
        let package = key_package(crypto(), content, &dora.secrets.signature.private);
        Proposal::Add(Box::new(package))
    };
    for change in changes {
        let over = changed(change, BOUND + 1);
        crate::proposals::refuses_both(&mut scene, &over, Check::ListBound);
        let message = scene.mallory.propose(changed(change, BOUND));
        for person in [&mut scene.alice, &mut scene.bob, &mut scene.charlie] {
            person.receive(&message).unwrap();
        }
    }
    scene.goes_on_among(&[0, 1, 2]);
}

/// Of [`Check::ListBound`]: every list of a group's extensions.
#[test]
fn lists_of_a_group() {
    const BOUND: usize = 8;
    let settings = Settings {
        listed_values: BOUND,
        ..Settings::default()
    };
    let lists: [fn(usize) -> Extensions; 5] = [
        extensions,
        |count| {
            Extensions::default().requiring(&RequiredCapabilities {
                extensions: many(count, ExtensionType),
                ..RequiredCapabilities::default()
            })
        },
        |count| {
            Extensions::default().requiring(&RequiredCapabilities {
                proposals: many(count, ProposalType),
                ..RequiredCapabilities::default()
            })
        },
        |count| {
            Extensions::default().requiring(&RequiredCapabilities {
                credentials: many(count, CredentialType),
                ..RequiredCapabilities::default()
            })
        },
        |count| {
            let sender = |number: u16| ExternalSender {
                signature_key: number.to_be_bytes().to_vec().into(),
                credential: Credential::Basic(b"operator".as_slice().into()),
            };
            Extensions::default().admitting(&many(count, sender))
        },
    ];
    for list in lists {
        let mut scene = scene(&settings);
        let over = Proposal::GroupContextExtensions(list(BOUND + 1));
        crate::proposals::refuses_both(&mut scene, &over, Check::ListBound);
        let just = scene
            .mallory
            .propose(Proposal::GroupContextExtensions(list(BOUND)));
        for person in [&mut scene.alice, &mut scene.bob, &mut scene.charlie] {
            person.receive(&just).unwrap();
        }
        scene.goes_on_among(&[0, 1, 2]);
    }
}

/// Shows [`Check::TreeBound`]: in a commit, by oneself and by others, and in a Welcome.
#[test]
fn maximum_leaves() {
    let four = Settings {
        maximum_leaves: 4,
        ..Settings::default()
    };
    let mut scene = scene(&four);
    let dora = Invitee::new("dora", 9);
    let add = Proposal::Add(Box::new(dora.key_package.clone()));
    let over = scene.mallory.forge(vec![add.clone()]).with_path();
    scene.refuse(&over.message(), Check::TreeBound);
    let own = scene.alice.try_commit(dora.addition());
    let reason = StateError::Refused(Check::TreeBound);
    assert_eq!(refusal(own), Refusal::State(reason));
    let in_place = vec![Proposal::Remove(LeafIndex(2)), add];
    let commit = scene.mallory.forge(in_place).with_path().message();
    scene.takes(&commit);

    let invitation = Invitation::default();
    let options = JoinOptions::default();
    let welcome = invitation.welcome();
    let joined = invitation
        .dora
        .join_with(welcome, options, four, services());
    assert_eq!(refusal(joined), Check::TreeBound.into());
    let eight = Settings {
        maximum_leaves: 8,
        ..Settings::default()
    };
    let joined = invitation
        .dora
        .join_with(welcome, options, eight, services());
    assert!(joined.is_ok());
}

/// Of [`Check::GroupIdAndEpoch`]: application data of so many past epochs is read.
#[test]
fn past_epochs() {
    let mut scene = scene(&Settings {
        past_epochs: 2,
        ..Settings::default()
    });
    let oldest = scene.bob.seal("oldest");
    let _ = scene.commit(0, update());
    let old = [scene.bob.seal("old"), scene.bob.seal("old again")];
    let _ = scene.commit(0, update());
    assert_eq!(scene.charlie.read(&oldest), "oldest");
    let _ = scene.commit(2, update());
    assert_eq!(refusal(scene.alice.receive(&oldest)), Refusal::WrongEpoch);
    assert_eq!(scene.alice.read(&old[0]), "old");
    let _ = scene.commit(1, update());
    assert_eq!(refusal(scene.alice.receive(&old[1])), Refusal::WrongEpoch);
    scene.goes_on();
}

/// Of [`Check::LifetimeLength`].
#[test]
fn maximum_lifetime() {
    let maximum = Settings::default().maximum_lifetime;
    let verify = |length| {
        let lifetime = Lifetime {
            not_before: Timestamp(7),
            not_after: Timestamp(7 + length),
        };
        let mut generator = rng(9);
        let dora = member("dora", &mut generator);
        let made = KeyPackage::generate(crypto(), dora, lifetime, &mut generator);
        let package = made.unwrap().0;
        package.verify(crypto(), &Names, &Settings::default(), None)
    };
    assert!(verify(maximum).is_ok());
    let over = refusal(verify(maximum + 1));
    assert_eq!(over, Check::LifetimeLength.into());
}

/// Shows [`Check::EpochNumber`]: a group that says it is in the last epoch stays there.
#[test]
fn epoch_number() {
    let invitation = Invitation::default();
    let mut opened = invitation.opened();
    opened.group_info.content.group_context.epoch = Epoch(u64::MAX);
    let welcome = invitation.confirmed(opened);
    let mut dora = invitation.dora.join(&welcome).unwrap();
    let own = refusal(dora.try_commit(update()));
    let reason = StateError::Refused(Check::EpochNumber);
    assert_eq!(own, Refusal::State(reason));
    let mut known = Knowledge::of(&dora.group, &dora.store).unwrap();
    known.own = LeafIndex(3);
    known.signature = invitation.scene.mallory.knowledge().signature;
    let commit = Forgery::new(known, Vec::new()).with_path();
    let before = dora.store.clone();
    let refused = refusal(dora.receive(&commit.message()));
    assert_eq!(refused, Check::EpochNumber.into());
    assert_eq!(dora.store, before);
}
