//! Those who are no members: joiners by commit, external senders, new members who propose themselves,
//! observers.

use crate::kit::{Invitee, Memory, Names, Person, add, agree, member, rng, services};
use folkmoot_crypto::{SignatureKeyPair, suite_one};
use folkmoot_mls::*;

fn public() -> Settings {
    Settings {
        handshakes: WireFormat::PublicMessage,
        ..Settings::default()
    }
}

fn group_info(message: &MlsMessage) -> GroupInfo {
    match MlsMessage::decode(&message.encode()).unwrap().body {
        MessageBody::GroupInfo(group_info) => group_info,
        other => panic!("{other:?}"),
    }
}

/// `name` joins by a commit; the group is as the joiner has it before anybody accepted.
fn join_by_commit(
    name: &str,
    through: &Person,
    replaces: Option<LeafIndex>,
    psks: Vec<Psk>,
) -> Result<(Person, MlsMessage), Error> {
    let mut generator = rng(700 + name.len() as u64);
    let info = group_info(&through.group.group_info(true, &through.store).unwrap());
    let join = ExternalJoin {
        group_info: &info,
        tree: None,
        member: member(name, &mut generator),
        replaces,
        psks,
        authenticated_data: b"joining",
        self_removals: &[],
        app_data: Vec::new(),
        ephemeral: Vec::new(),
    };
    let (group, commit, delta) = Group::join_by_commit(
        suite_one(),
        join,
        through.settings.clone(),
        services(),
        &mut generator,
    )?;
    let mut store = Memory::default();
    store.apply(delta);
    let mut person = Person {
        group,
        store,
        rng: generator,
        settings: through.settings.clone(),
    };
    person.reload();
    Ok((person, commit))
}

fn trio() -> (Person, Person, Person) {
    let mut alice = Person::create("alice", public());
    let mut bob = add(&mut alice, &mut [], Invitee::new("bob", 1));
    let charlie = add(&mut alice, &mut [&mut bob], Invitee::new("charlie", 2));
    (alice, bob, charlie)
}

#[test]
fn a_newcomer_joins_by_its_own_commit() {
    let (mut alice, mut bob, mut charlie) = trio();
    let psk = Psk::External(b"shared".as_slice().into());
    let (mut dora, commit) = join_by_commit("dora", &bob, None, vec![psk]).unwrap();
    for person in [&mut alice, &mut bob, &mut charlie] {
        let content = person.receive(&commit).unwrap();
        let IncomingContent::Commit(summary) = content else {
            panic!("no commit")
        };
        assert!(summary.joins && summary.removed.is_empty());
        assert_eq!(summary.sender, dora.group.own_index());
        assert_eq!(summary.authenticated_data, b"joining");
    }
    agree(&[&alice, &bob, &charlie, &dora]);
    let hello = dora.seal("here I am");
    assert_eq!(alice.read(&hello), "here I am");
    let bundle = dora.commit(CommitIntent {
        remove: vec![bob.group.own_index()],
        ..CommitIntent::default()
    });
    dora.accept();
    charlie.receive(&bundle.commit).unwrap();
    agree(&[&charlie, &dora]);
}

#[test]
fn a_member_that_lost_its_state_replaces_itself() {
    let (mut alice, mut bob, charlie) = trio();
    let old = charlie.group.own_index();
    let (again, commit) = join_by_commit("charlie", &alice, Some(old), vec![]).unwrap();
    alice.receive(&commit).unwrap();
    bob.receive(&commit).unwrap();
    agree(&[&alice, &bob, &again]);
    assert_eq!(alice.group.members(&alice.store).unwrap().count(), 3);
    let mut charlie = charlie;
    let content = charlie.receive(&commit).unwrap();
    assert!(matches!(content, IncomingContent::Commit(summary) if summary.self_removed));
    let stolen = join_by_commit("dora", &alice, Some(bob.group.own_index()), vec![]);
    assert!(matches!(
        stolen.map(drop),
        Err(Error::State(StateError::Refused(
            Check::CredentialSuccession
        )))
    ));
}

/// A group that names one external sender, and that sender's keys.
fn with_external_sender() -> (Person, Person, SignatureKeyPair) {
    let (mut alice, mut bob, _) = trio();
    let mut generator = rng(800);
    let keys = suite_one()
        .generate_signature_key_pair(&mut generator)
        .unwrap();
    let sender = ExternalSender {
        signature_key: keys.public.as_slice().into(),
        credential: Credential::Basic(b"the office".as_slice().into()),
    };
    let bundle = alice.commit(CommitIntent {
        extensions: Some(Extensions::default().admitting(&vec![sender])),
        ..CommitIntent::default()
    });
    bob.receive(&bundle.commit).unwrap();
    alice.accept();
    agree(&[&alice, &bob]);
    (alice, bob, keys)
}

fn outside(person: &Person) -> OutsideProposal {
    OutsideProposal {
        group_id: person.group.group_id().clone(),
        epoch: person.group.epoch(),
        authenticated_data: Vec::new(),
    }
}

#[test]
fn an_external_sender_proposes_and_members_commit() {
    let (mut alice, mut bob, keys) = with_external_sender();
    let charlie = LeafIndex(2);
    let proposal = outside(&alice)
        .by_external_sender(suite_one(), 0, &keys.private, Proposal::Remove(charlie))
        .unwrap();
    for person in [&mut alice, &mut bob] {
        let content = person.receive(&proposal).unwrap();
        assert!(
            matches!(
                content,
                IncomingContent::Proposal {
                    sender: Sender::External(0),
                    ..
                }
            ),
            "{content:?}"
        );
        assert!(person.group.has_proposals_to_commit());
    }
    let bundle = bob.commit(CommitIntent::default());
    alice.receive(&bundle.commit).unwrap();
    bob.accept();
    agree(&[&alice, &bob]);
    assert!(alice.group.member(charlie, &alice.store).unwrap().is_none());
    let leaf = bob
        .group
        .member(bob.group.own_index(), &bob.store)
        .unwrap()
        .unwrap();
    let update = Proposal::Update(Box::new(LeafNode::clone(leaf)));
    let refused = outside(&alice).by_external_sender(suite_one(), 0, &keys.private, update);
    assert!(matches!(
        refused,
        Err(Error::State(StateError::Refused(
            Check::ExternalSenderContent
        )))
    ));
}

#[test]
fn a_newcomer_proposes_itself() {
    let (mut alice, mut bob, mut charlie) = trio();
    let dora = Invitee::new("dora", 3);
    let proposal = outside(&alice)
        .by_new_member(
            suite_one(),
            dora.key_package.clone(),
            &dora.secrets.signature.private,
        )
        .unwrap();
    for person in [&mut alice, &mut bob, &mut charlie] {
        person.receive(&proposal).unwrap();
    }
    let bundle = charlie.commit(CommitIntent::default());
    alice.receive(&bundle.commit).unwrap();
    bob.receive(&bundle.commit).unwrap();
    charlie.accept();
    let dora = dora.join(&bundle.welcome.unwrap(), public()).unwrap();
    agree(&[&alice, &bob, &charlie, &dora]);
}

/// An observer that is restored from its records after every step.
struct Watch {
    observer: Observer,
    store: Memory,
}

impl Watch {
    fn begin(group_info: GroupInfo) -> Self {
        let (observer, delta) =
            Observer::begin(suite_one(), group_info, None, public(), &Names).unwrap();
        let mut store = Memory::default();
        store.apply(delta);
        Self { observer, store }
    }

    fn reload(&mut self, delta: Delta) {
        self.store.apply(delta);
        self.observer = Observer::load(suite_one(), &self.store, public()).unwrap();
    }

    fn receive(&mut self, message: &MlsMessage) {
        let observed = self
            .observer
            .receive(message.clone(), services().with_records(&self.store))
            .unwrap();
        let delta = self.observer.apply(observed).unwrap();
        self.reload(delta);
    }

    fn publish(&mut self, person: &Person) {
        let info = group_info(&person.group.group_info(false, &person.store).unwrap());
        let delta = self.observer.publish(info, &self.store).unwrap();
        self.reload(delta);
    }
}

#[test]
fn an_observer_follows_and_brings_joiners_in() {
    let (mut alice, mut bob, mut charlie) = trio();
    let mut watch = Watch::begin(group_info(
        &alice.group.group_info(true, &alice.store).unwrap(),
    ));
    let update = bob.propose(ProposalIntent::Update);
    watch.receive(&update);
    alice.receive(&update).unwrap();
    charlie.receive(&update).unwrap();
    let bundle = alice.commit(CommitIntent {
        add: vec![Invitee::new("erin", 4).verified()],
        ..CommitIntent::default()
    });
    watch.receive(&bundle.commit);
    assert!(watch.observer.group_info().is_none(), "it is outdated");
    bob.receive(&bundle.commit).unwrap();
    charlie.receive(&bundle.commit).unwrap();
    alice.accept();
    agree(&[&alice, &bob, &charlie]);
    assert_eq!(watch.observer.context(), alice.group.context());
    assert_eq!(watch.observer.members(&watch.store).unwrap().count(), 4);

    watch.publish(&bob);
    let mut generator = rng(900);
    let tree = watch.observer.ratchet_tree(&watch.store).unwrap();
    let join = ExternalJoin {
        group_info: watch.observer.group_info().unwrap(),
        tree: Some(&tree),
        member: member("dora", &mut generator),
        replaces: None,
        psks: vec![],
        authenticated_data: b"",
        self_removals: &[],
        app_data: Vec::new(),
        ephemeral: Vec::new(),
    };
    let (dora, commit, _) =
        Group::join_by_commit(suite_one(), join, public(), services(), &mut generator).unwrap();
    watch.receive(&commit);
    charlie.receive(&commit).unwrap();
    assert_eq!(
        dora.epoch_authenticator(),
        charlie.group.epoch_authenticator()
    );
    assert_eq!(watch.observer.context(), dora.context());
}

#[test]
fn an_observer_refuses_what_members_refuse() {
    let (mut alice, mut bob, _) = trio();
    let watch = Watch::begin(group_info(
        &alice.group.group_info(true, &alice.store).unwrap(),
    ));
    let stale = group_info(&alice.group.group_info(true, &alice.store).unwrap());
    let commit = bob.commit(CommitIntent::default()).commit;
    let bytes = commit.encode();
    let mut refused = 0;
    for place in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[place] ^= 1;
        let Ok(message) = MlsMessage::decode(&changed) else {
            continue;
        };
        let observed = watch
            .observer
            .receive(message.clone(), services().with_records(&watch.store))
            .is_ok();
        // Nothing but the tags is beyond an observer.
        let believed = alice
            .group
            .receive(message, services().with_records(&alice.store))
            .is_ok();
        assert!(!believed);
        refused += usize::from(!observed);
    }
    assert!(refused > 100, "{refused}");
    let sealed = alice.seal("not for observers");
    assert!(
        watch
            .observer
            .receive(sealed, services().with_records(&watch.store))
            .is_err()
    );

    let mut watch = watch;
    watch.receive(&commit);
    let old = watch.observer.publish(stale, &watch.store);
    assert!(matches!(old, Err(Error::Invalid(Check::GroupIdAndEpoch))));
}
