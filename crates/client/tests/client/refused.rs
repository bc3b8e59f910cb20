//! What is refused at once: first words of a provider that do not fit, and wishes that make no sense.

use folkmoot_client::Error;
use folkmoot_client::core::{Request, Response};
use folkmoot_identity::{DeviceKey, DeviceName};
use folkmoot_protocol::Register;
use folkmoot_store::client::{ClientStore, GroupState};

use crate::provider::Provider;
use crate::world::{World, user};

fn assert_forged(refused: &Result<(), Error>) {
    assert!(matches!(refused, Err(Error::Forged { .. })), "{refused:?}");
}

#[test]
fn a_provider_of_another_domain_than_the_address_names_is_refused() {
    let mut world = World::new(1);
    world.arrive("alice");
    let (now, mut rng) = (world.now, world.rng.clone());
    let other = Provider::at("example.net", now, &mut rng);
    world.tamper = Some(Box::new(move |_, request, answer| match request {
        Request::Provider => other.answer(request, now, &mut rng),
        _ => answer,
    }));
    assert_forged(&world.run("alice"));
    let account = world.store("alice").account().unwrap().unwrap();
    assert_eq!(account.provider, None, "nothing of it is kept");
    world.tamper = None;
    world.run("alice").unwrap();
    assert!(world.core("alice").is_registered());
}

/// The provider answers Alice's registration with a certificate for this key and device.
fn assert_certificate_refused(world: &mut World, key: &DeviceKey, device: DeviceName) {
    let (now, mut rng) = (world.now, world.rng.clone());
    let request = key.certificate_request(&device).unwrap();
    let register = Request::Register(Register {
        device,
        request: request.as_slice().try_into().unwrap(),
        invite: None,
    });
    let certified = world.provider.answer(&register, now, &mut rng).unwrap();
    world.tamper = Some(Box::new(move |_, request, answer| match request {
        Request::Register(_) => Ok(certified.clone()),
        _ => answer,
    }));
    assert_forged(&world.run("alice"));
    assert!(!world.core("alice").is_registered());
}

#[test]
fn a_certificate_for_another_key_is_refused() {
    let mut world = World::new(2);
    world.arrive("alice");
    let key = DeviceKey::generate(&mut world.rng);
    let device = user("alice").device("phone").unwrap();
    assert_certificate_refused(&mut world, &key, device);
}

#[test]
fn a_certificate_for_another_device_is_refused() {
    let mut world = World::new(3);
    world.arrive("alice");
    let account = world.store("alice").account().unwrap().unwrap();
    let key = DeviceKey::from_secret(&account.device_key).unwrap();
    let device = user("bob").device("phone").unwrap();
    assert_certificate_refused(&mut world, &key, device);
    world.tamper = None;
    world.run("alice").unwrap();
    assert!(world.core("alice").is_registered());
}

#[test]
fn a_receipt_for_another_new_group_is_refused() {
    let mut world = World::of(4, &["alice"]);
    let kept = std::rc::Rc::new(std::cell::RefCell::new(None));
    let seen = std::rc::Rc::clone(&kept);
    world.tamper = Some(Box::new(move |_, _, answer| {
        if let Ok(Response::Created(receipt)) = &answer {
            *seen.borrow_mut() = Some(*receipt);
        }
        answer
    }));
    world.create("alice");
    world.run("alice").unwrap();
    let receipt = kept.take().unwrap();
    world.tamper = Some(Box::new(move |_, _, answer| match answer {
        Ok(Response::Created(_)) => Ok(Response::Created(receipt)),
        answer => answer,
    }));
    let group = world.create("alice");
    assert_forged(&world.run("alice"));
    let state = |world: &mut World| world.store("alice").group(&group).unwrap().unwrap().state;
    assert_eq!(state(&mut world), GroupState::Creating);
    world.tamper = None;
    world.run("alice").unwrap();
    assert_eq!(state(&mut world), GroupState::Active);
}

#[test]
fn removing_oneself_is_refused_and_leaves_nothing_to_do() {
    let (mut world, group) = World::with_group(5, &["alice", "bob"]);
    let refused = world.core("alice").remove(group, &user("alice"));
    assert!(matches!(refused, Err(Error::Usage(_))), "{refused:?}");
    world.run("alice").unwrap();
    world.assert_agreed(group, &["alice", "bob"]);
}
