//! The rules that a message must keep, one name each.

/// A rule of RFC 9420. Where a message breaks it, it is refused and the group stays as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum Check {
    /// §6: protocol version 1.0.
    #[error("protocol version (RFC 9420 §6)")]
    ProtocolVersion,
    /// §6: the group id is this group's.
    #[error("group id (RFC 9420 §6)")]
    GroupId,
    /// §6: application data travels in a PrivateMessage.
    #[error("application data is private (RFC 9420 §6)")]
    ApplicationIsPrivate,
    /// §6.1: the sender type may send this content, and is one that this member serves.
    #[error("sender type (RFC 9420 §6.1)")]
    SenderType,
    /// §6.1, §6.3.2: the sender's leaf is a member.
    #[error("sender is a member (RFC 9420 §6.1)")]
    SenderIsMember,
    /// §6.1: the signature of a framed content.
    #[error("message signature (RFC 9420 §6.1)")]
    MessageSignature,
    /// §6.2: the membership tag.
    #[error("membership tag (RFC 9420 §6.2)")]
    MembershipTag,
    /// §6.3.1: the ciphertext opens.
    #[error("message encryption (RFC 9420 §6.3.1)")]
    MessageEncryption,
    /// §6.3.1: padding is zero.
    #[error("padding is zero (RFC 9420 §6.3.1)")]
    Padding,
    /// §6.3.2: the sender data opens.
    #[error("sender data (RFC 9420 §6.3.2)")]
    SenderData,
    /// §15.3: the generation lies within the bound for skipping.
    #[error("generation within bound (RFC 9420 §15.3)")]
    GenerationBound,
    /// §7.2: a leaf supports the group's version and suite.
    #[error("leaf supports version and cipher suite (RFC 9420 §7.2)")]
    LeafVersionAndSuite,
    /// §7.2: a leaf's capabilities list its own extension types.
    #[error("leaf lists its extensions (RFC 9420 §7.2)")]
    LeafListsExtensions,
    /// §7.2: a leaf's capabilities list its own credential type.
    #[error("leaf lists its credential type (RFC 9420 §7.2)")]
    LeafListsCredential,
    /// §7.2: a lifetime no longer than the application's maximum.
    #[error("lifetime within the maximum (RFC 9420 §7.2)")]
    LifetimeLength,
    /// §7.3: now is inside the lifetime of a leaf about to be added.
    #[error("lifetime contains now (RFC 9420 §7.3)")]
    LifetimeContainsNow,
    /// §7.3: a leaf's signature.
    #[error("leaf signature (RFC 9420 §7.3)")]
    LeafSignature,
    /// §7.3: a leaf's source fits its carrier.
    #[error("leaf source (RFC 9420 §7.3)")]
    LeafSource,
    /// §7.3: every member supports every credential type in use.
    #[error("credential types supported by all (RFC 9420 §7.3)")]
    CredentialTypesSupported,
    /// §7.3, §11.1: required capabilities are there.
    #[error("required capabilities (RFC 9420 §7.3)")]
    RequiredCapabilities,
    /// §13.4: every member supports the group's extensions.
    #[error("group extensions supported (RFC 9420 §13.4)")]
    GroupExtensionsSupported,
    /// §7.3: encryption keys are unique in the tree.
    #[error("encryption key is unique (RFC 9420 §7.3)")]
    EncryptionKeyUnique,
    /// §7.3: signature keys are unique among members.
    #[error("signature key is unique (RFC 9420 §7.3)")]
    SignatureKeyUnique,
    /// §7.3: an Update or Commit brings a new encryption key.
    #[error("encryption key is new (RFC 9420 §7.3)")]
    EncryptionKeyNew,
    /// §5.3.1: a member's new credential succeeds its old one.
    #[error("credential succeeds the old one (RFC 9420 §5.3.1)")]
    CredentialSuccession,
    /// §10.1: a KeyPackage's version and suite are the group's.
    #[error("key package version and suite (RFC 9420 §10.1)")]
    KeyPackageVersionAndSuite,
    /// §10.1: a KeyPackage's signature.
    #[error("key package signature (RFC 9420 §10.1)")]
    KeyPackageSignature,
    /// §10.1: init key and leaf key differ.
    #[error("init key differs from the leaf's key (RFC 9420 §10.1)")]
    InitKeyDiffers,
    /// §10: a KeyPackage's keys are keys of the suite.
    #[error("keys are valid for the suite (RFC 9420 §10)")]
    KeysValidForSuite,
    /// §12.1.3: a Remove names a member.
    #[error("removed leaf is a member (RFC 9420 §12.1.3)")]
    RemovedIsMember,
    /// §12.1.2: an Update comes from a member, by its own message.
    #[error("update comes from its member (RFC 9420 §12.1.2)")]
    UpdateSender,
    /// §12.2: a reference names a proposal of this epoch.
    #[error("proposal reference is known (RFC 9420 §12.2)")]
    ProposalKnown,
    /// §12.1: no more proposals wait than the application's bound.
    #[error("bound of waiting proposals (RFC 9420 §12.1)")]
    WaitingProposals,
    /// §12.2: no Update by the committer.
    #[error("no update by the committer (RFC 9420 §12.2)")]
    NoUpdateByCommitter,
    /// §12.2: no Remove of the committer.
    #[error("no removal of the committer (RFC 9420 §12.2)")]
    NoRemoveOfCommitter,
    /// §12.2: one Update or Remove per leaf.
    #[error("one update or removal per leaf (RFC 9420 §12.2)")]
    OneChangePerLeaf,
    /// §12.2: no client is added twice.
    #[error("no client added twice (RFC 9420 §12.2)")]
    AddsDistinct,
    /// §12.2: no member is added again.
    #[error("no member added again (RFC 9420 §12.2)")]
    AddIsNew,
    /// §12.2, §13.2: a proposal type that every member processes.
    #[error("proposal type is supported (RFC 9420 §12.2)")]
    ProposalTypeSupported,
    /// §12.4: a path where one is required.
    #[error("path is present where required (RFC 9420 §12.4)")]
    PathRequired,
    /// §7.6: the path has one node per node of the filtered direct path.
    #[error("path length (RFC 9420 §7.6)")]
    PathLength,
    /// §7.6: one ciphertext per node of the copath's resolution.
    #[error("path ciphertext count (RFC 9420 §7.6)")]
    PathCiphertextCount,
    /// §12.4.2: the path's keys are nowhere else in the tree.
    #[error("path keys are new (RFC 9420 §12.4.2)")]
    PathKeysNew,
    /// §7.9.2: the leaf's parent hash.
    #[error("parent hash (RFC 9420 §7.9.2)")]
    ParentHash,
    /// §7.6: the path secret for this member opens.
    #[error("path secret opens (RFC 9420 §7.6)")]
    PathSecretOpens,
    /// §7.5: derived public keys equal the sent ones.
    #[error("path keys match their secrets (RFC 9420 §7.5)")]
    PathKeysMatch,
    /// §12.4.2: the confirmation tag.
    #[error("confirmation tag (RFC 9420 §12.4.2)")]
    ConfirmationTag,
    /// §8.1: the epoch number grows by one.
    #[error("epoch number (RFC 9420 §8.1)")]
    EpochNumber,
    /// §12.4.3.1: the Welcome is for one of this client's KeyPackages.
    #[error("welcome is for this key package (RFC 9420 §12.4.3.1)")]
    WelcomeRecipient,
    /// §12.4.3.1: the Welcome's suite is the KeyPackage's.
    #[error("welcome's suite (RFC 9420 §12.4.3.1)")]
    WelcomeSuite,
    /// §12.4.3.1: the group secrets open.
    #[error("group secrets open (RFC 9420 §12.4.3.1)")]
    GroupSecretsOpen,
    /// §12.4.3.1: the GroupInfo opens.
    #[error("group info opens (RFC 9420 §12.4.3.1)")]
    GroupInfoOpens,
    /// §12.4.3.1: every pre-shared key named is held.
    #[error("pre-shared keys are held (RFC 9420 §12.4.3.1)")]
    PskHeld,
    /// §12.4.3: the GroupInfo's signature, by a member.
    #[error("group info signature (RFC 9420 §12.4.3)")]
    GroupInfoSignature,
    /// §12.4.3.1: a tree came with the GroupInfo or beside it.
    #[error("ratchet tree is given (RFC 9420 §12.4.3.1)")]
    TreeGiven,
    /// §12.4.3.3: the node list is a tree.
    #[error("ratchet tree's shape (RFC 9420 §12.4.3.3)")]
    TreeShape,
    /// §12.4.3.1: the tree hash.
    #[error("tree hash (RFC 9420 §12.4.3.1)")]
    TreeHash,
    /// §7.9.2: each parent is parent-hash valid.
    #[error("tree is parent-hash valid (RFC 9420 §7.9.2)")]
    TreeParentHashes,
    /// §7.1, §12.4.3.1: unmerged leaves are sorted members below, listed all the way.
    #[error("unmerged leaves (RFC 9420 §7.1)")]
    UnmergedLeaves,
    /// §12.4.3.1: one leaf is the KeyPackage's.
    #[error("own leaf is in the tree (RFC 9420 §12.4.3.1)")]
    OwnLeafPresent,
    /// §12.4.3.1: the path secret's keys are the tree's.
    #[error("welcome's path secret matches the tree (RFC 9420 §12.4.3.1)")]
    WelcomePathSecret,
}
