//! Invites: each lets in one new user, or one further device of the user it was made for.

use folkmoot_authentication::{Facts, INVITE_LIFETIME, MAX_INVITES, Write};
use folkmoot_protocol::{Digest, ProblemCode, RegistrationPolicy, Timestamp};

use crate::provider::{LAPTOP, NOW, PHONE, Provider};

const ALICE: &str = "mimi://example.org/u/alice";
const BOB_PHONE: &str = "mimi://example.org/d/bob/phone";
const REFUSED: Result<Vec<u8>, ProblemCode> = Err(ProblemCode::InviteRefused);

#[test]
fn an_invite_lets_in_one_user_once() {
    let mut provider = Provider::new(RegistrationPolicy::Invite);
    let key = provider.new_key();
    assert_eq!(provider.register(PHONE, &key, None), REFUSED);
    let invite = provider.invite(None).unwrap();
    let first = provider.register(PHONE, &key, Some(&invite)).unwrap();
    assert_eq!(provider.register(BOB_PHONE, &key, Some(&invite)), REFUSED);
    // The answer was lost: neither the used invite nor its absence matters to the same key.
    assert_eq!(
        provider.register(PHONE, &key, Some(&invite)),
        Ok(first.clone())
    );
    assert_eq!(provider.register(PHONE, &key, None), Ok(first));
}

#[test]
fn an_unknown_invite_is_refused() {
    let mut provider = Provider::new(RegistrationPolicy::Invite);
    let key = provider.new_key();
    provider.invite(None).unwrap();
    let guess = "00000000000000000000000000000000".parse().unwrap();
    assert_eq!(provider.register(PHONE, &key, Some(&guess)), REFUSED);
}

#[test]
fn an_invite_expires() {
    let mut provider = Provider::new(RegistrationPolicy::Invite);
    let key = provider.new_key();
    let invite = provider.invite(None).unwrap();
    provider.now = Timestamp(NOW.0 + INVITE_LIFETIME + 1);
    assert_eq!(provider.register(PHONE, &key, Some(&invite)), REFUSED);
    provider.now = Timestamp(NOW.0 + INVITE_LIFETIME);
    assert!(provider.register(PHONE, &key, Some(&invite)).is_ok());
}

#[test]
fn a_further_device_needs_an_invite_for_its_user() {
    for policy in [RegistrationPolicy::Open, RegistrationPolicy::Invite] {
        let mut provider = Provider::new(policy);
        let (alice, stranger) = (provider.new_key(), provider.new_key());
        let invite = provider.invite(None).unwrap();
        provider.register(PHONE, &alice, Some(&invite)).unwrap();

        assert_eq!(provider.register(LAPTOP, &stranger, None), REFUSED);
        let any_user = provider.invite(None).unwrap();
        assert_eq!(
            provider.register(LAPTOP, &stranger, Some(&any_user)),
            REFUSED
        );
        let for_bob = provider.invite(Some("mimi://example.org/u/bob")).unwrap();
        assert_eq!(
            provider.register(LAPTOP, &stranger, Some(&for_bob)),
            REFUSED
        );

        let for_alice = provider.invite(Some(ALICE)).unwrap();
        let laptop = provider.new_key();
        assert!(provider.register(LAPTOP, &laptop, Some(&for_alice)).is_ok());
        let tablet = "mimi://example.org/d/alice/tablet";
        assert_eq!(
            provider.register(tablet, &laptop, Some(&for_alice)),
            REFUSED
        );
    }
}

#[test]
fn an_invite_for_a_user_lets_in_no_other() {
    let mut provider = Provider::new(RegistrationPolicy::Invite);
    let key = provider.new_key();
    let for_alice = provider.invite(Some(ALICE)).unwrap();
    assert_eq!(
        provider.register(BOB_PHONE, &key, Some(&for_alice)),
        REFUSED
    );
    assert!(provider.register(PHONE, &key, Some(&for_alice)).is_ok());
}

#[test]
fn open_registration_spends_no_invite_on_a_new_user() {
    let mut provider = Provider::new(RegistrationPolicy::Open);
    let key = provider.new_key();
    let invite = provider.invite(None).unwrap();
    provider.register(PHONE, &key, Some(&invite)).unwrap();
    assert!(matches!(provider.written.as_slice(), [Write::PutDevice(_)]));
}

#[test]
fn of_a_code_only_the_digest_is_kept() {
    let mut provider = Provider::new(RegistrationPolicy::Invite);
    let code = provider.invite(None).unwrap();
    let [
        Write::DropInvites { expired_at: NOW },
        Write::PutInvite(record),
    ] = provider.written.as_slice()
    else {
        panic!("{:?}", provider.written)
    };
    assert_eq!(record.digest, Digest::of(code.as_str().as_bytes()));
    assert_eq!(record.not_after, Timestamp(NOW.0 + INVITE_LIFETIME));
    assert!(!format!("{:?}", provider.written).contains(code.as_str()));
    assert_ne!(provider.invite(None).unwrap(), code);
}

#[test]
fn unused_invites_are_bounded_and_expired_ones_do_not_count() {
    let mut provider = Provider::new(RegistrationPolicy::Invite);
    let mut verdict = |kept| {
        let command = provider.service.invite(None, &mut provider.rng);
        let decision = provider.service.decide(command, Facts::Invites(kept), NOW);
        decision.reply.map(|_| ()).map_err(|problem| problem.code)
    };
    assert_eq!(verdict(MAX_INVITES - 1), Ok(()));
    assert_eq!(verdict(MAX_INVITES), Err(ProblemCode::TooMany));

    provider.invite(None).unwrap();
    let count = |provider: &Provider, at| {
        let need = provider
            .service
            .invite(None, &mut provider.rng.clone())
            .need(at);
        provider.records.load(&need)
    };
    let end = NOW.0 + INVITE_LIFETIME;
    assert_eq!(count(&provider, Timestamp(end)), Facts::Invites(1));
    assert_eq!(count(&provider, Timestamp(end + 1)), Facts::Invites(0));
}
