//! A Welcome taken apart for many joiners, and put together again for each.

use crate::kit::{Invitee, Person, agree};
use folkmoot_mls::*;
use tls_codec::{DeserializeBytes as _, Serialize as _, Size as _};

const JOINERS: u64 = 40;

/// Alice has added this many by one commit; they, and the Welcome for all of them.
fn invited(joiners: u64, tree_apart: bool) -> (Person, Vec<Invitee>, Welcome) {
    let mut alice = Person::create("alice", Settings::default());
    let name = |number| format!("joiner {number}");
    let invitees: Vec<_> = (0..joiners)
        .map(|number| Invitee::new(&name(number), 100 + number))
        .collect();
    let bundle = alice.commit(CommitIntent {
        add: invitees.iter().map(Invitee::verified).collect(),
        force_path: true,
        tree_apart,
        ..CommitIntent::default()
    });
    alice.accept();
    let MessageBody::Welcome(welcome) = bundle.welcome.unwrap().body else {
        panic!("no Welcome")
    };
    (alice, invitees, welcome)
}

/// `opaque vector<V>` as RFC 9420 §2.1.2 writes it.
fn vector(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap().to_be_bytes();
    let mut vector = match bytes.len() {
        0..64 => vec![length[3]],
        64..16_384 => vec![length[2] | 0x40, length[3]],
        _ => vec![length[0] | 0x80, length[1], length[2], length[3]],
    };
    vector.extend(bytes);
    vector
}

/// RFC 9420 §12.4.3.1's Welcome for one new member, in an `MLSMessage`, written by hand.
fn by_hand(welcome: &Welcome, own: &EncryptedGroupSecrets) -> Vec<u8> {
    let sealed = &own.encrypted_group_secrets;
    let entry = [
        vector(own.new_member.0.as_slice()),
        vector(sealed.kem_output.as_slice()),
        vector(sealed.ciphertext.as_slice()),
    ]
    .concat();
    let info = vector(welcome.encrypted_group_info.as_slice());
    [&[0, 1, 0, 3, 0, 1][..], &vector(&entry), &info].concat()
}

#[test]
fn each_joiner_joins_by_a_welcome_of_its_own_that_is_rfc_9420s() {
    let (alice, invitees, welcome) = invited(JOINERS, false);
    let (shared, secrets) = welcome.clone().split();
    assert_eq!(secrets.len(), invitees.len());
    let mut people = vec![];
    for (invitee, own) in invitees.into_iter().zip(secrets) {
        let expected = by_hand(&welcome, &own);
        let message = MlsMessage::from(MessageBody::Welcome(shared.clone().with(own)));
        assert_eq!(message.encode(), expected);
        let message = MlsMessage::decode(&expected).unwrap();
        people.push(invitee.join(&message, Settings::default()).unwrap());
    }
    let everybody: Vec<_> = [&alice].into_iter().chain(&people).collect();
    agree(&everybody);
}

#[test]
fn what_joiners_fetch_is_linear_in_their_number() {
    let fetched = |joiners: u64| {
        let (_, _, welcome) = invited(joiners, true);
        let (shared, secrets) = welcome.split();
        let shared = shared.tls_serialized_len();
        let all = secrets.iter().map(|own| shared + own.tls_serialized_len());
        all.sum::<usize>()
    };
    let (few, many) = (fetched(2), fetched(2 * JOINERS));
    assert_eq!(many, few * usize::try_from(JOINERS).unwrap());
}

#[test]
fn the_parts_survive_their_encoding_and_nothing_but_themselves() {
    let (_, _, welcome) = invited(2, false);
    let (shared, secrets) = welcome.split();
    let bytes = shared.tls_serialize_detached().unwrap();
    assert_eq!(
        WelcomeShared::tls_deserialize_exact_bytes(&bytes),
        Ok(shared)
    );
    let cut = &bytes[..bytes.len() - 1];
    assert!(WelcomeShared::tls_deserialize_exact_bytes(cut).is_err());
    let longer = [&bytes[..], &[0]].concat();
    assert!(WelcomeShared::tls_deserialize_exact_bytes(&longer).is_err());
    let own = secrets[0].tls_serialize_detached().unwrap();
    assert_eq!(
        EncryptedGroupSecrets::tls_deserialize_exact_bytes(&own).as_ref(),
        Ok(&secrets[0])
    );
}

#[test]
fn another_joiners_part_is_refused_whatever_it_says_whose_it_is() {
    let (_, mut invitees, welcome) = invited(2, false);
    let (shared, secrets) = welcome.split();
    let refused = |invitee: Invitee, own: EncryptedGroupSecrets| {
        let message = MlsMessage::from(MessageBody::Welcome(shared.clone().with(own)));
        let joined = invitee.join(&message, Settings::default());
        joined.map(|_| ()).unwrap_err()
    };
    let again = || Invitee::new("joiner 0", 100);
    let first = invitees.remove(0);
    assert_eq!(first.key_package, again().key_package);
    let anothers = refused(first, secrets[1].clone());
    assert!(matches!(anothers, Error::Invalid(Check::WelcomeRecipient)));
    let relabelled = EncryptedGroupSecrets {
        new_member: secrets[0].new_member.clone(),
        ..secrets[1].clone()
    };
    let relabelled = refused(again(), relabelled);
    assert!(matches!(
        relabelled,
        Error::Invalid(Check::GroupSecretsOpen)
    ));
}

#[test]
fn parts_of_two_commits_do_not_fit_together() {
    let (_, mut invitees, welcome) = invited(1, false);
    let (_, _, other) = invited(2, false);
    let (own, shared) = (welcome.split().1.remove(0), other.split().0);
    let message = MlsMessage::from(MessageBody::Welcome(shared.with(own)));
    let joined = invitees.remove(0).join(&message, Settings::default());
    let refused = joined.map(|_| ()).unwrap_err();
    assert!(matches!(refused, Error::Invalid(Check::GroupSecretsOpen)));
}
