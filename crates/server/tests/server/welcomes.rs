//! What joiners download: each the shared part of the Welcome and its own, however many there are.

use folkmoot_crypto::suite_one;
use folkmoot_mls::{
    AuthenticationService, ClientId, CommitIntent, Credential, CredentialRejected,
    EncryptedGroupSecrets, ExtensionType, Extensions, Group, JoinOptions, KeyPackage,
    KeyPackageSecrets, Lifetime, Member, MessageBody, NoRecords, OwnKeyPackage, Settings,
    WelcomeShared,
};
use folkmoot_protocol::{
    Action, EntryKind, Joiner, JoinerWelcome, Redeem, Redeemed, Sequence, Ticket, Timestamp,
    WelcomeKey, decode, encode, path,
};
use reqwest::Method;
use tls_codec::{DeserializeBytes as _, Serialize as _};

use crate::world::{Slot, World, now, rng};

/// Joiners of one commit.
const MANY: u8 = 40;
/// Bytes of JSON around the two parts of an answer.
const FRAME: usize = 32;

/// Vouches for everybody.
struct Trusting;

impl AuthenticationService for Trusting {
    fn validate(
        &self,
        _: &Credential,
        _: &[u8],
        _: Option<Timestamp>,
    ) -> Result<(), CredentialRejected> {
        Ok(())
    }

    fn client(&self, _: &Credential) -> Option<ClientId> {
        None
    }

    fn succeeds(&self, old: &Credential, new: &Credential) -> bool {
        old == new
    }
}

const LIFETIME: Lifetime = Lifetime {
    not_before: Timestamp(0),
    not_after: Timestamp(86_400),
};

fn member(name: u8) -> Member {
    let signature = suite_one().generate_signature_key_pair(&mut rng()).unwrap();
    Member::new(Credential::Basic(vec![name].into()), signature)
}

/// Someone to be added: key package, slot and ticket.
struct Invited {
    key_package: KeyPackage,
    secrets: KeyPackageSecrets,
    slot: Slot,
    ticket: Ticket,
}

impl Invited {
    fn new(name: u8, group: folkmoot_protocol::GroupId) -> Self {
        let (key_package, secrets) =
            KeyPackage::generate(suite_one(), member(name), LIFETIME, &mut rng()).unwrap();
        Self {
            key_package,
            secrets,
            slot: Slot::new(group),
            ticket: Ticket::generate(&mut rng()),
        }
    }

    async fn redeem(&self, world: &World) {
        let domain = world.info().await.domain;
        let (keys, slot) = (&self.slot.keys, &self.slot);
        let ticket = self.ticket.clone();
        let redeem = Redeem::sign(keys, &domain, slot.group, slot.id, ticket, now()).unwrap();
        let _: Redeemed = world.post(path::SLOT_REDEEM, None, &redeem).await.unwrap();
    }

    /// The answer to the request for the Welcome, byte for byte.
    async fn fetch(&self, world: &World) -> Vec<u8> {
        let sequence = Sequence(1);
        let request = self.slot.request(Action::Welcome { sequence });
        let request = world
            .request(Method::POST, path::SLOT)
            .body(encode(&request));
        let answer = request.send().await.unwrap();
        assert!(answer.status().is_success());
        answer.bytes().await.unwrap().to_vec()
    }

    fn join(&self, key: &WelcomeKey, answer: &[u8], tree: &[u8]) -> Group {
        let (group, slot) = (&self.slot.group, &self.slot.id);
        let welcome: JoinerWelcome = decode(answer).unwrap();
        let shared = key.open_shared(group, &welcome.shared).unwrap();
        let own = key.open_part(group, slot, &welcome.part).unwrap();
        let shared = WelcomeShared::tls_deserialize_exact_bytes(&shared).unwrap();
        let own = EncryptedGroupSecrets::tls_deserialize_exact_bytes(&own).unwrap();
        let own_key_package = OwnKeyPackage {
            key_package: &self.key_package,
            secrets: &self.secrets,
        };
        let options = JoinOptions {
            tree: Some(tree),
            ..JoinOptions::default()
        };
        let (group, _) = Group::join(
            suite_one(),
            &shared.with(own),
            own_key_package,
            options,
            Settings::default(),
            &Trusting,
        )
        .unwrap();
        group
    }
}

/// What the joiners of one commit, all of them members at the end, downloaded of its Welcome, and how
/// long the commit's entry is for a reader of the log.
async fn downloads(joiners: u8) -> (Vec<usize>, usize) {
    let world = World::new().await;
    let alice = world.device("alice", "phone").await;
    let creator = world.group(&alice.token).await;
    let invited: Vec<_> = (1..=joiners)
        .map(|name| Invited::new(name, creator.group))
        .collect();

    let id = folkmoot_mls::GroupId::new(creator.group.0.to_vec());
    let own = (member(0), LIFETIME);
    let (extensions, settings) = (Extensions::default(), Settings::default());
    let created = Group::create(
        suite_one(),
        id,
        own,
        extensions,
        settings.clone(),
        &Trusting,
        &mut rng(),
    );
    let (mut group, _) = created.unwrap();
    let verified = invited.iter().map(|one| {
        let package = one.key_package.clone();
        package
            .verify(suite_one(), &Trusting, &settings, None)
            .unwrap()
    });
    // With the tree inside the shared part would grow with the group, as it does for every joiner.
    let intent = CommitIntent {
        add: verified.collect(),
        force_path: true,
        tree_apart: true,
        ..CommitIntent::default()
    };
    let (bundle, _) = group.commit(intent, b"", &Trusting, &mut rng()).unwrap();
    let _ = group.accept_pending().unwrap();
    let MessageBody::Welcome(welcome) = bundle.welcome.unwrap().body else {
        panic!("no Welcome")
    };

    let (shared, secrets) = welcome.split();
    let encoded = |secrets: &EncryptedGroupSecrets| secrets.tls_serialize_detached().unwrap();
    let parts = invited.iter().zip(&secrets);
    let parts: Vec<_> = parts
        .map(|(one, secrets)| (one.slot.id, encoded(secrets)))
        .collect();
    let key = WelcomeKey::generate(&mut rng());
    let shared = shared.tls_serialize_detached().unwrap();
    let sealed = key.seal(&creator.group, &shared, &parts).unwrap();
    let expected = base64_length(sealed.shared.len()) + base64_length(sealed.parts[0].1.len());

    let mut adding = creator.message(0, EntryKind::Commit, b"commit");
    let opens = invited
        .iter()
        .zip(sealed.parts)
        .map(|(one, (slot, part))| Joiner {
            slot,
            ticket_digest: one.ticket.digest(&creator.group, &slot),
            part: Some(part),
        });
    adding.opens = opens.collect::<Vec<_>>().try_into().unwrap();
    adding.welcome = Some(sealed.shared);
    creator.append(&world, adding).await.unwrap();
    let entry = encode(&creator.read(&world, 0).await.unwrap()).len();

    let info = group.group_info(true, &NoRecords).unwrap();
    let MessageBody::GroupInfo(info) = info.body else {
        panic!("no GroupInfo")
    };
    let tree = info
        .content
        .extensions
        .find(ExtensionType::RATCHET_TREE)
        .unwrap();
    let mut lengths = Vec::new();
    for one in &invited {
        one.redeem(&world).await;
        let answer = one.fetch(&world).await;
        assert!(answer.len() <= expected + FRAME, "{}", answer.len());
        lengths.push(answer.len());
        let joined = one.join(&key, &answer, tree);
        assert_eq!(joined.epoch_authenticator(), group.epoch_authenticator());
    }
    (lengths, entry)
}

/// Unpadded.
fn base64_length(bytes: usize) -> usize {
    (bytes * 4).div_ceil(3)
}

#[tokio::test]
async fn what_a_joiner_downloads_does_not_depend_on_how_many_there_are() {
    let (one, entry_of_one) = downloads(1).await;
    let (many, entry_of_many) = downloads(MANY).await;
    assert_eq!(many.len(), usize::from(MANY));
    assert!(
        many.iter().all(|length| *length == one[0]),
        "{many:?}, {one:?}"
    );
    // A reader gets slot and digest of each, and nobody's part.
    let per_joiner = (entry_of_many - entry_of_one) / usize::from(MANY - 1);
    assert!(per_joiner < 128, "{per_joiner}");
}
