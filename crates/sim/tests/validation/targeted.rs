//! Messages of one member to one other (draft-ietf-mls-targeted-messages).

use folkmoot_mls::{
    Check, Epoch, Error, GroupId, LeafIndex, MessageBody, MlsMessage, Settings, StateError,
    TargetedContent, TargetedMessage,
};
use folkmoot_sim::{Person, Refusal, Scene, refusal, rng, update};

fn sealed(from: &Person, to: u32) -> TargetedMessage {
    let said = (b"for you alone".as_slice(), b"aad".as_slice());
    let message = from
        .group
        .seal_targeted(LeafIndex(to), said, &from.store, &mut rng(5));
    let message = MlsMessage::decode(&message.unwrap().encode()).unwrap();
    match message.body {
        MessageBody::Targeted(message) => message,
        other => panic!("{other:?}"),
    }
}

fn open(person: &Person, message: &TargetedMessage) -> Result<TargetedContent, Error> {
    person.group.open_targeted(message, &person.store)
}

/// Shows [`Check::TargetedRecipient`]: nobody else opens it, and nobody changes anything of it.
#[test]
fn targeted_recipient() {
    let mut scene = Scene::default();
    let message = sealed(&scene.alice, 1);
    let read = open(&scene.bob, &message).unwrap();
    assert_eq!(read.sender, LeafIndex(0));
    assert_eq!(read.data, b"for you alone");
    assert_eq!(read.authenticated_data, b"aad");
    // It has no state: it opens again, and changes no epoch.
    assert_eq!(open(&scene.bob, &message).unwrap(), read);
    for other in [&scene.alice, &scene.charlie] {
        let refused = refusal(open(other, &message));
        assert_eq!(refused, Refusal::Invalid(Check::TargetedRecipient));
    }
    // Who says that it is for them has not made it so.
    let mut redirected = message.clone();
    redirected.to.recipient = LeafIndex(2);
    let refused = refusal(open(&scene.charlie, &redirected));
    assert_eq!(refused, Refusal::Invalid(Check::SenderData));
    let mut elsewhere = message.clone();
    elsewhere.to.group_id = GroupId::new(b"another".to_vec());
    let refused = refusal(open(&scene.bob, &elsewhere));
    assert_eq!(refused, Refusal::Invalid(Check::GroupIdAndEpoch));
    let mut earlier = message.clone();
    earlier.to.epoch = Epoch(earlier.to.epoch.0 - 1);
    assert_eq!(refusal(open(&scene.bob, &earlier)), Refusal::WrongEpoch);
    let mut other_data = message.clone();
    other_data.authenticated_data = b"AAD".as_slice().into();
    let refused = refusal(open(&scene.bob, &other_data));
    assert_eq!(refused, Refusal::Invalid(Check::MessageSignature));
    let nobody =
        scene
            .alice
            .group
            .seal_targeted(LeafIndex(9), (b"x", b""), &scene.alice.store, &mut rng(5));
    assert_eq!(refusal(nobody), Refusal::State(StateError::NoSuchMember(9)));
    let _ = scene.commit(2, update());
    assert_eq!(refusal(open(&scene.bob, &message)), Refusal::WrongEpoch);
    scene.goes_on();
}

/// Shows [`Check::SenderData`], [`Check::MessageSignature`] and [`Check::MessageEncryption`]: no changed byte
/// passes.
#[test]
fn no_changed_byte_passes() {
    let scene = Scene::default();
    let message = MlsMessage::from(MessageBody::Targeted(sealed(&scene.alice, 1))).encode();
    // Version and wire format aside.
    for place in 4..message.len() {
        let mut changed = message.clone();
        changed[place] ^= 1;
        let Ok(decoded) = MlsMessage::decode(&changed) else {
            continue;
        };
        let MessageBody::Targeted(decoded) = decoded.body else {
            panic!("another kind of message")
        };
        assert!(open(&scene.bob, &decoded).is_err(), "byte {place}");
    }
}

/// Of [`Check::RemovedMemberStops`]: who is removed neither seals nor opens.
#[test]
fn who_is_removed_is_out() {
    let mut scene = Scene::default();
    let removal = scene.alice.commit(folkmoot_mls::CommitIntent {
        remove: vec![LeafIndex(1)],
        ..folkmoot_mls::CommitIntent::default()
    });
    let message = sealed(&scene.alice, 1);
    scene.bob.receive(&removal.commit).unwrap();
    let refused = refusal(open(&scene.bob, &message));
    assert_eq!(refused, Refusal::State(StateError::NotMember));
    let said = (b"x".as_slice(), b"".as_slice());
    let sealed = scene
        .bob
        .group
        .seal_targeted(LeafIndex(0), said, &scene.bob.store, &mut rng(5));
    assert_eq!(refusal(sealed), Refusal::State(StateError::NotMember));
}

/// Of [`Check::Padding`]: what hides the length is zero, and its own settings say how much there is.
#[test]
fn padding_hides_the_length() {
    let settings = Settings {
        padding: folkmoot_mls::Padding::Block(core::num::NonZeroU16::new(256).unwrap()),
        ..Settings::default()
    };
    let scene = Scene::with(folkmoot_mls::Extensions::default(), &settings);
    let length = |data: &[u8]| {
        let said = (data, b"".as_slice());
        let sealed =
            scene
                .alice
                .group
                .seal_targeted(LeafIndex(1), said, &scene.alice.store, &mut rng(5));
        sealed.unwrap().encode().len()
    };
    assert_eq!(length(b"x"), length(&[7; 200]));
    assert!(length(&[7; 300]) > length(b"x"));
}
