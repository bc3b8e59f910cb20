//! Pre-shared keys, successors, branches, and how groups begin (RFC 9420 §8.4, §8.6, §11).

use crate::lists::successor;
use folkmoot_mls::hazmat::{Knowledge, OpenedWelcome};
use folkmoot_mls::{
    Check, CipherSuite, CommitBundle, CommitIntent, Delta, Epoch, Extensions, Group, GroupId,
    JoinOptions, KeyPackage, LeafIndex, MessageBody, MlsMessage, NewMembers, NoRecords,
    OwnKeyPackage, PreSharedKeyId, Proposal, ProtocolVersion, Psk, ReInit, ResumptionPskUsage,
    Settings, StateError, Supported,
};
use folkmoot_sim::{
    Invitee, Names, Person, Refusal, Scene, all_go_on, crypto, lifetime, member, refusal, reseal,
    rng, services, sign_group_info, update,
};

/// The scene's members anew, alice first.
fn invitees(names: &[&str]) -> Vec<Invitee> {
    let seeds = 40..;
    names
        .iter()
        .zip(seeds)
        .map(|(name, seed)| Invitee::new(name, seed))
        .collect()
}

fn new_members(others: &[Invitee]) -> NewMembers {
    NewMembers {
        founder: member("alice", &mut rng(39)),
        lifetime: lifetime(),
        others: others.iter().map(Invitee::verified).collect(),
    }
}

/// Bob, charlie and mallory.
fn others() -> Vec<Invitee> {
    invitees(&["bob", "charlie", "mallory"])
}

fn ended(scene: &mut Scene) {
    ended_by(scene, successor());
}

fn ended_by(scene: &mut Scene, reinit: ReInit) {
    let _ = scene.commit(
        0,
        CommitIntent {
            reinit: Some(reinit),
            ..CommitIntent::default()
        },
    );
}

fn begin_successor(scene: &Scene, others: &[Invitee]) -> (Person, CommitBundle) {
    let (members, settings) = (new_members(others), Settings::default());
    let old = &scene.alice.group;
    let begun = old.begin_successor(
        crypto(),
        members,
        settings,
        services().with_records(&scene.alice.store),
        &mut rng(38),
    );
    let (group, bundle, delta) = begun.unwrap();
    (founder((group, delta)), bundle)
}

/// Alice in a group that she founded, whose first commit nobody has to accept but her.
fn founder(founded: (Group, Delta)) -> Person {
    let mut alice = Person::new(founded, rng(37), Settings::default());
    alice.accept();
    alice
}

fn begin_branch(scene: &Scene, others: &[Invitee]) -> (Person, CommitBundle) {
    let id = GroupId::new(b"branch".to_vec());
    let members = new_members(others);
    let extensions = Extensions::default();
    let old = &scene.alice.group;
    let begun = old.begin_branch(
        id,
        extensions,
        members,
        services().with_records(&scene.alice.store),
        &mut rng(38),
    );
    let (group, bundle, delta) = begun.unwrap();
    (founder((group, delta)), bundle)
}

fn join(
    invitee: &Invitee,
    welcome: &MlsMessage,
    predecessor: Option<&Person>,
) -> Result<Person, folkmoot_mls::Error> {
    let options = JoinOptions {
        tree: None,
        predecessor: predecessor.map(|person| &person.group),
    };
    let services = match predecessor {
        Some(person) => services().with_records(&person.store),
        None => services(),
    };
    invitee.join_with(welcome, options, Settings::default(), services)
}

/// A Welcome for `invitee` of a group that alice founded, opened, changed, and made right again.
fn changed(
    (scene, founder): (&Scene, &Person),
    (bundle, invitee): (&CommitBundle, &Invitee),
    change: impl FnOnce(&mut OpenedWelcome),
) -> MlsMessage {
    let Some(MlsMessage {
        body: MessageBody::Welcome(welcome),
    }) = &bundle.welcome
    else {
        panic!("no Welcome")
    };
    let old = &scene.alice.group;
    let key = old.resumption_psk(old.epoch()).unwrap().clone();
    let id = named_psk(welcome, invitee);
    let psks = vec![(id, key)];
    let mut opened = OpenedWelcome::open(crypto(), welcome, invitee.own(), &psks).unwrap();
    change(&mut opened);
    let tag = opened.confirmation_tag(crypto());
    opened.group_info.content.confirmation_tag = tag.into();
    let signing = Knowledge::of(&founder.group, &founder.store)
        .unwrap()
        .signature
        .private;
    opened.group_info = sign_group_info(crypto(), opened.group_info.content, &signing);
    reseal(crypto(), &opened, &invitee.key_package)
}

/// The only key that a Welcome names.
fn named_psk(welcome: &folkmoot_mls::Welcome, invitee: &Invitee) -> PreSharedKeyId {
    let reference = invitee.key_package.reference(crypto());
    let mut entries = welcome.secrets.iter();
    let entry = entries.find(|entry| entry.new_member == reference).unwrap();
    let context = welcome.encrypted_group_info.as_slice();
    let sealed = &entry.encrypted_group_secrets;
    let private = &invitee.secrets.init_private;
    let opened = folkmoot_mls::decrypt_with_label(crypto(), private, "Welcome", context, sealed);
    let opened = opened.unwrap();
    let secrets: folkmoot_mls::GroupSecrets =
        folkmoot_mls::hazmat::from_bytes(opened.expose()).unwrap();
    secrets.psks[0].clone()
}

/// Shows [`Check::ReInitWelcome`].
#[test]
fn re_init_welcome() {
    let mut scene = Scene::default();
    ended(&mut scene);
    let others = others();
    let (mut alice, bundle) = begin_successor(&scene, &others);
    let old = Some(&scene.bob);
    let refuses = |change: &dyn Fn(&mut OpenedWelcome)| {
        let welcome = changed((&scene, &alice), (&bundle, &others[0]), change);
        assert_eq!(
            refusal(join(&others[0], &welcome, old)),
            Check::ReInitWelcome.into()
        );
    };
    refuses(&|opened| {
        let context = &mut opened.group_info.content.group_context;
        context.extensions = Extensions::default().identified(b"x");
    });
    refuses(&|opened| {
        let context = &mut opened.group_info.content.group_context;
        context.group_id = GroupId::new(b"another".to_vec());
    });
    let unchanged = changed((&scene, &alice), (&bundle, &others[0]), |_| ());
    assert!(join(&others[0], &unchanged, old).is_ok());
    let welcome = bundle.welcome.unwrap();
    let olds = [&scene.bob, &scene.charlie, &scene.mallory.person];
    let joined = others.iter().zip(olds);
    let joined = joined.map(|(one, old)| join(one, &welcome, Some(old)).unwrap());
    let mut joined: Vec<_> = joined.collect();
    let mut people: Vec<_> = joined.iter_mut().collect();
    people.push(&mut alice);
    all_go_on(&mut people);
}

/// Of [`Check::ReInitWelcome`] and [`Check::ProtocolVersion`]: the version and the cipher suite that
/// were announced.
#[test]
fn re_init_parameters() {
    let announced = [
        ReInit {
            version: ProtocolVersion(2),
            ..successor()
        },
        ReInit {
            cipher_suite: CipherSuite(3),
            ..successor()
        },
    ];
    let reasons = [
        StateError::Refused(Check::ProtocolVersion),
        StateError::UnknownSuite,
    ];
    for (reinit, reason) in announced.into_iter().zip(reasons) {
        let mut scene = Scene::default();
        ended_by(&mut scene, reinit);
        let (members, settings) = (new_members(&others()), Settings::default());
        let old = &scene.alice.group;
        let begun = old.begin_successor(
            crypto(),
            members,
            settings,
            services().with_records(&scene.alice.store),
            &mut rng(38),
        );
        assert_eq!(refusal(begun), Refusal::State(reason));

        let others = others();
        let packages: Vec<_> = others.iter().map(|one| &one.key_package).collect();
        let id = founding(ResumptionPskUsage::ReInit, &scene.alice);
        let welcome = founded_by_alice(&scene, &packages, id);
        let joined = join(&others[0], &welcome, Some(&scene.bob));
        assert_eq!(refusal(joined), Check::ReInitWelcome.into());
    }
}

/// Shows [`Check::ReInitMembers`].
#[test]
fn re_init_members() {
    let mut scene = Scene::default();
    ended(&mut scene);
    let some = invitees(&["bob", "charlie"]);
    let settings = Settings::default();
    let members = new_members(&some);
    let old = &scene.alice.group;
    let begun = old.begin_successor(
        crypto(),
        members,
        settings,
        services().with_records(&scene.alice.store),
        &mut rng(38),
    );
    let reason = StateError::Refused(Check::ReInitMembers);
    assert_eq!(refusal(begun), Refusal::State(reason));

    // Founded by one who leaves charlie and mallory out.
    let bob = Invitee::new("bob", 41);
    let id = founding(ResumptionPskUsage::ReInit, &scene.alice);
    let welcome = founded_by_alice(&scene, &[&bob.key_package], id);
    let joined = join(&bob, &welcome, Some(&scene.bob));
    assert_eq!(refusal(joined), Check::ReInitMembers.into());

    // By the key of an epoch before the last.
    let all = others();
    let packages: Vec<_> = all.iter().map(|one| &one.key_package).collect();
    let mut id = founding(ResumptionPskUsage::ReInit, &scene.alice);
    let last = id.clone();
    if let Psk::Resumption(_, _, epoch) = &mut id.psk {
        epoch.0 -= 1;
    }
    let welcome = founded_by_alice(&scene, &packages, id);
    let joined = join(&all[0], &welcome, Some(&scene.bob));
    assert_eq!(refusal(joined), Check::ReInitMembers.into());
    let welcome = founded_by_alice(&scene, &packages, last);
    assert!(join(&all[0], &welcome, Some(&scene.bob)).is_ok());

    // Of a group that goes on.
    let mut on = Scene::default();
    let _ = on.commit(2, update());
    let id = founding(ResumptionPskUsage::ReInit, &on.alice);
    let welcome = founded_by_alice(&on, &[&bob.key_package], id);
    let joined = join(&bob, &welcome, Some(&on.bob));
    assert_eq!(refusal(joined), Check::ReInitMembers.into());
}

/// The key of a member's current epoch for this use.
fn founding(usage: ResumptionPskUsage, person: &Person) -> PreSharedKeyId {
    let group = &person.group;
    PreSharedKeyId {
        psk: Psk::Resumption(usage, group.group_id().clone(), group.epoch()),
        psk_nonce: vec![7; 32].into(),
    }
}

/// A Welcome for the first of `added`, into a group that alice founds with no regard to any rule.
fn founded_by_alice(scene: &Scene, added: &[&KeyPackage], id: PreSharedKeyId) -> MlsMessage {
    let founder = member("alice", &mut rng(39));
    let group_id = match &id.psk {
        Psk::Resumption(ResumptionPskUsage::ReInit, ..) => successor().group_id,
        _ => GroupId::new(b"branch".to_vec()),
    };
    let own = (founder.clone(), lifetime());
    let extensions = Extensions::default();
    let settings = Settings::default();
    let crypto = folkmoot_crypto::provider(added[0].content.cipher_suite).unwrap();
    let created = Group::create(
        crypto,
        group_id,
        own,
        extensions,
        settings,
        &Names,
        &mut rng(38),
    );
    let (group, _) = created.unwrap();
    let mut list: Vec<_> = added
        .iter()
        .map(|package| Proposal::Add(Box::new((*package).clone())))
        .collect();
    list.push(Proposal::PreSharedKey(id.clone()));
    let mut commit = folkmoot_sim::Forgery::new(Knowledge::of(&group, &NoRecords).unwrap(), list);
    let old = &scene.alice.group;
    let Psk::Resumption(_, _, epoch) = id.psk else {
        panic!("no resumption key")
    };
    commit.psks = vec![(id, old.resumption_psk(epoch).unwrap().clone())];
    commit.welcome(added[0], &founder.signature.private)
}

/// Shows [`Check::BranchWelcome`].
#[test]
fn branch_welcome() {
    let scene = Scene::default();
    let (bob, eve) = (Invitee::new("bob", 41), Invitee::new("eve", 42));
    let stranger = new_members(&[bob.clone(), eve.clone()]);
    let (id, extensions) = (GroupId::new(b"branch".to_vec()), Extensions::default());
    let old = &scene.alice.group;
    let begun = old.begin_branch(
        id,
        extensions,
        stranger,
        services().with_records(&scene.alice.store),
        &mut rng(38),
    );
    let reason = StateError::Refused(Check::BranchWelcome);
    assert_eq!(refusal(begun), Refusal::State(reason));

    let id = founding(ResumptionPskUsage::Branch, &scene.alice);
    let packages = [&bob.key_package, &eve.key_package];
    let welcome = founded_by_alice(&scene, &packages, id.clone());
    let joined = join(&bob, &welcome, Some(&scene.bob));
    assert_eq!(refusal(joined), Check::BranchWelcome.into());
    let among_members = founded_by_alice(&scene, &packages[..1], id.clone());
    assert!(join(&bob, &among_members, Some(&scene.bob)).is_ok());

    // Of another cipher suite than its parent's.
    let other_suite = folkmoot_crypto::provider(CipherSuite(3)).unwrap();
    let bob = member("bob", &mut rng(41));
    let made = KeyPackage::generate(other_suite, bob, lifetime(), &mut rng(43));
    let (key_package, secrets) = made.unwrap();
    let welcome = founded_by_alice(&scene, &[&key_package], id);
    let MessageBody::Welcome(welcome) = welcome.body else {
        panic!("no Welcome")
    };
    let own = OwnKeyPackage {
        key_package: &key_package,
        secrets: &secrets,
    };
    let options = JoinOptions {
        tree: None,
        predecessor: Some(&scene.bob.group),
    };
    let settings = Settings::default();
    let services = services().with_records(&scene.bob.store);
    let joined = Group::join(other_suite, &welcome, own, options, settings, services);
    assert_eq!(refusal(joined), Check::BranchWelcome.into());
}

/// Shows [`Check::SuccessorEpoch`].
#[test]
fn successor_epoch() {
    let scene = Scene::default();
    let others = invitees(&["bob"]);
    let (mut alice, bundle) = begin_branch(&scene, &others);
    for epoch in [0, 2] {
        let later = |opened: &mut OpenedWelcome| {
            opened.group_info.content.group_context.epoch = Epoch(epoch);
        };
        let welcome = changed((&scene, &alice), (&bundle, &others[0]), later);
        let joined = join(&others[0], &welcome, Some(&scene.bob));
        assert_eq!(refusal(joined), Check::SuccessorEpoch.into());
    }
    let honest = bundle.welcome.unwrap();
    let mut bob = join(&others[0], &honest, Some(&scene.bob)).unwrap();
    all_go_on(&mut [&mut alice, &mut bob]);
}

/// Shows [`Check::ResumptionUsage`].
#[test]
fn resumption_usage() {
    let mut scene = Scene::default();
    let others = invitees(&["bob"]);
    let (_, bundle) = begin_branch(&scene, &others);
    let welcome = bundle.welcome.unwrap();
    let nowhere = join(&others[0], &welcome, None);
    assert_eq!(refusal(nowhere), Check::ResumptionUsage.into());
    let created = Group::create(
        crypto(),
        GroupId::new(b"unrelated".to_vec()),
        (member("bob", &mut rng(60)), lifetime()),
        Extensions::default(),
        Settings::default(),
        &Names,
        &mut rng(61),
    );
    let unrelated = Person::new(created.unwrap(), rng(62), Settings::default());
    let of_another = join(&others[0], &welcome, Some(&unrelated));
    assert_eq!(refusal(of_another), Check::ResumptionUsage.into());
    for usage in [ResumptionPskUsage::ReInit, ResumptionPskUsage::Branch] {
        let id = founding(usage, &scene.alice);
        let key = scene.mallory.knowledge().resumption_psk;
        let mut commit = scene
            .mallory
            .forge(vec![Proposal::PreSharedKey(id.clone())]);
        commit.psks = vec![(id, key)];
        scene.refuse(&commit.message(), Check::PskProposal);
    }
    scene.goes_on();
}

/// Shows [`Check::ResumptionBound`].
#[test]
fn resumption_bound() {
    let settings = Settings {
        resumption_epochs: 2,
        ..Settings::default()
    };
    let mut scene = Scene::with(Extensions::default(), &settings);
    let first = scene.alice.group.epoch();
    let key = scene.alice.group.resumption_psk(first).unwrap().clone();
    for _ in 0..2 {
        let _ = scene.commit(1, update());
        assert_eq!(scene.alice.group.resumption_psk(first), Some(&key));
        assert!(scene.alice.store.contains(key.expose()));
    }
    let _ = scene.commit(1, update());
    for person in scene.everyone() {
        assert!(person.group.resumption_psk(first).is_none());
        assert!(!person.store.contains(key.expose()));
    }
}

/// Shows [`Check::GroupCreation`].
#[test]
fn group_creation() {
    let create = |seed| {
        let mut generator = rng(seed);
        let alice = member("alice", &mut rng(1));
        let id = GroupId::new(b"group".to_vec());
        let (extensions, settings) = (Extensions::default(), Settings::default());
        let own = (alice, lifetime());
        let made = Group::create(
            crypto(),
            id,
            own,
            extensions,
            settings,
            &Names,
            &mut generator,
        );
        Knowledge::of(&made.unwrap().0, &NoRecords).unwrap()
    };
    let (one, other) = (create(2), create(3));
    assert_eq!(one.context.epoch, Epoch(0));
    assert_eq!(one.tree.member_count(), 1);
    assert!(one.tree.leaf(LeafIndex(0), &NoRecords).unwrap().is_some());
    assert!(one.context.confirmed_transcript_hash.as_slice().is_empty());
    let tag = crypto().mac(one.confirmation_key.expose(), b"");
    assert_eq!(one.confirmation_tag, tag);
    let interim = crypto().hash(&[&[32][..], &tag].concat());
    assert_eq!(one.interim_transcript_hash, interim);
    assert!(one.init_secret != other.init_secret);
    assert!(one.membership_key != other.membership_key);
}

/// Shows [`Check::BestCommonSuite`].
#[test]
fn best_common_suite() {
    let better = CipherSuite(3);
    let settings = Settings {
        preferred_suites: vec![better, crypto().suite()],
        ..Settings::default()
    };
    let mut alice = Person::create("alice", Extensions::default(), settings);
    let capable = |seed, cipher_suites| {
        let mut generator = rng(seed);
        let bob = member("bob", &mut generator).supporting(Supported {
            cipher_suites,
            ..Supported::default()
        });
        Invitee::of(bob, generator)
    };
    let worse = alice.try_commit(capable(5, vec![better]).addition());
    let reason = StateError::Refused(Check::BestCommonSuite);
    assert_eq!(refusal(worse), Refusal::State(reason));
    assert!(alice.try_commit(capable(6, vec![]).addition()).is_ok());
}

/// Shows [`Check::GroupIdRandom`].
#[test]
fn group_id_random() {
    let mut generator = rng(1);
    let [one, other] = [(); 2].map(|()| Group::random_id(crypto(), &mut generator));
    assert_eq!(one.as_slice().len(), crypto().hash_length());
    assert_ne!(one, other);
}

/// Shows [`Check::MandatorySuite`].
#[test]
fn mandatory_suite() {
    let mandatory = folkmoot_crypto::provider(CipherSuite(1)).unwrap();
    assert_eq!(mandatory.suite(), crypto().suite());
}
