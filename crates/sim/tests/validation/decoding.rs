//! Bytes (RFC 9420 §2.1, §6, §13.4), and what the extensions draft would add to them.

use folkmoot_mls::hazmat;
use folkmoot_mls::{
    Check, Commit, Content, ContentType, Extension, ExtensionType, Extensions, IncomingContent,
    LeafIndex, LeafNodeSource, NoRecords, Proposal, Sender, WireFormat,
};
use folkmoot_sim::{Invitee, Refusal, Scene, crypto, leaf};
use tls_codec::VLBytes;

fn proposal() -> Content {
    Content::Proposal(Proposal::Remove(LeafIndex(1)))
}

/// A proposal of these bytes, properly signed and sealed, breaks this rule.
fn refuses_proposal(scene: &mut Scene, bytes: &[u8], rule: Check) {
    let message = scene.mallory.seal_raw(proposal(), bytes, &[]);
    scene.refuse(&message, Refusal::Malformed(rule));
}

/// A commit of these bytes, properly signed and sealed, breaks this rule.
fn refuses_commit(scene: &mut Scene, bytes: &[u8], rule: Check) {
    let commit = Content::Commit(Box::new(Commit {
        proposals: Vec::new(),
        path: None,
    }));
    let tag = [&[32][..], &[7; 32]].concat();
    let message = scene.mallory.seal_raw(commit, bytes, &tag);
    scene.refuse(&message, Refusal::Malformed(rule));
}

/// Shows [`Check::OptionalPresence`].
#[test]
fn optional_presence() {
    let mut scene = Scene::default();
    for presence in [2, 3, 128, 255] {
        refuses_commit(&mut scene, &[0, presence], Check::OptionalPresence);
    }
    scene.goes_on();
}

/// Shows [`Check::VectorHeader`].
#[test]
fn vector_header() {
    let mut scene = Scene::default();
    // An ExternalInit's only field is a vector.
    let vector = |header: &[u8]| [&[0, 6][..], header, &[7; 8]].concat();
    let headers: [&[u8]; 5] = [
        &[0x40, 8],
        &[0x40, 63],
        &[0x80, 0, 0, 8],
        &[0x80, 0, 0x3F, 0xFF],
        &[0xC0, 0, 0, 0, 0, 0, 0, 8],
    ];
    for header in headers {
        refuses_proposal(&mut scene, &vector(header), Check::VectorHeader);
    }
    // No message is as long as what only this prefix can say.
    let longest = [0xC0, 0, 0, 0, 0x40, 0, 0, 0];
    refuses_proposal(&mut scene, &vector(&longest), Check::WholeStructure);
    scene.goes_on();
}

/// Shows [`Check::WholeStructure`].
#[test]
fn whole_structure() {
    let mut scene = Scene::default();
    let message = scene.mallory.propose(Proposal::Remove(LeafIndex(1)));
    let bytes = message.encode();
    let whole = || Refusal::Malformed(Check::WholeStructure);
    scene.refuse_bytes(&[&bytes[..], &[0]].concat(), whole());
    for length in [0, 1, 3, bytes.len() / 2, bytes.len() - 1] {
        let person = &mut scene.alice;
        let refused = folkmoot_sim::refusal(person.receive_bytes(&bytes[..length]));
        assert_eq!(refused, whole());
    }
    // Version, wire format, group id with its length, epoch, then the sender's type.
    let sender = 2 + 2 + 1 + 5 + 8;
    let content_type = sender + 1 + 4 + 1;
    for (place, unknown) in [(3, 6), (2, 9), (sender, 0), (sender, 5), (content_type, 4)] {
        let mut changed = bytes.clone();
        changed[place] = unknown;
        scene.refuse_bytes(&changed, whole());
    }
    let mut psk = vec![0, 4, 3];
    psk.extend([1, 7, 1, 7]);
    refuses_proposal(&mut scene, &psk, Check::WholeStructure);
    // A resumption key of one epoch, with its nonce.
    for usage in [0, 4] {
        let psk = [&[0, 4, 2, usage, 1, 7][..], &[0; 8], &[1, 7]].concat();
        refuses_proposal(&mut scene, &psk, Check::WholeStructure);
    }
    // An Update ends in its source, no extension, and 64 bytes of signature.
    let known = scene.mallory.knowledge();
    let own = known.tree.leaf(known.own, &NoRecords).unwrap();
    let mut content = own.unwrap().content.clone();
    content.source = LeafNodeSource::Update;
    let place = Some((&known.context.group_id, known.own));
    let leaf = leaf(crypto(), content, &known.signature.private, place);
    let update = hazmat::to_bytes(&Proposal::Update(Box::new(leaf)));
    let source = update.len() - (1 + 1 + 2 + 64);
    assert_eq!(update[source..source + 4], [2, 0, 0x40, 64]);
    for unknown in [0, 4] {
        let mut changed = update.clone();
        changed[source] = unknown;
        refuses_proposal(&mut scene, &changed, Check::WholeStructure);
    }
    refuses_commit(&mut scene, &[1, 3, 0], Check::WholeStructure);
    scene.goes_on();
}

/// Two extensions of one type, as no [`Extensions`] can be.
fn twice() -> Vec<u8> {
    let extension = |data: &'static [u8]| Extension {
        extension_type: ExtensionType(0xF00D),
        data: data.into(),
    };
    hazmat::to_bytes(&vec![extension(b"one"), extension(b"two")])
}

/// `bytes` with their only part that is `from` replaced by `to`.
fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let windows = bytes.windows(from.len());
    let mut places = windows.enumerate().filter(|(_, part)| *part == from);
    let (place, _) = places.next().unwrap();
    assert!(places.next().is_none());
    [&bytes[..place], to, &bytes[place + from.len()..]].concat()
}

/// Shows [`Check::ExtensionsDistinct`]: of a group, a successor, a leaf, a KeyPackage.
#[test]
fn extensions_distinct() {
    let mut scene = Scene::default();
    let once = Extensions::default().with(ExtensionType(0xF00D), b"the only one".as_slice());
    let listed = hazmat::to_bytes(&once);
    let successor = folkmoot_mls::ReInit {
        extensions: once.clone(),
        ..crate::lists::successor()
    };
    let mut in_leaf = Invitee::new("dora", 9).key_package;
    in_leaf.content.leaf_node.content.extensions = once.clone();
    let mut in_package = Invitee::new("dora", 9).key_package;
    in_package.content.extensions = once.clone();
    for proposal in [
        Proposal::GroupContextExtensions(once),
        Proposal::ReInit(successor),
        Proposal::Add(Box::new(in_leaf)),
        Proposal::Add(Box::new(in_package)),
    ] {
        let bytes = replaced(&hazmat::to_bytes(&proposal), &listed, &twice());
        refuses_proposal(&mut scene, &bytes, Check::ExtensionsDistinct);
    }
    scene.goes_on();
}

/// Of [`Check::SafeAad`]: a group that does not demand it takes any authenticated data as it is.
#[test]
fn any_authenticated_data() {
    let mut scene = Scene::default();
    let any: [&[u8]; 3] = [b"", b"\xFF\xFF\xFF", b"\x05\x00\x02\x01\x00\x01"];
    for (generation, data) in (0..).zip(any) {
        let own = Sender::Member(scene.insider());
        let text = Content::Application(b"text".as_slice().into());
        let mut framed = scene.mallory.frame(own, text);
        framed.authenticated_data = data.into();
        let signed = scene
            .mallory
            .sign_framed(WireFormat::PrivateMessage, framed);
        let message = scene.mallory.seal(&signed, generation, &[]);
        assert_eq!(message.content_type(), Some(ContentType::Application));
        for person in [&mut scene.alice, &mut scene.bob, &mut scene.charlie] {
            let IncomingContent::Application(read) = person.receive(&message).unwrap() else {
                panic!("no text")
            };
            assert_eq!(read.authenticated_data, data);
        }
    }
}

/// Shows [`Check::MultiCredential`]: a leaf with such a credential is no leaf.
#[test]
fn multi_credential() {
    let mut scene = Scene::default();
    let known = scene.mallory.knowledge();
    let mut content = known
        .tree
        .leaf(known.own, &NoRecords)
        .unwrap()
        .unwrap()
        .content
        .clone();
    content.source = LeafNodeSource::Update;
    let place = Some((&known.context.group_id, known.own));
    let leaf = leaf(crypto(), content, &known.signature.private, place);
    let update = hazmat::to_bytes(&Proposal::Update(Box::new(leaf)));
    let basic = [
        &[0, 1][..],
        &hazmat::to_bytes(&VLBytes::from(b"mallory".as_slice())),
    ]
    .concat();
    for kind in [3, 4] {
        let multi = [&[0, kind][..], &[2, 0, 0]].concat();
        let bytes = replaced(&update, &basic, &multi);
        refuses_proposal(&mut scene, &bytes, Check::WholeStructure);
    }
    scene.goes_on();
}
