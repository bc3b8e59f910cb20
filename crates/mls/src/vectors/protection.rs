//! Messages unprotected, and protected again.

use super::{Hex, rng, run_suites};
use crate::framing::{
    AuthenticatedContent, Content, FramedContent, MessageBody, MlsMessage, Padding, PrivateMessage,
    PublicMessage, SealKey, Sender, SenderData, WireFormat,
};
use crate::schedule::{RatchetKind, SecretTree, SkipBounds};
use crate::tree::LeafIndex;
use crate::wire::{Epoch, Extensions, GroupContext, GroupId, ProtocolVersion, decode, encode};
use crate::{Check, Error};
use folkmoot_crypto::{Crypto, random};
use serde::Deserialize;
use tls_codec::VLBytes;

/// The sender of every message in the file.
const SENDER: LeafIndex = LeafIndex(1);
/// Two members.
const HEIGHT: u8 = 1;
const BOUNDS: SkipBounds = SkipBounds {
    skip: 1000,
    kept: 1000,
};
/// Zero bytes added to what is sealed here.
const PADDING: Padding = Padding::Padme;

#[derive(Deserialize)]
struct MessageProtection {
    group_id: Hex,
    epoch: u64,
    tree_hash: Hex,
    confirmed_transcript_hash: Hex,
    signature_priv: Hex,
    signature_pub: Hex,
    encryption_secret: Hex,
    sender_data_secret: Hex,
    membership_key: Hex,
    proposal: Hex,
    proposal_pub: Hex,
    proposal_priv: Hex,
    commit: Hex,
    commit_pub: Hex,
    commit_priv: Hex,
    application: Hex,
    application_priv: Hex,
}

#[test]
fn message_protection() {
    run_suites(
        "message-protection.json",
        |crypto, case: MessageProtection| {
            let proposal = Content::Proposal(decode(&case.proposal).unwrap());
            let commit = Content::Commit(decode(&case.commit).unwrap());
            let application = Content::Application(case.application.vl_bytes());
            let given = Given {
                context: case.context(crypto),
                crypto,
                case,
            };
            let Given { case, .. } = &given;
            for (content, public, private) in [
                (proposal, Some(&case.proposal_pub), &case.proposal_priv),
                (commit, Some(&case.commit_pub), &case.commit_priv),
                (application, None, &case.application_priv),
            ] {
                match public {
                    Some(public) => given.check_public(&content, public),
                    None => given.check_not_public(&content),
                }
                given.check_private(&content, private);
            }
        },
    );
}

impl MessageProtection {
    fn context(&self, crypto: &dyn Crypto) -> GroupContext {
        GroupContext {
            version: ProtocolVersion::MLS_10,
            cipher_suite: crypto.suite(),
            group_id: GroupId::new(&self.group_id[..]),
            epoch: Epoch(self.epoch),
            tree_hash: self.tree_hash.vl_bytes(),
            confirmed_transcript_hash: self.confirmed_transcript_hash.vl_bytes(),
            extensions: Extensions::default(),
        }
    }
}

struct Given {
    crypto: &'static dyn Crypto,
    context: GroupContext,
    case: MessageProtection,
}

impl Given {
    fn check_public(&self, content: &Content, message: &Hex) {
        let received = self
            .open_public(message, &self.case.membership_key)
            .unwrap();
        assert_eq!(received.content.content, *content);
        assert_eq!(received.content.sender, Sender::Member(SENDER));
        let bytes = self.protect_public(content);
        let own = self.open_public(&bytes, &self.case.membership_key).unwrap();
        assert_eq!(own.content.content, *content);
        for bytes in [&message[..], &bytes] {
            let refused = self.open_public(bytes, b"other key").map(drop);
            assert_eq!(refused, Err(Check::MembershipTag));
        }
    }

    /// RFC 9420 §6: application data is never sent as a PublicMessage, and refused as one.
    fn check_not_public(&self, content: &Content) {
        let bytes = self.protect_public(content);
        let refused = self.open_public(&bytes, &self.case.membership_key);
        assert_eq!(refused.map(drop), Err(Check::ApplicationIsPrivate));
    }

    fn check_private(&self, content: &Content, message: &Hex) {
        let received = self.open_private(message).unwrap();
        assert_eq!(received.content.content, *content);
        assert_eq!(received.content.sender, Sender::Member(SENDER));
        let bytes = self.protect_private(content);
        assert_eq!(self.open_private(&bytes).unwrap().content.content, *content);
        let mut altered = bytes;
        *altered.last_mut().unwrap() ^= 1;
        assert!(matches!(
            self.open_private(&altered),
            Err(Error::Invalid(Check::SenderData | Check::MessageEncryption))
        ));
    }

    fn open_public(
        &self,
        bytes: &[u8],
        membership_key: &[u8],
    ) -> Result<AuthenticatedContent, Check> {
        let MessageBody::Public(message) = MlsMessage::decode(bytes).unwrap().body else {
            panic!("no PublicMessage");
        };
        message
            .unprotect(self.crypto, Some(&membership_key.into()), &self.context)?
            .verify(self.crypto, &self.case.signature_pub, &self.context)
    }

    fn open_private(&self, bytes: &[u8]) -> Result<AuthenticatedContent, Error> {
        let MessageBody::Private(message) = MlsMessage::decode(bytes).unwrap().body else {
            panic!("no PrivateMessage");
        };
        let secret = self.case.sender_data_secret.secret();
        let sender = message.open_sender_data(self.crypto, &secret)?;
        let kind = match message.content_type {
            crate::ContentType::Application => RatchetKind::Application,
            _ => RatchetKind::Handshake,
        };
        let id = (sender.leaf_index, kind);
        let (keys, _) = self
            .secret_tree()
            .key_for(self.crypto, id, sender.generation, BOUNDS)?;
        let opened = message.open_content(self.crypto, &keys, sender)?;
        Ok(opened.verify(self.crypto, &self.case.signature_pub, &self.context)?)
    }

    fn protect_public(&self, content: &Content) -> Vec<u8> {
        let signed = self.sign(WireFormat::PublicMessage, content);
        let key = self.case.membership_key.secret();
        let message = PublicMessage::protect(self.crypto, signed, &key, &self.context);
        encode(&MlsMessage::from(MessageBody::Public(message)))
    }

    fn protect_private(&self, content: &Content) -> Vec<u8> {
        let signed = self.sign(WireFormat::PrivateMessage, content);
        let kind = match content {
            Content::Application(_) => RatchetKind::Application,
            _ => RatchetKind::Handshake,
        };
        let next = self.secret_tree().next_key(self.crypto, (SENDER, kind));
        let (generation, keys, _) = next.unwrap().expect("the first generation");
        let seal = SealKey {
            keys,
            sender: SenderData {
                leaf_index: SENDER,
                generation,
                reuse_guard: random(&mut rng()),
            },
            sender_data_secret: &self.case.sender_data_secret.secret(),
            padding: PADDING,
        };
        let message = PrivateMessage::protect(self.crypto, &signed, &seal).unwrap();
        encode(&MlsMessage::from(MessageBody::Private(message)))
    }

    fn sign(&self, wire_format: WireFormat, content: &Content) -> AuthenticatedContent {
        let framed = FramedContent {
            group_id: self.context.group_id.clone(),
            epoch: self.context.epoch,
            sender: Sender::Member(SENDER),
            authenticated_data: VLBytes::new(b"authenticated".to_vec()),
            content: content.clone(),
        };
        let private = self.case.signature_priv.secret();
        let mut signed = AuthenticatedContent::sign(
            self.crypto,
            wire_format,
            framed,
            &private,
            Some(&self.context),
        )
        .unwrap();
        if matches!(content, Content::Commit(_)) {
            // Not looked at here, but part of every commit.
            let tag = self.crypto.mac(b"confirmation key", b"");
            signed.auth.confirmation_tag = Some(tag.into());
        }
        signed
    }

    fn secret_tree(&self) -> SecretTree {
        SecretTree::new(self.case.encryption_secret.secret(), HEIGHT)
    }
}
