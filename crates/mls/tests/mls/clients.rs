//! Who is the same client as whom is the Authentication Service's to say.

use crate::kit::{Invitee, Names, Person, add, lifetime, member, new_identity, rng, services};
use folkmoot_crypto::suite_one;
use folkmoot_mls::*;

/// Vouches as [`Names`] does, but tells nobody apart: no credential names a client.
struct Nameless;

impl AuthenticationService for Nameless {
    fn validate(
        &self,
        credential: &Credential,
        key: &[u8],
        at: Option<Timestamp>,
    ) -> Result<(), CredentialRejected> {
        Names.validate(credential, key, at)
    }

    fn client(&self, _: &Credential) -> Option<ClientId> {
        None
    }

    fn succeeds(&self, old: &Credential, new: &Credential) -> bool {
        old == new
    }
}

fn twice(name: &str) -> CommitIntent {
    let add = [3, 4].map(|seed| Invitee::new(name, seed).verified());
    CommitIntent {
        add: add.into(),
        ..CommitIntent::default()
    }
}

/// The founder and one other, with fresh keys.
fn new_members(founder: &str, other: &str) -> NewMembers {
    NewMembers {
        founder: member(founder, &mut rng(11)),
        lifetime: lifetime(),
        others: vec![Invitee::new(other, 12).verified()],
    }
}

#[test]
fn credentials_without_a_client_are_nobody_elses() {
    let mut alice = Person::create("alice", Settings::default());
    let committed = alice.group.commit(
        twice("dora"),
        b"",
        services().with_records(&alice.store),
        &mut alice.rng,
    );
    assert!(matches!(
        committed.unwrap_err(),
        Error::State(StateError::Refused(Check::AddsDistinct))
    ));
    for name in ["dora", "alice"] {
        let mut person = Person::create("alice", Settings::default());
        let committed = person
            .group
            .commit(twice(name), b"", &Nameless, &mut person.rng);
        assert_eq!(committed.unwrap().0.added.len(), 2, "{name}");
    }
}

#[test]
fn a_branch_is_of_members_that_have_a_client() {
    let mut alice = Person::create("alice", Settings::default());
    let _bob = add(&mut alice, &mut [], Invitee::new("bob", 1));
    let branch = |services: &dyn AuthenticationService, other: &str| {
        let members = new_members("alice", other);
        let id = GroupId::new(b"branch".to_vec());
        let extensions = Extensions::default();
        let begun = alice.group.begin_branch(
            id,
            extensions,
            members,
            Services::from(services).with_records(&alice.store),
            &mut rng(13),
        );
        begun.map(|(_, bundle, _)| bundle.added.len())
    };
    assert_eq!(branch(&Names, "bob").unwrap(), 1);
    for refused in [branch(&Names, "carol"), branch(&Nameless, "bob")] {
        assert!(matches!(
            refused.unwrap_err(),
            Error::State(StateError::Refused(Check::BranchWelcome))
        ));
    }
}

#[test]
fn a_successor_keeps_everyone_who_has_a_client() {
    let mut alice = Person::create("alice", Settings::default());
    let _bob = add(&mut alice, &mut [], Invitee::new("bob", 1));
    let _ = alice.commit(CommitIntent {
        reinit: Some(ReInit {
            group_id: GroupId::new(b"next".to_vec()),
            version: ProtocolVersion::MLS_10,
            cipher_suite: suite_one().suite(),
            extensions: Extensions::default(),
        }),
        ..CommitIntent::default()
    });
    alice.accept();
    let begin = |services: &dyn AuthenticationService, other: &str| {
        let members = new_members("alice", other);
        let settings = Settings::default();
        let begun = alice.group.begin_successor(
            suite_one(),
            members,
            settings,
            Services::from(services).with_records(&alice.store),
            &mut rng(13),
        );
        begun.map(|(_, bundle, _)| bundle.added.len())
    };
    assert_eq!(begin(&Names, "bob").unwrap(), 1);
    for refused in [begin(&Names, "carol"), begin(&Nameless, "bob")] {
        assert!(matches!(
            refused.unwrap_err(),
            Error::State(StateError::Refused(Check::ReInitMembers))
        ));
    }
}

/// Vouches for everyone at these moments.
struct Moments(&'static [Option<Timestamp>]);

impl AuthenticationService for Moments {
    fn validate(
        &self,
        _: &Credential,
        _: &[u8],
        at: Option<Timestamp>,
    ) -> Result<(), CredentialRejected> {
        let vouches = self.0.contains(&at).then_some(());
        vouches.ok_or_else(|| CredentialRejected("not at this moment".into()))
    }

    fn client(&self, credential: &Credential) -> Option<ClientId> {
        Names.client(credential)
    }

    fn succeeds(&self, old: &Credential, new: &Credential) -> bool {
        Names.client(old) == Names.client(new)
    }
}

const NOW: Option<Timestamp> = Some(Timestamp(1_500));
const LATER: Option<Timestamp> = Some(Timestamp(1_501));

#[test]
fn whom_the_others_would_refuse_is_not_added() {
    let package = Invitee::new("bob", 1).key_package;
    // By the clock alone, which the others do not have.
    let verified = package.verify(suite_one(), &Moments(&[NOW]), &Settings::default(), NOW);
    assert!(matches!(verified, Err(Error::Credential(_))));
}

#[test]
fn a_commit_asks_for_its_own_moment() {
    let (today, always) = (Moments(&[NOW, None]), Moments(&[NOW, LATER, None]));
    let mut alice = Person::create("alice", Settings::default());
    let mut commit = |verified_at, at, services: &dyn AuthenticationService| {
        let package = Invitee::new("bob", 1).key_package;
        let verified = package.verify(suite_one(), &always, &Settings::default(), verified_at);
        let intent = CommitIntent {
            add: vec![verified.unwrap()],
            at,
            ..CommitIntent::default()
        };
        let services = Services::from(services).with_records(&alice.store);
        let made = alice.group.commit(intent, b"", services, &mut alice.rng);
        let made = made.map(|_| ());
        let _ = alice.group.discard_pending();
        made
    };
    for (verified_at, at) in [(NOW, NOW), (NOW, None), (None, NOW), (LATER, NOW)] {
        commit(verified_at, at, &today).unwrap();
    }
    for verified_at in [NOW, None] {
        let refused = commit(verified_at, LATER, &today);
        assert!(matches!(refused, Err(Error::Credential(_))), "{refused:?}");
    }
    commit(NOW, LATER, &always).unwrap();
}

/// RFC 9420 §5.3.1: a credential is validated when it is new.
#[test]
fn who_is_known_is_not_asked_about_again() {
    let nobody = Moments(&[]);
    let mut alice = Person::create("alice", Settings::default());
    let mut bob = add(&mut alice, &mut [], Invitee::new("bob", 1));
    let examine = |bob: &Person, message: &MlsMessage, services: &dyn AuthenticationService| {
        let services = Services::from(services).with_records(&bob.store);
        bob.group.receive(message.clone(), services).map(|_| ())
    };
    let fresh_keys = CommitIntent {
        force_path: true,
        ..CommitIntent::default()
    };
    let commit = alice.commit(fresh_keys).commit;
    examine(&bob, &commit, &nobody).unwrap();
    bob.receive(&commit).unwrap();
    alice.accept();
    let update = alice.propose(ProposalIntent::Update);
    examine(&bob, &update, &nobody).unwrap();
    // The same credential with another key is new, and so is a joiner's.
    let renewed = CommitIntent {
        identity: Some(new_identity("alice", 5)),
        ..CommitIntent::default()
    };
    let commit = alice.commit(renewed).commit;
    alice.group.discard_pending().changes.clear();
    let update = alice.propose(ProposalIntent::Renew(new_identity("alice", 6)));
    for message in [commit, update] {
        let refused = examine(&bob, &message, &nobody);
        assert!(matches!(refused, Err(Error::Credential(_))), "{refused:?}");
        examine(&bob, &message, &Names).unwrap();
    }
}

#[test]
fn a_key_package_of_another_suite_is_not_added() {
    let mut alice = Person::create("alice", Settings::default());
    let other_suite = folkmoot_crypto::provider(CipherSuite(3)).unwrap();
    let signature = other_suite.generate_signature_key_pair(&mut rng(21));
    let bob = Member::new(Credential::Basic(b"bob".into()), signature.unwrap());
    let made = KeyPackage::generate(other_suite, bob, lifetime(), &mut rng(22));
    let settings = Settings::default();
    let verified = made
        .unwrap()
        .0
        .verify(other_suite, &Names, &settings, None)
        .unwrap();
    let intent = CommitIntent {
        add: vec![verified],
        ..CommitIntent::default()
    };
    let services = services().with_records(&alice.store);
    let refused = alice.group.commit(intent, b"", services, &mut alice.rng);
    assert!(matches!(
        refused,
        Err(Error::State(StateError::Refused(
            Check::KeyPackageVersionAndSuite
        )))
    ));
}
