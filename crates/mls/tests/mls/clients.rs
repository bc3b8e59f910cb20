//! Who is the same client as whom is the Authentication Service's to say.

use crate::kit::{Invitee, Names, Person, add, lifetime, member, rng, services};
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

/// Vouches for nobody but by today's clock, which the others do not have.
struct Momentary;

impl AuthenticationService for Momentary {
    fn validate(
        &self,
        _: &Credential,
        _: &[u8],
        at: Option<Timestamp>,
    ) -> Result<(), CredentialRejected> {
        at.map(drop)
            .ok_or_else(|| CredentialRejected("not at any time".into()))
    }

    fn client(&self, credential: &Credential) -> Option<ClientId> {
        Names.client(credential)
    }

    fn succeeds(&self, old: &Credential, new: &Credential) -> bool {
        old == new
    }
}

#[test]
fn whom_the_others_would_refuse_is_not_added() {
    let mut alice = Person::create("alice", Settings::default());
    let package = Invitee::new("bob", 1).key_package;
    let (now, settings) = (Some(Timestamp(1_500)), Settings::default());
    let verified = package.verify(suite_one(), &Momentary, &settings, now);
    let intent = CommitIntent {
        add: vec![verified.unwrap()],
        at: now,
        ..CommitIntent::default()
    };
    let services = Services::from(&Momentary).with_records(&alice.store);
    let refused = alice.group.commit(intent, b"", services, &mut alice.rng);
    assert!(matches!(refused, Err(Error::Credential(_))));
    assert!(alice.group.pending_commit().is_none());
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
