//! A steady group, made rather than played: a ratchet tree without blanks and a Welcome into it, as
//! they would be after every member has committed once, for the cost of a signature per member.
//!
//! Two members are real: their KeyPackages come from the engine under measurement, and it joins with them
//! by verifying everything. The others are keys that nobody uses.

use super::Failure;
use crate::primitives::rng;
use folkmoot_crypto::{Crypto, Secret};
use folkmoot_mls::{
    Credential, EncryptedGroupSecrets, Epoch, Extensions, GroupContext, GroupId, GroupInfo,
    GroupInfoContent, GroupSecrets, KeyPackage, KeyPackageSecrets, LeafIndex, LeafNode,
    LeafNodeSource, Lifetime, Member, MessageBody, MlsMessage, PathSecret, ProtocolVersion,
    Welcome, derive_secret, encrypt_with_label, expand_with_label, sign_with_label,
};
use std::time::SystemTime;
use tls_codec::{Serialize, VLByteSlice, VLBytes};

const LIFETIME_SECONDS: u64 = 28 * 24 * 60 * 60;
/// How far a lifetime reaches back, for clocks that are behind.
const CLOCK_SKEW_SECONDS: u64 = 60 * 60;
/// Node types (RFC 9420 §7.8, §12.4.3.3).
const LEAF: u8 = 1;
const PARENT: u8 = 2;

/// KeyPackages of members that nobody plays.
pub(crate) struct Pool {
    crypto: &'static dyn Crypto,
    packages: Vec<(KeyPackage, KeyPackageSecrets)>,
}

impl Pool {
    pub(crate) fn new(crypto: &'static dyn Crypto) -> Self {
        Self {
            crypto,
            packages: Vec::new(),
        }
    }

    pub(crate) fn grow(&mut self, members: usize) -> Result<(), Failure> {
        while self.packages.len() < members {
            let name = format!("member {}", self.packages.len());
            let signature = self.crypto.generate_signature_key_pair(&mut rng())?;
            let member = Member::new(Credential::Basic(name.as_bytes().into()), signature);
            let made = KeyPackage::generate(self.crypto, member, lifetime(), &mut rng())?;
            self.packages.push(made);
        }
        Ok(())
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
        not_before: folkmoot_mls::Timestamp(now.saturating_sub(CLOCK_SKEW_SECONDS)),
        not_after: folkmoot_mls::Timestamp(now.saturating_add(LIFETIME_SECONDS)),
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
pub(crate) fn group(pool: &Pool, members: u32, joiners: [&[u8]; 2]) -> Result<Invitation, Failure> {
    let [committer, receiver_package] = [decode(joiners[0])?, decode(joiners[1])?];
    let crypto = pool.crypto;
    let height = members.next_power_of_two().ilog2();
    let signer = receiver(members) + 1;
    let mut maker = Maker {
        pool,
        members,
        joiners: [
            (COMMITTER, &committer),
            (receiver(members), &receiver_package),
        ],
        group_id: folkmoot_mls::Group::random_id(crypto, &mut rng()),
        signer,
        path: path_secrets(crypto, height, members, signer)?,
        nodes: vec![None; (2 << height) - 1],
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
) -> Result<Vec<(u32, Secret)>, Failure> {
    let mut secrets = Vec::new();
    let mut next = folkmoot_crypto::random_secret(&mut rng(), crypto.hash_length());
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
    pool: &'a Pool,
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
        let crypto = self.pool.crypto;
        let (left, right, node) = if right_first < self.members {
            let key = self.parent_key(level, number)?;
            // Nothing links a left child upwards: whoever made the right one made this node.
            let unlinked = folkmoot_crypto::random::<32>(&mut rng());
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
        Ok(self.pool.crypto.hash(&input))
    }

    fn leaf(&self, leaf: u32, parent_hash: &[u8]) -> Result<LeafNode, Failure> {
        let joiner = self.joiners.iter().find(|(place, _)| *place == leaf);
        if let Some((_, package)) = joiner {
            return Ok(package.content.leaf_node.clone());
        }
        let (package, secrets) = &self.pool.packages[leaf as usize];
        let mut content = package.content.leaf_node.content.clone();
        content.source = LeafNodeSource::Commit(parent_hash.into());
        let mut signed = bytes(&content)?;
        signed.extend(bytes(&self.group_id)?);
        signed.extend(leaf.to_be_bytes());
        let private = &secrets.signature.private;
        let signature = sign_with_label(self.pool.crypto, private, "LeafNodeTBS", &signed)?;
        Ok(LeafNode {
            content,
            signature: signature.into(),
        })
    }

    fn parent_key(&self, level: u32, number: u32) -> Result<Vec<u8>, Failure> {
        let crypto = self.pool.crypto;
        let own = self
            .path
            .iter()
            .find(|(at, _)| *at == level && self.signer >> level == number);
        let secret = match own {
            Some((_, secret)) => derive_secret(crypto, secret, "node"),
            None => folkmoot_crypto::random_secret(&mut rng(), crypto.hash_length()),
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
    fn welcome(&self, tree_hash: Vec<u8>) -> Result<Vec<u8>, Failure> {
        let crypto = self.pool.crypto;
        let length = crypto.hash_length();
        let nh = u16::try_from(length).map_err(Failure::new)?;
        let random = || folkmoot_crypto::random_secret(&mut rng(), length);
        let context = GroupContext {
            version: ProtocolVersion::MLS_10,
            cipher_suite: crypto.suite(),
            group_id: self.group_id.clone(),
            epoch: Epoch(self.members.into()),
            tree_hash: tree_hash.into(),
            confirmed_transcript_hash: VLBytes::from(random().expose()),
            extensions: Extensions::default(),
        };
        let joiner_secret = random();
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
        let private = &self.pool.packages[self.signer as usize].1.signature.private;
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
        &self,
        place: u32,
        package: &KeyPackage,
        joiner_secret: &Secret,
        encrypted_group_info: &[u8],
    ) -> Result<EncryptedGroupSecrets, Failure> {
        let crypto = self.pool.crypto;
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
        let sealed =
            encrypt_with_label(crypto, init_key, "Welcome", context, plaintext, &mut rng())?;
        Ok(EncryptedGroupSecrets {
            new_member: package.reference(crypto),
            encrypted_group_secrets: sealed,
        })
    }
}

fn bytes(value: &impl Serialize) -> Result<Vec<u8>, Failure> {
    value.tls_serialize_detached().map_err(Failure::new)
}
