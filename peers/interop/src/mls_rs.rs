//! `mls-rs` as a [`Member`].

use crate::{
    Change, EXTENSION, Engine, Entry, Handshakes, Member, Outcome, Published, Refusal, Seen,
    Settings, Tree,
};
use ::mls_rs::client_builder::{MlsConfig, PaddingMode};
use ::mls_rs::crypto::SignatureSecretKey;
use ::mls_rs::error::MlsError;
use ::mls_rs::extension::ExtensionType;
use ::mls_rs::group::{CommitEffect, ExportedTree, GroupContext, ReceivedMessage, Roster};
use ::mls_rs::identity::SigningIdentity;
use ::mls_rs::identity::basic::{BasicCredential, BasicIdentityProvider};
use ::mls_rs::mls_rs_codec::MlsDecode;
use ::mls_rs::mls_rules::{
    CommitDirection, CommitOptions, CommitSource, EncryptionOptions, ProposalBundle,
};
use ::mls_rs::psk::{ExternalPskId, PreSharedKey};
use ::mls_rs::storage_provider::in_memory::InMemoryPreSharedKeyStorage;
use ::mls_rs::{
    CipherSuite, CipherSuiteProvider, Client, CryptoProvider, ExtensionList, Group, MlsMessage,
    MlsRules,
};
use core::convert::Infallible;
use core::time::Duration;
use mls_rs_crypto_openssl::OpensslCryptoProvider;
use mls_rs_crypto_rustcrypto::RustCryptoProvider;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const LIFETIME: Duration = Duration::from_hours(28 * 24);

struct MlsRs<C: MlsConfig, P> {
    name: String,
    settings: Settings,
    crypto: P,
    keys: (SigningIdentity, SignatureSecretKey),
    psks: InMemoryPreSharedKeyStorage,
    /// Asks the rules for fresh keys in the next commit.
    fresh_keys: Arc<AtomicBool>,
    client: Client<C>,
    group: Option<Group<C>>,
}

pub(crate) fn has_suite(suite: u16) -> bool {
    let suite = CipherSuite::new(suite);
    let openssl = OpensslCryptoProvider::new();
    in_rust(suite) || openssl.cipher_suite_provider(suite).is_some()
}

/// The `RustCrypto` provider lacks P-521 and everything on Curve448.
fn in_rust(suite: CipherSuite) -> bool {
    RustCryptoProvider::all_supported_cipher_suites().contains(&suite)
}

pub(crate) fn member(name: &str, settings: Settings) -> Outcome<Box<dyn Member>> {
    let suite = CipherSuite::new(settings.suite);
    if in_rust(suite) {
        let crypto = RustCryptoProvider::with_enabled_cipher_suites(vec![suite]);
        newcomer(name, settings, crypto)
    } else {
        let crypto = OpensslCryptoProvider::with_enabled_cipher_suites(vec![suite]);
        newcomer(name, settings, crypto)
    }
}

fn newcomer<P: CryptoProvider + Clone + 'static>(
    name: &str,
    settings: Settings,
    crypto: P,
) -> Outcome<Box<dyn Member>> {
    let suite = CipherSuite::new(settings.suite);
    let suite = crypto
        .cipher_suite_provider(suite)
        .ok_or_else(|| Refusal::from_engine(suite))?;
    let (private, public) = suite
        .signature_key_generate()
        .map_err(Refusal::from_engine)?;
    let credential = BasicCredential::new(name.as_bytes().to_vec()).into_credential();
    let identity = SigningIdentity::new(credential, public);
    Ok(client(name, settings, crypto, (identity, private)))
}

fn client<P: CryptoProvider + Clone + 'static>(
    name: &str,
    settings: Settings,
    crypto: P,
    keys: (SigningIdentity, SignatureSecretKey),
) -> Box<dyn Member> {
    let psks = InMemoryPreSharedKeyStorage::default();
    let fresh_keys = Arc::new(AtomicBool::new(false));
    let suite = CipherSuite::new(settings.suite);
    let client = Client::builder()
        .identity_provider(BasicIdentityProvider)
        .crypto_provider(crypto.clone())
        .mls_rules(Rules {
            settings,
            fresh_keys: fresh_keys.clone(),
        })
        .psk_store(psks.clone())
        .extension_type(ExtensionType::new(EXTENSION))
        .key_package_lifetime(LIFETIME)
        .signing_identity(keys.0.clone(), keys.1.clone(), suite)
        .build();
    Box::new(MlsRs {
        name: name.to_owned(),
        settings,
        crypto,
        keys,
        psks,
        fresh_keys,
        client,
        group: None,
    })
}

/// The settings, as the engine asks for them.
#[derive(Clone)]
struct Rules {
    settings: Settings,
    fresh_keys: Arc<AtomicBool>,
}

impl MlsRules for Rules {
    type Error = Infallible;

    fn filter_proposals(
        &self,
        _: CommitDirection,
        _: CommitSource,
        _: &Roster<'_>,
        _: &GroupContext,
        proposals: ProposalBundle,
    ) -> Result<ProposalBundle, Infallible> {
        Ok(proposals)
    }

    fn commit_options(
        &self,
        _: &Roster<'_>,
        _: &GroupContext,
        _: &ProposalBundle,
    ) -> Result<CommitOptions, Infallible> {
        Ok(CommitOptions::new()
            .with_path_required(self.fresh_keys.load(Ordering::Relaxed))
            .with_ratchet_tree_extension(self.settings.tree == Tree::Inside))
    }

    fn encryption_options(
        &self,
        _: &Roster<'_>,
        _: &GroupContext,
    ) -> Result<EncryptionOptions, Infallible> {
        let encrypted = self.settings.handshakes == Handshakes::Private;
        Ok(EncryptionOptions::new(encrypted, PaddingMode::StepFunction))
    }
}

impl<C: MlsConfig, P> MlsRs<C, P> {
    fn group(&self) -> Outcome<&Group<C>> {
        self.group.as_ref().ok_or_else(Refusal::no_group)
    }

    /// Changes the group and lets it write its state, so that it keeps as many past epochs as it
    /// would in a product.
    fn change<T>(
        &mut self,
        change: impl FnOnce(&mut Group<C>) -> Result<T, MlsError>,
    ) -> Outcome<T> {
        let group = self.group.as_mut().ok_or_else(Refusal::no_group)?;
        let done = change(group).map_err(Refusal::from_engine)?;
        group.write_to_storage().map_err(Refusal::from_engine)?;
        Ok(done)
    }

    fn begin(&mut self, mut group: Group<C>) -> Outcome<()> {
        group.write_to_storage().map_err(Refusal::from_engine)?;
        self.group = Some(group);
        Ok(())
    }
}

fn decode(bytes: &[u8]) -> Outcome<MlsMessage> {
    MlsMessage::from_bytes(bytes).map_err(Refusal::from_engine)
}

fn encode(message: &MlsMessage) -> Outcome<Vec<u8>> {
    message.to_bytes().map_err(Refusal::from_engine)
}

fn decode_tree(bytes: &[u8]) -> Outcome<ExportedTree<'static>> {
    ExportedTree::from_bytes(bytes).map_err(Refusal::from_engine)
}

fn decode_extensions(bytes: &[u8]) -> Outcome<ExtensionList> {
    ExtensionList::mls_decode(&mut &*bytes).map_err(Refusal::from_engine)
}

fn psk_id(id: &[u8]) -> ExternalPskId {
    ExternalPskId::new(id.to_vec())
}

impl<C: MlsConfig + 'static, P: CryptoProvider + Clone + 'static> Member for MlsRs<C, P> {
    fn engine(&self) -> Engine {
        Engine::MlsRs
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn key_package(&mut self) -> Outcome<Vec<u8>> {
        let nothing = ExtensionList::default;
        let message = self
            .client
            .generate_key_package_message(nothing(), nothing(), None)
            .map_err(Refusal::from_engine)?;
        encode(&message)
    }

    fn create(&mut self, group_id: &[u8]) -> Outcome<()> {
        let nothing = ExtensionList::default;
        let group = self
            .client
            .create_group_with_id(group_id.to_vec(), nothing(), nothing(), None)
            .map_err(Refusal::from_engine)?;
        self.begin(group)
    }

    fn join(&mut self, welcome: &[u8], tree: Option<&[u8]>) -> Outcome<()> {
        let tree = tree.map(decode_tree).transpose()?;
        let (group, _) = self
            .client
            .join_group(tree, &decode(welcome)?, None)
            .map_err(Refusal::from_engine)?;
        self.begin(group)
    }

    fn enter(&mut self, entry: &Entry) -> Outcome<Vec<u8>> {
        let builder = self.client.external_commit_builder();
        let mut builder = builder.map_err(Refusal::from_engine)?;
        if let Some(tree) = &entry.tree {
            builder = builder.with_tree_data(decode_tree(tree)?);
        }
        if let Some(leaf) = entry.old_leaf {
            builder = builder.with_removal(leaf);
        }
        for id in &entry.psks {
            builder = builder.with_external_psk(psk_id(id));
        }
        let (group, commit) = builder
            .build(decode(&entry.group_info)?)
            .map_err(Refusal::from_engine)?;
        self.begin(group)?;
        encode(&commit)
    }

    fn amnesiac(&self) -> Outcome<Box<dyn Member>> {
        let crypto = self.crypto.clone();
        Ok(client(&self.name, self.settings, crypto, self.keys.clone()))
    }

    fn store_psk(&mut self, id: &[u8], secret: &[u8]) -> Outcome<()> {
        let secret = PreSharedKey::new(secret.to_vec());
        self.psks.insert(psk_id(id), secret);
        Ok(())
    }

    fn propose(&mut self, change: &Change) -> Outcome<Vec<u8>> {
        let none = Vec::new();
        let message = match change {
            Change::Add(key_package) => {
                let key_package = decode(key_package)?;
                self.change(|group| group.propose_add(key_package, none))
            }
            Change::Remove(leaf) => self.change(|group| group.propose_remove(*leaf, none)),
            Change::Update => self.change(|group| group.propose_update(none)),
            Change::Psk(id) => self.change(|group| group.propose_external_psk(psk_id(id), none)),
            Change::Extensions(list) => {
                let list = decode_extensions(list)?;
                self.change(|group| group.propose_group_context_extensions(list, none))
            }
        };
        encode(&message?)
    }

    fn commit(&mut self, changes: &[Change], fresh_keys: bool) -> Outcome<Published> {
        self.fresh_keys.store(fresh_keys, Ordering::Relaxed);
        let group = self.group.as_mut().ok_or_else(Refusal::no_group)?;
        let mut builder = group.commit_builder();
        for change in changes {
            let next = match change {
                Change::Add(key_package) => builder.add_member(decode(key_package)?),
                Change::Remove(leaf) => builder.remove_member(*leaf),
                Change::Psk(id) => builder.add_external_psk(psk_id(id)),
                Change::Extensions(list) => builder.set_group_context_ext(decode_extensions(list)?),
                Change::Update => return Err(Refusal("no Update by value".into())),
            };
            builder = next.map_err(Refusal::from_engine)?;
        }
        let output = builder.build().map_err(Refusal::from_engine)?;
        group.write_to_storage().map_err(Refusal::from_engine)?;
        Ok(Published {
            commit: encode(&output.commit_message)?,
            welcome: output.welcome_messages.first().map(encode).transpose()?,
        })
    }

    fn accept(&mut self) -> Outcome<()> {
        self.change(|group| group.apply_pending_commit().map(drop))
    }

    fn discard(&mut self) -> Outcome<()> {
        self.change(|group| {
            group.clear_pending_commit();
            Ok(())
        })
    }

    fn process(&mut self, message: &[u8]) -> Outcome<Seen> {
        let message = decode(message)?;
        let received = self.change(|group| group.process_incoming_message(message))?;
        match received {
            ReceivedMessage::ApplicationMessage(message) => Ok(Seen::Message {
                sender: message.sender_index,
                data: message.data().to_vec(),
                authenticated_data: message.authenticated_data,
            }),
            ReceivedMessage::Proposal(_) => Ok(Seen::Proposal),
            ReceivedMessage::Commit(commit) => Ok(Seen::Commit {
                removed: matches!(commit.effect, CommitEffect::Removed { .. }),
            }),
            other => Err(Refusal::from_engine(other)),
        }
    }

    fn seal(&mut self, data: &[u8], authenticated_data: &[u8]) -> Outcome<Vec<u8>> {
        let authenticated_data = authenticated_data.to_vec();
        let sealed =
            self.change(|group| group.encrypt_application_message(data, authenticated_data));
        encode(&sealed?)
    }

    fn group_info(&mut self, tree: Tree) -> Outcome<Vec<u8>> {
        let message = self
            .group()?
            .group_info_message_allowing_ext_commit(tree == Tree::Inside)
            .map_err(Refusal::from_engine)?;
        encode(&message)
    }

    fn ratchet_tree(&self) -> Outcome<Vec<u8>> {
        let tree = self.group()?.export_tree();
        tree.to_bytes().map_err(Refusal::from_engine)
    }

    fn members(&self) -> Outcome<Vec<(u32, String)>> {
        let members = self.group()?.roster().members_iter();
        Ok(members
            .map(|member| {
                let credential = member.signing_identity.credential.as_basic();
                let identity = credential.map_or(&[][..], BasicCredential::identifier);
                let identity = String::from_utf8_lossy(identity).into_owned();
                (member.index, identity)
            })
            .collect())
    }

    fn epoch(&self) -> Outcome<u64> {
        Ok(self.group()?.current_epoch())
    }

    fn epoch_authenticator(&self) -> Outcome<Vec<u8>> {
        let secret = self.group()?.epoch_authenticator();
        Ok(secret.map_err(Refusal::from_engine)?.as_bytes().to_vec())
    }

    fn export(&self, label: &str, context: &[u8], length: usize) -> Outcome<Vec<u8>> {
        let secret = self
            .group()?
            .export_secret(label.as_bytes(), context, length)
            .map_err(Refusal::from_engine)?;
        Ok(secret.as_bytes().to_vec())
    }
}
