//! Three members in the engine.

use crate::{Failure, ensure};
use folkmoot_crypto::{Crypto, Provider};
use folkmoot_mls::{
    AuthenticationService, ClientId, CommitBundle, CommitIntent, Credential, CredentialRejected,
    Extensions, Group, GroupId, IncomingContent, JoinOptions, KeyPackage, Lifetime, Member,
    MessageBody, MlsMessage, OwnKeyPackage, Settings, Timestamp,
};
use rand_core::CryptoRng;

/// Of all KeyPackages here.
const LIFETIME: Lifetime = Lifetime {
    not_before: Timestamp(1_000),
    not_after: Timestamp(2_000),
};

/// Vouches for everybody; a client is who its name says.
struct Names;

impl AuthenticationService for Names {
    fn validate(
        &self,
        _: &Credential,
        _: &[u8],
        _: Option<Timestamp>,
    ) -> Result<(), CredentialRejected> {
        Ok(())
    }

    fn client(&self, credential: &Credential) -> Option<ClientId> {
        match credential {
            Credential::Basic(name) => Some(ClientId::new(name.as_slice())),
            Credential::X509(_) => None,
        }
    }

    fn succeeds(&self, old: &Credential, new: &Credential) -> bool {
        old == new
    }
}

/// In every suite of the portable provider: a group is made, two are added by a Welcome, all talk, one
/// renews its keys, one is removed. Says how many suites there were.
pub fn engine(rng: &mut dyn CryptoRng) -> Result<String, Failure> {
    let mut suites = 0;
    for suite in Provider::Portable.supported() {
        let crypto = Provider::Portable.suite(suite);
        round_trip(crypto.ok_or("a suite without operations")?, rng)?;
        suites += 1;
    }
    Ok(format!("engine: {suites} cipher suites, 3 members each"))
}

fn round_trip(crypto: &'static dyn Crypto, rng: &mut dyn CryptoRng) -> Result<(), Failure> {
    let settings = Settings::default();
    let founder = (member(crypto, "alice", rng)?, LIFETIME);
    let id = GroupId::new(b"books".to_vec());
    let extensions = Extensions::default();
    let made = Group::create(
        crypto,
        id,
        founder,
        extensions,
        settings.clone(),
        &Names,
        rng,
    );
    let mut alice = made?.0;
    let (bob, bob_secrets) = key_package(crypto, "bob", rng)?;
    let (carol, carol_secrets) = key_package(crypto, "carol", rng)?;
    let verify = |package: &KeyPackage| {
        let now = Some(Timestamp(1_500));
        package.clone().verify(crypto, &Names, &settings, now)
    };
    let add = CommitIntent {
        add: vec![verify(&bob)?, verify(&carol)?],
        ..CommitIntent::default()
    };
    let CommitBundle { welcome, .. } = commit(&mut alice, add, rng)?;
    let Some(MessageBody::Welcome(welcome)) = welcome.map(|message| message.body) else {
        return Err("an addition without a Welcome".into());
    };
    let join = |key_package, secrets| {
        let own = OwnKeyPackage {
            key_package,
            secrets,
        };
        let options = JoinOptions::default();
        let joined = Group::join(crypto, &welcome, own, options, settings.clone(), &Names);
        joined.map(|(group, _)| group)
    };
    let mut bob = join(&bob, &bob_secrets)?;
    let mut carol = join(&carol, &carol_secrets)?;
    agree(&[&alice, &bob, &carol])?;

    say(
        &mut alice,
        &mut [&mut bob, &mut carol],
        b"Shall we read Moby-Dick?",
        rng,
    )?;
    say(
        &mut bob,
        &mut [&mut alice, &mut carol],
        b"Only the whales.",
        rng,
    )?;

    let update = CommitIntent {
        force_path: true,
        ..CommitIntent::default()
    };
    let updated = commit(&mut bob, update, rng)?.commit;
    for other in [&mut alice, &mut carol] {
        receive(other, &updated)?;
    }
    agree(&[&alice, &bob, &carol])?;

    let remove = CommitIntent {
        remove: vec![carol.own_index()],
        ..CommitIntent::default()
    };
    let removed = commit(&mut alice, remove, rng)?.commit;
    receive(&mut bob, &removed)?;
    receive(&mut carol, &removed)?;
    ensure(!carol.is_active(), "who was removed is still a member")?;
    agree(&[&alice, &bob])?;
    say(&mut bob, &mut [&mut alice], b"all is well", rng)
}

fn member(crypto: &dyn Crypto, name: &str, rng: &mut dyn CryptoRng) -> Result<Member, Failure> {
    let signature = crypto.generate_signature_key_pair(rng)?;
    let credential = Credential::Basic(name.as_bytes().into());
    Ok(Member::new(credential, signature))
}

fn key_package(
    crypto: &dyn Crypto,
    name: &str,
    rng: &mut dyn CryptoRng,
) -> Result<(KeyPackage, folkmoot_mls::KeyPackageSecrets), Failure> {
    let member = member(crypto, name, rng)?;
    Ok(KeyPackage::generate(crypto, member, LIFETIME, rng)?)
}

fn commit(
    member: &mut Group,
    intent: CommitIntent,
    rng: &mut dyn CryptoRng,
) -> Result<CommitBundle, Failure> {
    let (bundle, _delta) = member.commit(intent, b"", &Names, rng)?;
    let _delta = member.accept_pending()?;
    Ok(bundle)
}

fn receive(member: &mut Group, message: &MlsMessage) -> Result<IncomingContent, Failure> {
    let message = MlsMessage::decode(&message.encode())?;
    let incoming = member.receive(message, &Names)?;
    let content = incoming.content().clone();
    let _delta = member.apply(incoming)?;
    Ok(content)
}

fn say(
    from: &mut Group,
    to: &mut [&mut Group],
    text: &[u8],
    rng: &mut dyn CryptoRng,
) -> Result<(), Failure> {
    let (message, _delta) = from.seal(text, b"", rng)?;
    for reader in to {
        let content = receive(reader, &message)?;
        let IncomingContent::Application(read) = content else {
            return Err("a text is read as something else".into());
        };
        ensure(read.data == text, "a text is read as another one")?;
    }
    Ok(())
}

fn agree(members: &[&Group]) -> Result<(), Failure> {
    let secret = |group: &Group| group.export("round trip", b"", 32);
    for pair in members.windows(2) {
        let same = pair[0].epoch_authenticator()? == pair[1].epoch_authenticator()?
            && pair[0].context() == pair[1].context()
            && secret(pair[0])? == secret(pair[1])?;
        ensure(same, "members of one epoch differ")?;
    }
    Ok(())
}
