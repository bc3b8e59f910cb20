//! The facade over a real server on loopback and a profile on disk.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use folkmoot_client::{Client, Error, Event, JoinAddress, MessageFilter};
use folkmoot_protocol::{CertificatePin, RegistrationPolicy};
use folkmoot_server::{Config, Provider, Running};
use folkmoot_store::client::{
    ClientChange, ClientStore, DATABASE_FILE, KEY_FILE, ProfileFolder, SqlCipherStore,
};
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// How long a pushed message may take: less than a follower waits before it asks by itself.
const PUSH_BOUND: Duration = Duration::from_secs(20);
/// Events that a follower may be ahead of a test.
const EVENTS: usize = 64;

struct House {
    folder: TempDir,
    config: Config,
    running: Option<Running>,
}

impl House {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config {
            listen: "127.0.0.1:0".parse().unwrap(),
            data: folder.path().join("provider"),
            registration: RegistrationPolicy::Open,
            ..Config::default()
        };
        let running = Provider::start(config.clone()).await.unwrap();
        config.listen = running.address();
        Self {
            folder,
            config,
            running: Some(running),
        }
    }

    fn address(&self) -> JoinAddress {
        self.running.as_ref().unwrap().join_address().clone()
    }

    fn profile(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    async fn client(&self, name: &str) -> Client {
        Client::register(&self.profile(name), &self.address(), name, "phone")
            .await
            .unwrap()
    }

    async fn stop(&mut self) {
        self.running.take().unwrap().shutdown().await.unwrap();
    }

    /// Starts the provider again where it was.
    async fn start(&mut self) {
        let running = Provider::start(self.config.clone()).await.unwrap();
        self.running = Some(running);
    }
}

fn texts(client: &mut Client) -> Vec<String> {
    let messages = client.messages(None, MessageFilter::All).unwrap();
    messages.into_iter().map(|message| message.text).collect()
}

#[tokio::test]
async fn a_server_with_another_certificate_is_refused_and_the_right_one_registers() {
    let house = House::new().await;
    let (right, profile) = (house.address(), house.profile("alice"));
    let (host, pin) = (right.host(), CertificatePin([7; 32]));
    let wrong = JoinAddress::new(host, right.port(), right.domain().clone(), pin, None).unwrap();
    let refused = Client::register(&profile, &wrong, "alice", "phone").await;
    assert!(
        matches!(refused, Err(Error::WrongPin { .. })),
        "{refused:?}"
    );
    drop(refused);
    let alice = Client::register(&profile, &right, "alice", "phone")
        .await
        .unwrap();
    drop(alice);
    let mut alice = Client::open(&profile).unwrap();
    alice.create_group("books").await.unwrap();
}

#[tokio::test]
async fn what_was_asked_while_the_provider_was_down_is_done_once_it_is_back() {
    let mut house = House::new().await;
    let mut alice = house.client("alice").await;
    let mut bob = house.client("bob").await;
    alice.create_group("books").await.unwrap();
    let invited = bob.whoami().user;
    alice.invite("books", &[invited]).await.unwrap();
    bob.sync().await.unwrap();
    house.stop().await;
    for result in [
        alice.send("books", "hello").await.map(drop),
        bob.sync().await.map(drop),
    ] {
        assert!(matches!(result, Err(Error::Offline { .. })), "{result:?}");
    }
    let gone = house.profile("carol");
    let address = where_it_was(&house);
    let registered = Client::register(&gone, &address, "carol", "phone").await;
    assert!(
        matches!(registered, Err(Error::Offline { .. })),
        "{registered:?}"
    );
    house.start().await;
    alice.sync().await.unwrap();
    bob.sync().await.unwrap();
    assert_eq!(texts(&mut alice), ["hello"]);
    assert_eq!(texts(&mut bob), ["hello"]);
}

/// Where the provider was when it was up.
fn where_it_was(house: &House) -> JoinAddress {
    let port = house.config.listen.port();
    let (domain, pin) = (house.config.domain.clone(), CertificatePin([0; 32]));
    JoinAddress::new("127.0.0.1", port, domain, pin, None).unwrap()
}

#[tokio::test]
async fn a_profile_is_open_once() {
    let house = House::new().await;
    let alice = house.client("alice").await;
    let profile = house.profile("alice");
    let second = Client::open(&profile);
    assert!(
        matches!(second, Err(Error::ProfileLocked { .. })),
        "{second:?}"
    );
    let again = Client::register(&profile, &house.address(), "alice", "phone").await;
    assert!(
        matches!(again, Err(Error::ProfileLocked { .. })),
        "{again:?}"
    );
    drop(alice);
    Client::open(&profile).unwrap();
}

#[tokio::test]
async fn a_profile_stays_that_of_its_device() {
    let house = House::new().await;
    let profile = house.profile("alice");
    let whoami = house.client("alice").await.whoami();
    for (user, device) in [("alice", "phone"), ("alice", "laptop"), ("bob", "phone")] {
        let again = Client::register(&profile, &house.address(), user, device).await;
        assert!(
            matches!(again, Err(Error::ProfileTaken { .. })),
            "{again:?}"
        );
    }
    assert_eq!(Client::open(&profile).unwrap().whoami(), whoami);
    let other = Client::register(&house.profile("other"), &house.address(), "alice", "phone").await;
    assert!(matches!(other, Err(Error::NameTaken { .. })), "{other:?}");
    let missing = Client::open(&house.profile("nobody"));
    assert!(
        matches!(missing, Err(Error::ProfileMissing { .. })),
        "{missing:?}"
    );
}

/// Damages one file of a profile, as a bad disk would.
async fn assert_damage_is_told(file: &str, damage: impl FnOnce(&mut Vec<u8>)) {
    let house = House::new().await;
    let profile = house.profile("alice");
    drop(house.client("alice").await);
    let path = profile.join(file);
    let mut bytes = fs::read(&path).unwrap();
    damage(&mut bytes);
    fs::write(&path, &bytes).unwrap();
    let before = contents(&profile);
    let opened = Client::open(&profile);
    assert!(
        matches!(opened, Err(Error::ProfileDamaged { .. })),
        "{opened:?}"
    );
    let registered = Client::register(&profile, &house.address(), "alice", "phone").await;
    assert!(
        matches!(registered, Err(Error::ProfileDamaged { .. })),
        "{registered:?}"
    );
    assert_eq!(contents(&profile), before, "nothing is deleted or repaired");
}

fn contents(profile: &Path) -> [Vec<u8>; 2] {
    [KEY_FILE, DATABASE_FILE].map(|file| fs::read(profile.join(file)).unwrap_or_default())
}

#[tokio::test]
async fn a_damaged_database_is_told_and_left_as_it_is() {
    assert_damage_is_told(DATABASE_FILE, |bytes| bytes[100] ^= 1).await;
}

#[tokio::test]
async fn a_database_cut_short_is_told_and_left_as_it_is() {
    assert_damage_is_told(DATABASE_FILE, |bytes| bytes.truncate(1000)).await;
}

#[tokio::test]
async fn an_emptied_database_is_told_and_left_as_it_is() {
    assert_damage_is_told(DATABASE_FILE, Vec::clear).await;
}

#[tokio::test]
async fn a_damaged_key_is_told_and_left_as_it_is() {
    assert_damage_is_told(KEY_FILE, |bytes| bytes[0] ^= 1).await;
}

#[tokio::test]
async fn a_key_cut_short_is_told_and_left_as_it_is() {
    assert_damage_is_told(KEY_FILE, |bytes| bytes.truncate(31)).await;
}

/// The provider has certified the device; the answer never came.
fn forget_certificate(profile: &Path) {
    let mut store = SqlCipherStore::open(ProfileFolder::open(profile).unwrap()).unwrap();
    let mut account = store.account().unwrap().unwrap();
    account.certificate = None;
    store
        .apply(vec![ClientChange::PutAccount(account)])
        .unwrap();
}

#[tokio::test]
async fn a_registration_whose_answer_was_lost_goes_on_with_the_same_key() {
    let house = House::new().await;
    let profile = house.profile("alice");
    let fingerprint = house.client("alice").await.whoami().fingerprint;
    forget_certificate(&profile);
    let other = Client::register(&profile, &house.address(), "alicia", "phone").await;
    assert!(
        matches!(other, Err(Error::ProfileTaken { .. })),
        "{other:?}"
    );
    let alice = house.client("alice").await;
    assert_eq!(alice.whoami().fingerprint, fingerprint);
    drop(alice);
    forget_certificate(&profile);
    let mut alice = Client::open(&profile).unwrap();
    alice.create_group("books").await.unwrap();
}

#[tokio::test]
async fn a_follower_hears_of_a_message_when_it_is_sent() {
    let house = House::new().await;
    let mut alice = house.client("alice").await;
    let mut bob = house.client("bob").await;
    alice.create_group("books").await.unwrap();
    let invited = bob.whoami().user;
    alice.invite("books", &[invited]).await.unwrap();
    alice.send("books", "before").await.unwrap();
    let (tell, mut heard) = mpsc::channel(EVENTS);
    let talk = async {
        hear(&mut heard, "before").await;
        alice.send("books", "pushed").await.unwrap();
        hear(&mut heard, "pushed").await;
        alice.send("books", "pushed again").await.unwrap();
        hear(&mut heard, "pushed again").await;
    };
    let follow = bob.follow(|event| tell.try_send(event).unwrap());
    let both = async {
        tokio::select! {
            ended = follow => panic!("{ended:?}"),
            () = talk => {}
        }
    };
    timeout(PUSH_BOUND, Box::pin(both))
        .await
        .expect("it is pushed");
    assert_eq!(texts(&mut bob), ["before", "pushed", "pushed again"]);
}

/// Waits for a message with this text.
async fn hear(heard: &mut mpsc::Receiver<Event>, text: &str) {
    loop {
        match heard.recv().await.unwrap() {
            Event::Message(message) if message.text == text => return,
            _ => {}
        }
    }
}
