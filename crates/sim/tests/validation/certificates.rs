//! X.509 credentials (RFC 9420 §5.3), verified by the service that clients use.

use folkmoot_crypto::SignatureKeyPair;
use folkmoot_identity::{
    CertificateError, CertificateRequest, DeviceKey, IssuingAuthority, RootAuthority, TrustAnchors,
    Validity, X509Authenticator, issue_leaf_credential,
};
use folkmoot_mls::hazmat::Knowledge;
use folkmoot_mls::{
    CommitIntent, Content, Credential, Error, Extensions, Group, GroupId, IncomingContent,
    JoinOptions, KeyPackage, Lifetime, Member, MessageBody, MlsMessage, NoRecords, OwnKeyPackage,
    Proposal, Settings, Timestamp, WireFormat, hazmat::Signed,
};
use folkmoot_sim::{Forgery, crypto, key_package, rng};
use rand_chacha::ChaCha20Rng;

const NOW: Timestamp = Timestamp(1_750_000_000);
const DAY: u64 = 86_400;

/// A provider of devices.
struct Provider {
    rng: ChaCha20Rng,
    issuing: IssuingAuthority,
}

impl Provider {
    fn new() -> Self {
        let mut rng = rng(90);
        let (long, domain) = (Validity::from_now(NOW, 9 * DAY), "example.org");
        let root = RootAuthority::create(&domain.parse().unwrap(), long, &mut rng).unwrap();
        let issuing = root.create_issuing(long, &mut rng).unwrap();
        Self { rng, issuing }
    }

    fn anchors(&self) -> TrustAnchors {
        self.issuing.anchors().clone()
    }

    /// A user's device, with a credential for its leaf's signature key.
    fn device(&mut self, user: &str) -> Member {
        let rng = &mut self.rng;
        let key = DeviceKey::generate(rng);
        let name = format!("mimi://example.org/d/{user}/phone");
        let request = key.certificate_request(&name.parse().unwrap()).unwrap();
        let request = CertificateRequest::verify(&request).unwrap();
        let validity = Validity::from_now(NOW, DAY);
        let device = self.issuing.issue_device(&request, validity, rng).unwrap();
        let signature = crypto().generate_signature_key_pair(rng).unwrap();
        let public = &signature.public;
        let credential = issue_leaf_credential(&key, &device, public, validity, rng).unwrap();
        Member::new(credential, signature)
    }
}

fn lifetime() -> Lifetime {
    Lifetime {
        not_before: Timestamp(NOW.0 - DAY),
        not_after: Timestamp(NOW.0 + DAY),
    }
}

/// Alice and mallory, both certified, in one group.
struct Pair {
    authenticator: X509Authenticator,
    alice: Group,
    mallory: Group,
    rng: ChaCha20Rng,
}

impl Pair {
    fn new(provider: &mut Provider) -> Self {
        let authenticator = X509Authenticator::new(provider.anchors());
        let mut rng = rng(91);
        let id = GroupId::new(b"certified".to_vec());
        let founder = (provider.device("alice"), lifetime());
        let (extensions, settings) = (Extensions::default(), Settings::default());
        let created = Group::create(
            crypto(),
            id,
            founder,
            extensions,
            settings,
            &authenticator,
            &mut rng,
        );
        let (mut alice, _) = created.unwrap();
        let mallory = provider.device("mallory");
        let mallory = add(&mut alice, mallory, &authenticator, &mut rng).0;
        Self {
            authenticator,
            alice,
            mallory,
            rng,
        }
    }

    /// Alice refuses the message since the certificate is for another key, and is as she was.
    fn refuses(&self, message: &MlsMessage) {
        let before = format!("{:?}", self.alice);
        let refused = self.alice.receive(message.clone(), &self.authenticator);
        let Err(Error::Credential(reason)) = refused else {
            panic!("{refused:?}")
        };
        assert_eq!(reason.0, CertificateError::WrongKey.to_string());
        assert_eq!(format!("{:?}", self.alice), before);
    }
}

/// The group of a client whom its committer adds, and the commit.
fn add(
    committer: &mut Group,
    client: Member,
    authenticator: &X509Authenticator,
    rng: &mut ChaCha20Rng,
) -> (Group, MlsMessage) {
    let (key_package, secrets) = KeyPackage::generate(crypto(), client, lifetime(), rng).unwrap();
    let settings = Settings::default();
    let verified = key_package
        .clone()
        .verify(crypto(), authenticator, &settings, Some(NOW));
    let intent = CommitIntent {
        add: vec![verified.unwrap()],
        ..CommitIntent::default()
    };
    let (bundle, _) = committer.commit(intent, b"", authenticator, rng).unwrap();
    let _ = committer.accept_pending().unwrap();
    let MessageBody::Welcome(welcome) = bundle.welcome.unwrap().body else {
        panic!("no Welcome")
    };
    let own = OwnKeyPackage {
        key_package: &key_package,
        secrets: &secrets,
    };
    let options = JoinOptions::default();
    let joined = Group::join(crypto(), &welcome, own, options, settings, authenticator);
    (joined.unwrap().0, bundle.commit)
}

/// A KeyPackage of another's credential, properly signed by a key of the thief's own.
fn stolen(credential: &Credential, key: &SignatureKeyPair, rng: &mut ChaCha20Rng) -> KeyPackage {
    let thief = Member::new(credential.clone(), key.clone());
    let made = KeyPackage::generate(crypto(), thief, lifetime(), rng);
    key_package(crypto(), made.unwrap().0.content, &key.private)
}

/// Shows [`folkmoot_mls::Check::X509KeyMatches`]: whoever shows another's credential with a key of its own is not
/// believed, in a KeyPackage, an Add or a path.
#[test]
fn x509_key_matches() {
    let mut provider = Provider::new();
    let mut pair = Pair::new(&mut provider);
    let dora = provider.device("dora");

    let key = crypto().generate_signature_key_pair(&mut pair.rng).unwrap();
    let package = stolen(&dora.credential, &key, &mut pair.rng);
    let settings = Settings::default();
    for at in [Some(NOW), None] {
        let package = package.clone();
        let refused = package.verify(crypto(), &pair.authenticator, &settings, at);
        let Err(Error::Credential(reason)) = refused else {
            panic!("{refused:?}")
        };
        assert_eq!(reason.0, CertificateError::WrongKey.to_string());
    }

    let known = || Knowledge::of(&pair.mallory, &NoRecords).unwrap();
    let add_stolen = Proposal::Add(Box::new(package));
    let framed = folkmoot_mls::FramedContent {
        group_id: known().context.group_id,
        epoch: known().context.epoch,
        sender: folkmoot_mls::Sender::Member(known().own),
        authenticated_data: Vec::new().into(),
        content: Content::Proposal(add_stolen.clone()),
    };
    let (format, private) = (WireFormat::PublicMessage, known().signature.private);
    let context = known().context;
    let signed = Signed::sign(crypto(), format, framed, &private, Some(&context)).unwrap();
    pair.refuses(&signed.tagged(crypto(), &known().membership_key, &context));
    pair.refuses(
        &Forgery::new(known(), vec![add_stolen])
            .with_path()
            .message(),
    );
    // Mallory's own credential does not vouch for another key either.
    let mut path = Forgery::new(known(), Vec::new());
    path.leaf.signature_key = key.public.as_slice().into();
    path.leaf_key = key.private;
    pair.refuses(&path.with_path().message());

    let Pair {
        authenticator,
        alice,
        mallory,
        rng,
    } = &mut pair;
    let (mut joined, commit) = add(mallory, dora, authenticator, rng);
    let incoming = alice.receive(commit, &*authenticator).unwrap();
    let _ = alice.apply(incoming).unwrap();
    let (text, _) = joined.seal(b"it is me", b"", rng).unwrap();
    let incoming = alice.receive(text, &*authenticator).unwrap();
    let IncomingContent::Application(read) = incoming.content() else {
        panic!("no text")
    };
    assert_eq!(read.data, b"it is me");
}
