//! A steady group, made rather than played: a ratchet tree without blanks and a Welcome into it, as
//! they would be after every member has committed once, for the cost of a signature per member.
//!
//! Two members are real: their KeyPackages come from the engine under measurement, and it joins with them
//! by verifying everything. The others are keys that nobody uses.

use crate::credentials::{CredentialKind, Credentials};
use crate::engine::Failure;
use crate::primitives::rng;
use folkmoot_crypto::{Crypto, Secret};
use folkmoot_mls::{
    EncryptedGroupSecrets, Epoch, Extensions, GroupContext, GroupId, GroupInfo, GroupInfoContent,
    GroupSecrets, KeyPackage, KeyPackageSecrets, LeafIndex, LeafNode, LeafNodeSource, Lifetime,
    MessageBody, MlsMessage, PathSecret, ProtocolVersion, Timestamp, Welcome, derive_secret,
    encrypt_with_label, expand_with_label, sign_with_label,
};
use rand_chacha::ChaCha20Rng;
use rand_core::{CryptoRng, SeedableRng};
use std::sync::Arc;
use std::time::SystemTime;
use tls_codec::{Serialize, VLByteSlice, VLBytes};

const LIFETIME_SECONDS: u64 = 28 * 24 * 60 * 60;
/// How far a lifetime reaches back, for clocks that are behind.
const CLOCK_SKEW_SECONDS: u64 = 60 * 60;
/// Node types (RFC 9420 §7.8, §12.4.3.3).
const LEAF: u8 = 1;
const PARENT: u8 = 2;

/// When everything begins that is made by a seed.
const SEEDED_NOT_BEFORE: u64 = 1_750_000_000;

/// KeyPackages of members that nobody plays.
pub(crate) struct Pool {
    pub(crate) crypto: &'static dyn Crypto,
    pub(crate) credentials: Arc<Credentials>,
    pub(crate) lifetime: Lifetime,
    rng: Box<dyn CryptoRng>,
    packages: Vec<(KeyPackage, KeyPackageSecrets)>,
}

impl Pool {
    pub(crate) fn new(crypto: &'static dyn Crypto, kind: CredentialKind) -> Result<Self, Failure> {
        Self::of(crypto, kind, lifetime(), Box::new(rng()))
    }

    /// Of this seed, now and at any time, the same members and groups are made.
    pub(crate) fn seeded(crypto: &'static dyn Crypto, seed: u64) -> Result<Self, Failure> {
        let lifetime = Lifetime {
            not_before: Timestamp(SEEDED_NOT_BEFORE),
            not_after: Timestamp(SEEDED_NOT_BEFORE + LIFETIME_SECONDS),
        };
        let rng = Box::new(ChaCha20Rng::seed_from_u64(seed));
        Self::of(crypto, CredentialKind::Basic, lifetime, rng)
    }

    fn of(
        crypto: &'static dyn Crypto,
        kind: CredentialKind,
        lifetime: Lifetime,
        mut rng: Box<dyn CryptoRng>,
    ) -> Result<Self, Failure> {
        Ok(Self {
            crypto,
            credentials: Arc::new(Credentials::new(kind, lifetime, &mut rng)?),
            lifetime,
            rng,
            packages: Vec::new(),
        })
    }

    pub(crate) fn grow(&mut self, members: usize) -> Result<(), Failure> {
        while self.packages.len() < members {
            let name = format!("member-{}", self.packages.len());
            let made = self.offer(&name)?;
            self.packages.push(made);
        }
        Ok(())
    }

    /// A KeyPackage of somebody who is played.
    pub(crate) fn offer(&mut self, name: &str) -> Result<(KeyPackage, KeyPackageSecrets), Failure> {
        let (crypto, rng) = (self.crypto, &mut self.rng);
        let member = self.credentials.member(crypto, name, rng)?;
        Ok(KeyPackage::generate(crypto, member, self.lifetime, rng)?)
    }

    /// Draws for whatever else is made of the same seed.
    pub(crate) fn rng(&mut self) -> &mut dyn CryptoRng {
        &mut self.rng
    }

    /// The first `members`.
    pub(crate) fn packages(&self, members: usize) -> Vec<KeyPackage> {
        let first = self.packages.iter().take(members);
        first.map(|(package, _)| package.clone()).collect()
    }

    /// The first `members`, encoded.
    pub(crate) fn offers(&self, members: usize) -> Vec<Vec<u8>> {
        let first = self.packages.iter().take(members);
        first
            .map(|(package, _)| package.to_message().encode())
            .collect()
    }
}

pub(crate) fn lifetime() -> Lifetime {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = now.map_or(0, |since| since.as_secs());
    Lifetime {
        not_before: Timestamp(now.saturating_sub(CLOCK_SKEW_SECONDS)),
        not_after: Timestamp(now.saturating_add(LIFETIME_SECONDS)),
    }
}

/// What a joiner gets.
pub(crate) struct Invitation {
    /// An encoded MLSMessage.
    pub(crate) welcome: Vec<u8>,
    /// The content of the `ratchet_tree` extension.
    pub(crate) tree: Vec<u8>,
}

/// The leaf that commits.
pub(crate) const COMMITTER: u32 = 0;

/// The leaf that receives: the first of the right half.
pub(crate) fn receiver(members: u32) -> u32 {
    members.next_power_of_two() / 2
}

/// Whether a group of this size can be made: two joiners, and beside the receiver somebody who adds them.
pub(crate) fn is_possible(members: u32) -> bool {
    members > receiver(members) + 1 && members > 3
}

/// Makes a group into which the KeyPackages `[committer, receiver]` are invited.
pub(crate) fn group(
    pool: &mut Pool,
    members: u32,
    joiners: [&[u8]; 2],
) -> Result<Invitation, Failure> {
    let [committer, receiver_package] = [decode(joiners[0])?, decode(joiners[1])?];
    let (crypto, rng) = (pool.crypto, &mut *pool.rng);
    let height = members.next_power_of_two().ilog2();
    let signer = receiver(members) + 1;
    let mut maker = Maker {
        crypto,
        packages: &pool.packages,
        members,
        joiners: [
            (COMMITTER, &committer),
            (receiver(members), &receiver_package),
        ],
        group_id: folkmoot_mls::Group::random_id(crypto, rng),
        signer,
        path: path_secrets(crypto, height, members, signer, rng)?,
        nodes: vec![None; (2 << height) - 1],
        rng,
    };
    let tree_hash = maker.fill(height, 0, &[])?;
    let tree = maker.tree()?;
    let welcome = maker.welcome(tree_hash)?;
    Ok(Invitation { welcome, tree })
}

fn decode(message: &[u8]) -> Result<KeyPackage, Failure> {
    match MlsMessage::decode(message)?.body {
        MessageBody::KeyPackage(package) => Ok(package),
        _ => Err(Failure::new("not a KeyPackage")),
    }
}

/// The signer's path secrets by level, where its path is not filtered (RFC 9420 §7.4).
fn path_secrets(
    crypto: &dyn Crypto,
    height: u32,
    members: u32,
    signer: u32,
    rng: &mut dyn CryptoRng,
) -> Result<Vec<(u32, Secret)>, Failure> {
    let mut secrets = Vec::new();
    let mut next = folkmoot_crypto::random_secret(rng, crypto.hash_length());
    for level in 1..=height {
        let copath = (signer >> (level - 1)) ^ 1;
        if copath << (level - 1) < members {
            let above = derive_secret(crypto, &next, "path");
            secrets.push((level, next));
            next = above;
        }
    }
    if secrets.is_empty() {
        return Err(Failure::new("the signer is alone"));
    }
    Ok(secrets)
}

struct Maker<'a> {
    crypto: &'static dyn Crypto,
    packages: &'a [(KeyPackage, KeyPackageSecrets)],
    rng: &'a mut dyn CryptoRng,
    members: u32,
    joiners: [(u32, &'a KeyPackage); 2],
    group_id: GroupId,
    signer: u32,
    path: Vec<(u32, Secret)>,
    /// By array index, each with its type.
    nodes: Vec<Option<Vec<u8>>>,
}

impl Maker<'_> {
    /// Fills the subtree `number` of a level and gives its tree hash (RFC 9420 §7.8). `parent_hash` is
    /// what links it to the node above (§7.9).
    fn fill(&mut self, level: u32, number: u32, parent_hash: &[u8]) -> Result<Vec<u8>, Failure> {
        let index = ((1_usize << level) - 1) + ((number as usize) << (level + 1));
        if level == 0 {
            return self.fill_leaf(index, number, parent_hash);
        }
        let right_first = (2 * number + 1) << (level - 1);
        let crypto = self.crypto;
        let (left, right, node) = if right_first < self.members {
            let key = self.parent_key(level, number)?;
            // Nothing links a left child upwards: whoever made the right one made this node.
            let unlinked = folkmoot_crypto::random::<32>(self.rng);
            let left = self.fill(level - 1, 2 * number, &unlinked)?;
            let mut input = bytes(&VLByteSlice(&key))?;
            input.extend(bytes(&VLByteSlice(parent_hash))?);
            input.extend(bytes(&VLByteSlice(&left))?);
            let link = crypto.hash(&input);
            let right = self.fill(level - 1, 2 * number + 1, &link)?;
            let mut node = bytes(&VLByteSlice(&key))?;
            node.extend(bytes(&VLByteSlice(parent_hash))?);
            node.push(0);
            (left, right, Some(node))
        } else {
            let left = self.fill(level - 1, 2 * number, parent_hash)?;
            (left, self.fill(level - 1, 2 * number + 1, &[])?, None)
        };
        let mut input = vec![PARENT, u8::from(node.is_some())];
        input.extend(node.as_deref().unwrap_or_default());
        input.extend(bytes(&VLByteSlice(&left))?);
        input.extend(bytes(&VLByteSlice(&right))?);
        self.nodes[index] = node.map(|node| [&[PARENT][..], &node].concat());
        Ok(crypto.hash(&input))
    }

    fn fill_leaf(
        &mut self,
        index: usize,
        leaf: u32,
        parent_hash: &[u8],
    ) -> Result<Vec<u8>, Failure> {
        let node = if leaf < self.members {
            Some(bytes(&self.leaf(leaf, parent_hash)?)?)
        } else {
            None
        };
        let mut input = vec![LEAF];
        input.extend(leaf.to_be_bytes());
        input.push(u8::from(node.is_some()));
        input.extend(node.as_deref().unwrap_or_default());
        self.nodes[index] = node.map(|node| [&[LEAF][..], &node].concat());
        Ok(self.crypto.hash(&input))
    }

    fn leaf(&self, leaf: u32, parent_hash: &[u8]) -> Result<LeafNode, Failure> {
        let joiner = self.joiners.iter().find(|(place, _)| *place == leaf);
        if let Some((_, package)) = joiner {
            return Ok(package.content.leaf_node.clone());
        }
        let (package, secrets) = &self.packages[leaf as usize];
        let mut content = package.content.leaf_node.content.clone();
        content.source = LeafNodeSource::Commit(parent_hash.into());
        let mut signed = bytes(&content)?;
        signed.extend(bytes(&self.group_id)?);
        signed.extend(leaf.to_be_bytes());
        let private = &secrets.signature.private;
        let signature = sign_with_label(self.crypto, private, "LeafNodeTBS", &signed)?;
        Ok(LeafNode {
            content,
            signature: signature.into(),
        })
    }

    fn parent_key(&mut self, level: u32, number: u32) -> Result<Vec<u8>, Failure> {
        let crypto = self.crypto;
        let own = self
            .path
            .iter()
            .find(|(at, _)| *at == level && self.signer >> level == number);
        let secret = match own {
            Some((_, secret)) => derive_secret(crypto, secret, "node"),
            None => folkmoot_crypto::random_secret(self.rng, crypto.hash_length()),
        };
        Ok(crypto.derive_kem_key_pair(&secret)?.public)
    }

    /// The `ratchet_tree` extension (RFC 9420 §12.4.3.3).
    fn tree(&self) -> Result<Vec<u8>, Failure> {
        let last = self
            .nodes
            .iter()
            .rposition(Option::is_some)
            .unwrap_or_default();
        let mut content = Vec::new();
        for node in &self.nodes[..=last] {
            content.push(u8::from(node.is_some()));
            content.extend(node.as_deref().unwrap_or_default());
        }
        bytes(&VLByteSlice(&content))
    }

    /// RFC 9420 §8, §12.4.3.
    fn welcome(&mut self, tree_hash: Vec<u8>) -> Result<Vec<u8>, Failure> {
        let crypto = self.crypto;
        let length = crypto.hash_length();
        let nh = u16::try_from(length).map_err(Failure::new)?;
        let [transcript, joiner_secret] =
            [(); 2].map(|()| folkmoot_crypto::random_secret(self.rng, length));
        let context = GroupContext {
            version: ProtocolVersion::MLS_10,
            cipher_suite: crypto.suite(),
            group_id: self.group_id.clone(),
            epoch: Epoch(self.members.into()),
            tree_hash: tree_hash.into(),
            confirmed_transcript_hash: VLBytes::from(transcript.expose()),
            extensions: Extensions::default(),
        };
        let member = crypto.extract(joiner_secret.expose(), Secret::zero(length).expose());
        let welcome = derive_secret(crypto, &member, "welcome");
        let epoch = expand_with_label(crypto, &member, "epoch", &bytes(&context)?, nh)?;
        let confirmation = derive_secret(crypto, &epoch, "confirm");
        let confirmed = context.confirmed_transcript_hash.as_slice();
        let content = GroupInfoContent {
            confirmation_tag: crypto.mac(confirmation.expose(), confirmed).into(),
            group_context: context,
            extensions: Extensions::default(),
            signer: LeafIndex(self.signer),
        };
        let private = &self.packages[self.signer as usize].1.signature.private;
        let signature = sign_with_label(crypto, private, "GroupInfoTBS", &bytes(&content)?)?;
        let group_info = GroupInfo {
            content,
            signature: signature.into(),
        };
        let expand = |label, length: usize| {
            let length = u16::try_from(length).map_err(Failure::new)?;
            Ok::<_, Failure>(expand_with_label(crypto, &welcome, label, b"", length)?)
        };
        let key = expand("key", crypto.aead_key_length())?;
        let nonce = expand("nonce", crypto.aead_nonce_length())?;
        let sealed = crypto.aead_seal(&key, nonce.expose(), b"", &bytes(&group_info)?)?;
        let entries = self
            .joiners
            .map(|(place, package)| self.group_secrets(place, package, &joiner_secret, &sealed));
        let secrets = entries.into_iter().collect::<Result<_, _>>()?;
        let welcome = Welcome {
            cipher_suite: crypto.suite(),
            secrets,
            encrypted_group_info: sealed.into(),
        };
        Ok(MlsMessage::from(MessageBody::Welcome(welcome)).encode())
    }

    fn group_secrets(
        &mut self,
        place: u32,
        package: &KeyPackage,
        joiner_secret: &Secret,
        encrypted_group_info: &[u8],
    ) -> Result<EncryptedGroupSecrets, Failure> {
        let crypto = self.crypto;
        let common = self
            .path
            .iter()
            .find(|(level, _)| place >> level == self.signer >> level);
        let secrets = GroupSecrets {
            joiner_secret: joiner_secret.clone(),
            path_secret: common.map(|(_, secret)| PathSecret {
                path_secret: secret.clone(),
            }),
            psks: Vec::new(),
        };
        let init_key = package.content.init_key.as_slice();
        let plaintext = Secret::from(bytes(&secrets)?);
        let context = encrypted_group_info;
        let plaintext = plaintext.expose();
        let sealed = encrypt_with_label(crypto, init_key, "Welcome", context, plaintext, self.rng)?;
        Ok(EncryptedGroupSecrets {
            new_member: package.reference(crypto),
            encrypted_group_secrets: sealed,
        })
    }
}

fn bytes(value: &impl Serialize) -> Result<Vec<u8>, Failure> {
    value.tls_serialize_detached().map_err(Failure::new)
}
