//! What observers verify, who are no members: the public part of every rule.

use crate::external::group_info;
use crate::framing::with_external_sender;
use crate::lists::successor;
use folkmoot_mls::{
    Check, CommitIntent, Error, ExtensionType, GroupId, GroupInfo, GroupInfoContent, LeafIndex,
    MlsMessage, NoRecords, Observer, Proposal, Sender, Settings, WireFormat,
};
use folkmoot_mls::{Content, Extensions};
use folkmoot_sim::{Refusal, Scene, crypto, refusal, services, sign_group_info, update};

/// A scene whose members' handshakes are public.
fn in_public() -> Scene {
    let settings = Settings {
        handshakes: WireFormat::PublicMessage,
        ..Settings::default()
    };
    Scene::with(Extensions::default(), &settings)
}

fn observing(scene: &Scene) -> Observer {
    let settings = Settings::default();
    let info = group_info(&scene.alice);
    let begun = Observer::begin(crypto(), info, None, settings, services());
    begun.unwrap().0
}

fn take(observer: &mut Observer, message: &MlsMessage) -> Result<(), Error> {
    let message = MlsMessage::decode(&message.encode())?;
    let observed = observer.receive(message, services())?;
    let _ = observer.apply(observed)?;
    Ok(())
}

/// All that an observer shows of itself.
fn seen(observer: &Observer) -> String {
    let members: Vec<_> = observer.members(&NoRecords).unwrap().collect();
    let (context, info) = (observer.context(), observer.group_info());
    format!("{context:?} {members:?} {info:?}")
}

/// The observer refuses the message for this reason and is as it was.
fn refuses(observer: &mut Observer, message: &MlsMessage, reason: impl Into<Refusal>) {
    let before = seen(observer);
    assert_eq!(refusal(take(observer, message)), reason.into());
    assert_eq!(seen(observer), before);
}

/// Of [`Check::GroupIdAndEpoch`], [`Check::SenderType`] and [`Check::ReInitEnds`]: handshakes that are
/// not for an observer.
#[test]
fn observed_messages() {
    let mut scene = in_public();
    let mut observer = observing(&scene);
    let remove_bob = || Content::Proposal(Proposal::Remove(LeafIndex(1)));
    let own = Sender::Member(scene.insider());
    let mut elsewhere = scene.mallory.frame(own, remove_bob());
    elsewhere.group_id = GroupId::new(b"another".to_vec());
    let elsewhere = scene
        .mallory
        .sign_framed(WireFormat::PublicMessage, elsewhere);
    let elsewhere = scene.mallory.tag(elsewhere);
    refuses(&mut observer, &elsewhere, Check::GroupIdAndEpoch);
    let mut earlier = scene.mallory.frame(own, remove_bob());
    earlier.epoch.0 -= 1;
    let earlier = scene
        .mallory
        .sign_framed(WireFormat::PublicMessage, earlier);
    let earlier = scene.mallory.tag(earlier);
    refuses(&mut observer, &earlier, Refusal::WrongEpoch);
    let sealed = scene.mallory.sign(WireFormat::PrivateMessage, remove_bob());
    let sealed = scene.mallory.seal(&sealed, 0, &[]);
    refuses(&mut observer, &sealed, Check::SenderType);
    let unsigned = scene.mallory.sign(WireFormat::PublicMessage, remove_bob());
    let mut unsigned_content = unsigned.clone();
    unsigned_content.signature[0] ^= 1;
    let unsigned = scene.mallory.tag(unsigned_content);
    refuses(&mut observer, &unsigned, Check::MessageSignature);

    let honest = scene.commit(1, update()).commit;
    take(&mut observer, &honest).unwrap();
    assert_eq!(observer.context(), scene.alice.group.context());
    let reinit = CommitIntent {
        reinit: Some(successor()),
        ..CommitIntent::default()
    };
    let ending = scene.commit(0, reinit).commit;
    take(&mut observer, &ending).unwrap();
    let dead = scene.mallory.forge(Vec::new()).with_path().message();
    refuses(&mut observer, &dead, Check::ReInitEnds);
}

/// Of [`Check::GroupIdAndEpoch`], [`Check::GroupInfoConfirmation`], [`Check::TreeHash`] and
/// [`Check::GroupInfoSignature`]: an observer keeps what describes the epoch as it is, and nothing else.
#[test]
fn published_group_info() {
    let mut scene = in_public();
    let mut observer = observing(&scene);
    let commit = scene.commit(1, update()).commit;
    let stale = observer.group_info().unwrap().clone();
    take(&mut observer, &commit).unwrap();
    assert!(observer.group_info().is_none());

    let honest = group_info(&scene.mallory.person);
    let key = scene.mallory.knowledge().signature.private;
    let changed = |change: &dyn Fn(&mut GroupInfoContent)| {
        let mut content = honest.content.clone();
        change(&mut content);
        sign_group_info(crypto(), content, &key)
    };
    let other_tag = changed(&|content| content.confirmation_tag = vec![7; 32].into());
    let other_tree = changed(&|content| {
        let tree = vec![7; 32];
        content.extensions = content
            .extensions
            .clone()
            .with(ExtensionType::RATCHET_TREE, tree);
    });
    let other_signer = changed(&|content| content.signer = LeafIndex(0));
    let nobody = changed(&|content| content.signer = LeafIndex(9));
    let cases: [(GroupInfo, Check); 5] = [
        (stale, Check::GroupIdAndEpoch),
        (other_tag, Check::GroupInfoConfirmation),
        (other_tree, Check::TreeHash),
        (other_signer, Check::GroupInfoSignature),
        (nobody, Check::GroupInfoSignature),
    ];
    for (info, reason) in cases {
        assert_eq!(refusal(observer.publish(info, &NoRecords)), reason.into());
        assert!(observer.group_info().is_none());
    }
    let _ = observer.publish(honest.clone(), &NoRecords).unwrap();
    assert_eq!(observer.group_info(), Some(&honest));
}

/// Of [`Check::ExternalSenderContent`]: nobody outside proposes what only members may.
#[test]
fn outsiders_make_what_they_may() {
    let (scene, operator) = with_external_sender();
    let leaf = (**scene
        .alice
        .group
        .member(LeafIndex(0), &scene.alice.store)
        .unwrap()
        .unwrap())
    .clone();
    for proposal in [
        Proposal::Update(Box::new(leaf)),
        Proposal::ExternalInit(vec![1; 32].into()),
    ] {
        let made = crate::framing::outside(&scene).by_external_sender(
            crypto(),
            0,
            &operator.private,
            proposal,
        );
        let reason = folkmoot_mls::StateError::Refused(Check::ExternalSenderContent);
        assert_eq!(refusal(made), Refusal::State(reason));
    }
}
