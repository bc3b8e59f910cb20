//! Registration, sessions, key packages, inboxes.

use folkmoot_crypto::suite_one;
use folkmoot_identity::DeviceKey;
use folkmoot_mls::{MessageBody, MlsMessage};
use folkmoot_protocol::{
    AckInbox, ClaimKeyPackages, IdempotencyKey, InboxCursor, InboxPage, KeyPackagesAvailable,
    KeyPackagesClaimed, KeyPackagesUploaded, PostPointer, Posted, ProblemCode, SealedPointer,
    UploadKeyPackages, encode, path,
};
use reqwest::Method;

use crate::world::{Device, World, answer, rng};

async fn upload(world: &World, device: &Device, packages: &[Vec<u8>]) -> KeyPackagesUploaded {
    let packages = packages
        .iter()
        .map(|package| package.as_slice().try_into().unwrap());
    let packages = packages.collect::<Vec<_>>().try_into().unwrap();
    let request = world
        .request(Method::PUT, path::KEY_PACKAGES)
        .bearer_auth(device.token.as_str())
        .body(encode(&UploadKeyPackages { packages }));
    answer(request).await.unwrap()
}

async fn claim(world: &World, by: &Device, of: &Device) {
    let claim = ClaimKeyPackages {
        user: of.name().user().clone(),
    };
    let _: KeyPackagesClaimed = world
        .post(path::KEY_PACKAGES_CLAIM, Some(&by.token), &claim)
        .await
        .unwrap();
}

fn pointer(to: &Device, key_package: &[u8]) -> PostPointer {
    let MessageBody::KeyPackage(content) = MlsMessage::decode(key_package).unwrap().body else {
        panic!("a key package was encoded");
    };
    PostPointer {
        to: to.name().clone(),
        idempotency: IdempotencyKey::generate(&mut rng()),
        key_package_ref: content
            .reference(suite_one())
            .0
            .as_slice()
            .try_into()
            .unwrap(),
        pointer: SealedPointer([7; SealedPointer::LENGTH]),
    }
}

/// All that comes before a joiner hears of a group.
pub(crate) async fn claim_and_post(world: &World, from: &Device, to: &Device) -> SealedPointer {
    let package = to.key_package();
    upload(world, to, std::slice::from_ref(&package)).await;
    claim(world, from, to).await;
    let post = pointer(to, &package);
    let _: Posted = world
        .post(path::INBOX, Some(&from.token), &post)
        .await
        .unwrap();
    post.pointer
}

#[tokio::test]
async fn a_name_belongs_to_the_key_that_registered_it() {
    let world = World::new().await;
    let key = DeviceKey::generate(&mut rng());
    let name = "mimi://localhost/d/alice/phone".parse().unwrap();
    let first = world.register(&key, &name, None).await.unwrap();
    let again = world.register(&key, &name, None).await.unwrap();
    assert_eq!(first, again, "a lost answer costs nothing");

    let other = DeviceKey::generate(&mut rng());
    let taken = world.register(&other, &name, None).await.unwrap_err();
    assert_eq!(taken.code, ProblemCode::NameTaken);
    let foreign = "mimi://example.org/d/alice/phone".parse().unwrap();
    let refused = world.register(&key, &foreign, None).await.unwrap_err();
    assert_eq!(refused.code, ProblemCode::Malformed);
}

#[tokio::test]
async fn an_invite_lets_one_user_in() {
    let world = World::with(|_| {}).await;
    let (alice, bob) = (
        DeviceKey::generate(&mut rng()),
        DeviceKey::generate(&mut rng()),
    );
    let name = |user: &str| format!("mimi://localhost/d/{user}/phone").parse().unwrap();
    let invite = world.running().join_address().invite().cloned();
    assert!(invite.is_some());

    let uninvited = world
        .register(&alice, &name("alice"), None)
        .await
        .unwrap_err();
    assert_eq!(uninvited.code, ProblemCode::InviteRefused);
    world
        .register(&alice, &name("alice"), invite.clone())
        .await
        .unwrap();
    let used = world
        .register(&bob, &name("bob"), invite)
        .await
        .unwrap_err();
    assert_eq!(used.code, ProblemCode::InviteRefused);

    let another = world.running().invite(None).await.unwrap();
    assert_eq!(another.pin(), world.running().join_address().pin());
    world
        .register(&bob, &name("bob"), another.invite().cloned())
        .await
        .unwrap();
}

#[tokio::test]
async fn only_a_session_opens_what_is_a_device_s() {
    let world = World::new().await;
    let alice = world.device("alice", "phone").await;
    let available: KeyPackagesAvailable = world
        .get(path::KEY_PACKAGES, Some(&alice.token))
        .await
        .unwrap();
    assert_eq!(available.available, 0);

    let refused = world
        .get::<KeyPackagesAvailable>(path::KEY_PACKAGES, None)
        .await;
    assert_eq!(refused.unwrap_err().code, ProblemCode::Unauthorized);
    let mut forged = alice.token.as_str().to_owned();
    let last = if forged.ends_with('A') { 'Q' } else { 'A' };
    forged.replace_range(forged.len() - 1.., &last.to_string());
    for authorization in [
        format!("Bearer {forged}"),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        format!("Basic {}", alice.token.as_str()),
        alice.token.as_str().to_owned(),
    ] {
        let request = world
            .request(Method::GET, path::INBOX)
            .header("authorization", &authorization);
        let refused = answer::<InboxPage>(request).await.unwrap_err();
        assert_eq!(refused.code, ProblemCode::Unauthorized, "{authorization}");
    }
}

#[tokio::test]
async fn a_key_package_is_handed_out_once() {
    let world = World::new().await;
    let alice = world.device("alice", "phone").await;
    let bob = world.device("bob", "phone").await;
    let package = bob.key_package();
    let uploaded = upload(&world, &bob, std::slice::from_ref(&package)).await;
    assert_eq!(
        uploaded,
        KeyPackagesUploaded {
            stored: 1,
            available: 1
        }
    );

    let claim = ClaimKeyPackages {
        user: bob.name().user().clone(),
    };
    let claims = async || {
        world
            .post::<KeyPackagesClaimed>(path::KEY_PACKAGES_CLAIM, Some(&alice.token), &claim)
            .await
    };
    let (one, other) = tokio::join!(claims(), claims());
    let (won, lost) = if one.is_ok() {
        (one, other)
    } else {
        (other, one)
    };
    let claimed = won.unwrap().packages.into_vec();
    assert_eq!(claimed.len(), 1);
    assert_eq!(
        (&claimed[0].device, claimed[0].package.as_slice()),
        (bob.name(), &package[..])
    );
    assert_eq!(lost.unwrap_err().code, ProblemCode::NoKeyPackages);

    let nobody = ClaimKeyPackages {
        user: "mimi://localhost/u/nobody".parse().unwrap(),
    };
    let refused = world
        .post::<KeyPackagesClaimed>(path::KEY_PACKAGES_CLAIM, Some(&alice.token), &nobody)
        .await;
    assert_eq!(refused.unwrap_err().code.status(), 404);
}

#[tokio::test]
async fn a_key_package_of_somebody_else_is_refused() {
    let world = World::new().await;
    let alice = world.device("alice", "phone").await;
    let bob = world.device("bob", "phone").await;
    let packages = vec![bob.key_package().try_into().unwrap()]
        .try_into()
        .unwrap();
    let request = world
        .request(Method::PUT, path::KEY_PACKAGES)
        .bearer_auth(alice.token.as_str())
        .body(encode(&UploadKeyPackages { packages }));
    let refused = answer::<KeyPackagesUploaded>(request).await.unwrap_err();
    assert_eq!(refused.code, ProblemCode::Malformed);
}

#[tokio::test]
async fn an_inbox_is_filled_by_claimers_and_emptied_by_its_device() {
    let world = World::new().await;
    let alice = world.device("alice", "phone").await;
    let bob = world.device("bob", "phone").await;
    let package = bob.key_package();
    upload(&world, &bob, std::slice::from_ref(&package)).await;
    let post = pointer(&bob, &package);
    let send = async || {
        world
            .post::<Posted>(path::INBOX, Some(&alice.token), &post)
            .await
    };
    assert_eq!(
        send().await.unwrap_err().code,
        ProblemCode::UnknownUser,
        "nobody claimed it"
    );

    claim(&world, &alice, &bob).await;
    let posted = send().await.unwrap();
    assert_eq!(send().await.unwrap(), posted, "a retry is the same post");

    let read = async |query: &str| {
        let path = format!("{}{query}", path::INBOX);
        world.get::<InboxPage>(&path, Some(&bob.token)).await
    };
    let page = read("").await.unwrap();
    assert_eq!(page.items.len(), 1);
    assert_eq!(page.items[0].pointer, post.pointer);
    assert_eq!(read("?after=1").await.unwrap(), InboxPage::default());
    for wrong in ["?after=-1", "?after=x", "?before=1"] {
        assert_eq!(
            read(wrong).await.unwrap_err().code,
            ProblemCode::Malformed,
            "{wrong}"
        );
    }

    let ack = AckInbox {
        through: InboxCursor(1),
    };
    let () = world
        .post(path::INBOX_ACK, Some(&bob.token), &ack)
        .await
        .unwrap();
    assert_eq!(read("").await.unwrap(), InboxPage::default());
}
