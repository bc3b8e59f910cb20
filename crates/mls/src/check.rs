//! The rules that a message, a member or a group must keep, one name each.
//!
//! One table gives each rule its number, its section and its class. `docs/validation.md` is made from
//! it, with the places of code and the tests that name the rule.

/// What keeping a rule means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// A message that breaks the rule is refused, and the group stays as it was.
    Reject,
    /// A message is taken although it may look wrong.
    Accept,
    /// The engine never makes a message that breaks the rule.
    Producer,
    /// The engine's own state keeps the rule.
    State,
}

/// The rules: `number, name, class, section, text`; those that no list numbers come last.
macro_rules! rules {
    ($($number:literal $name:ident $class:ident $section:literal $text:literal)*
     ; $($plain:ident $plain_class:ident $plain_section:literal $plain_text:literal)*) => {
        /// A rule of RFC 9420, or of draft-ietf-mls-extensions where its section says so.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
        #[non_exhaustive]
        pub enum Check {
            $(#[doc = concat!($text, " (§", $section, ").")]
              #[error("{} ({})", $text, reference($section))]
              $name,)*
            $(#[doc = concat!($plain_text, " (§", $plain_section, ").")]
              #[error("{} ({})", $plain_text, reference($plain_section))]
              $plain,)*
        }

        impl Check {
            /// All rules, the numbered ones first and in order.
            pub const ALL: &[Self] = &[$(Self::$name,)* $(Self::$plain,)*];

            /// The rule's number in the list of RFC 9420's checks, where it has one.
            pub fn number(self) -> Option<u16> {
                match self {
                    $(Self::$name => Some($number),)*
                    _ => None,
                }
            }

            /// What keeping the rule means.
            pub fn class(self) -> Class {
                match self {
                    $(Self::$name => Class::$class,)*
                    $(Self::$plain => Class::$plain_class,)*
                }
            }

            /// Where the rule stands: a section of RFC 9420, or of a draft that it names.
            pub fn section(self) -> &'static str {
                match self {
                    $(Self::$name => $section,)*
                    $(Self::$plain => $plain_section,)*
                }
            }

            /// The rule in a few words.
            pub fn text(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                    $(Self::$plain => $plain_text,)*
                }
            }
        }
    };
}

/// A section with the document that it is of.
fn reference(section: &str) -> String {
    if section.starts_with(|first: char| first.is_ascii_digit()) {
        format!("RFC 9420 §{section}")
    } else {
        format!("draft-ietf-{section}")
    }
}

rules! {
    1 OptionalPresence Reject "2.1.1" "an optional value's presence is 0 or 1"
    2 VectorHeader Reject "2.1.2" "a vector's length is minimal and within bounds"
    3 WholeStructure Reject "6" "the whole input is one known structure"
    4 ExtensionsDistinct Reject "13.4" "one extension of each type"
    5 UnknownValuesIgnored Accept "13.4" "unknown values in capabilities and extensions are ignored"
    6 GreaseIgnored Accept "13.5" "GREASE values get no special treatment"
    7 SignatureScheme Reject "5.1.2" "a leaf's signature key is of the suite's scheme"
    8 Labels Reject "5.1.2" "signatures, encryptions and references carry their labels"
    9 X509KeyMatches Reject "5.3" "an X.509 credential certifies the leaf's signature key"
    10 CredentialValidated Reject "5.3.1" "every new credential is shown to the Authentication Service"
    11 CredentialSuccession Reject "5.3.1" "a member's new credential succeeds its old one"
    12 ApplicationIdUnauthenticated State "5.3.3" "application_id is never taken as authenticated"
    13 ExpiredCredentialAccepted Accept "5.3.2" "an expired old credential does not stop its renewal"
    14 LeafCredential Reject "7.3" "a leaf's credential is valid"
    15 LeafSignature Reject "7.3" "a leaf's signature covers its place"
    16 RequiredCapabilities Reject "7.3" "a leaf has the group's required capabilities"
    17 LeafVersionAndSuite Reject "7.2" "a leaf supports the group's version and cipher suite"
    18 GroupExtensionsSupported Reject "13.4" "a leaf supports the group's extensions"
    19 LeafListsCredential Reject "7.2" "a leaf lists its own credential type"
    20 CredentialTypesSupported Reject "7.3" "every member supports every credential type in use"
    21 LeafListsExtensions Reject "7.3" "a leaf lists the types of its own extensions"
    22 DefaultsNotListed Producer "7.2" "default types are not listed in capabilities"
    23 LifetimeLength Reject "7.2" "a lifetime is no longer than the application's maximum"
    24 LifetimeContainsNow Reject "7.3" "a leaf is added within its lifetime"
    25 LeafSource Reject "7.3" "a leaf's source fits its carrier"
    26 EncryptionKeyNew Reject "7.3" "an Update or Commit brings a new encryption key"
    27 LeafKeysUnique Reject "7.3" "a leaf's keys are no other member's"
    28 KeyPackageMessageVersion Reject "10" "a KeyPackage has its message's version"
    29 KeyPackageVersionAndSuite Reject "10.1" "a KeyPackage has the group's version and cipher suite"
    30 KeyPackageLeaf Reject "10.1" "a KeyPackage's leaf is valid for a KeyPackage"
    31 KeyPackageSignature Reject "10.1" "a KeyPackage's signature"
    32 InitKeyDiffers Reject "10.1" "the init key differs from the leaf's encryption key"
    33 KeysValidForSuite Reject "10" "public keys are valid for the cipher suite"
    34 InitKeyFresh Producer "10" "each KeyPackage has an init key of its own"
    35 KeyPackageListsExtensions Reject "10" "a KeyPackage's extension types are listed in its leaf's capabilities"
    36 KeyPackageUsedOnce State "10" "a KeyPackage is used once"
    37 GroupIdAndEpoch Reject "6" "a message is of this group and of an epoch that takes it"
    38 ApplicationIsPrivate Reject "6" "application data travels in a PrivateMessage"
    39 MembershipTag Reject "6.2" "the membership tag of members, and only of members"
    40 MessageSignature Reject "6.1" "a message's signature, by the key of its sender"
    41 SignedContext Reject "6.1" "the signature covers the group context for members and joiners by commit"
    42 ExternalSenderContent Reject "6.1" "an external sender proposes what external senders may"
    43 NewMemberContent Reject "6.1" "a new member proposes its own Add or commits its own joining"
    44 ExternalSenderKnown Reject "12.1.8" "an external sender is one that the group names"
    45 NonMembersArePublic Producer "6" "only members send PrivateMessages"
    46 ConfirmationTagPresence Reject "6.1" "a commit carries a confirmation tag, and nothing else does"
    47 PrivateMessageAad Reject "6.3.1" "encryption covers group, epoch, content type and authenticated data"
    48 SenderIsMember Reject "6.3.2" "the sender's leaf is a member"
    49 Padding Reject "6.3.1" "padding is zero"
    50 ReuseGuard Producer "6.3.1" "a fresh reuse guard for each message"
    51 KeyUsedOnce Reject "9.2" "a message key opens one message"
    52 GenerationBound Reject "15.3" "a generation is within the bound for skipping"
    53 AeadLimit Producer "15.2" "an epoch's keys seal a bounded number of messages"
    54 ProposalsCommittedFirst Producer "12.4" "proposals that wait are committed before application data is sent"
    55 NoDataInOldEpoch Producer "15.2" "no application data under an epoch that has ended"
    56 ProposalAuthenticated State "12.1" "a proposal is kept once authenticated, by its reference"
    57 AddKeyPackage Reject "12.1.1" "an Add's KeyPackage is valid"
    58 UpdateSender Reject "12.1.2" "an Update comes from its member"
    59 RemovedIsMember Reject "12.1.3" "a Remove names a member"
    60 PskProposal Reject "12.1.4" "a pre-shared key's nonce and usage fit an ordinary commit"
    61 ReInitVersion Reject "12.1.5" "a ReInit does not lower the version"
    62 ExternalInitPlace Reject "12.1.6" "an ExternalInit stands in an external commit alone"
    63 NewExtensionsSupported Reject "12.1.7" "all members support the new group extensions"
    64 ExternalProposalAuthorised State "12.1.8" "the application decides about proposals from outside"
    65 ProposalTypeSupported Reject "12.2" "all members support a proposal's type"
    66 ProposalKnown Reject "12.2" "a reference names a proposal of this epoch"
    67 NoUpdateByCommitter Reject "12.2" "no Update by the committer"
    68 NoRemoveOfCommitter Reject "12.2" "no Remove of the committer"
    69 OneChangePerLeaf Reject "12.2" "one Update or Remove per leaf"
    70 AddsDistinct Reject "12.2" "no client is added twice"
    71 AddIsNew Reject "12.2" "no member is added again"
    72 PsksDistinct Reject "12.2" "no pre-shared key twice"
    73 OneGroupContextExtensions Reject "12.2" "one GroupContextExtensions"
    74 ReInitAlone Reject "12.2" "a ReInit stands alone"
    75 NoExternalInit Reject "12.2" "no ExternalInit in a member's commit"
    76 ResultingTree Reject "12.2" "the resulting tree is valid"
    77 ApplicationPolicy State "12.2" "the application's policy decides who may do what"
    78 OmittedProposals Accept "12.4" "a commit may leave proposals out"
    79 ProposalOrder State "12.3" "proposals apply in their order"
    80 TreeChanges State "7.7" "leaves are added leftmost, paths blanked, the tree truncated"
    81 PskAvailable Reject "12.4.2" "the pre-shared keys of a commit are held"
    82 PathRequired Reject "12.4" "a path where one is required"
    83 PathLeaf Reject "12.4.2" "a path's leaf is valid for a Commit"
    84 PathKeysNew Reject "12.4.2" "a path's keys are nowhere else in the tree"
    85 PathLength Reject "7.6" "a path has one node per node of the filtered direct path"
    86 PathCiphertextCount Reject "7.6" "one ciphertext per node of the copath's resolution"
    87 ParentHash Reject "7.9.2" "a path leaf's parent hash"
    88 PathContext Reject "12.4.2" "path secrets are sealed under the provisional context"
    89 PathKeysMatch Reject "7.5" "public keys are those of the path secrets"
    90 CommitSecret State "12.4.2" "the commit secret is the path's, or zero without one"
    91 TranscriptHash Reject "8.2" "the transcript covers wire format, content and signature"
    92 PskOrder Reject "12.4.2" "pre-shared keys enter in the order of their proposals"
    93 ConfirmationTag Reject "12.4.2" "a commit's confirmation tag"
    94 ReInitEnds Producer "12.4.2" "nothing is sent in a group that is reinitialised"
    95 CommitPending State "14" "a commit of one's own changes nothing until accepted"
    96 OldSecretsErased State "7.5" "replaced keys and secrets are erased"
    97 RemovedMemberStops State "12.4.2" "a removed client's membership ends"
    98 FailureVisibility State "16.12" "whether all members see what is wrong with a commit"
    99 ExternalCommitPublic Reject "12.4.3.2" "an external commit is a PublicMessage of a new member"
    100 ExternalCommitPath Reject "12.4.3.2" "an external commit has a path"
    101 OneExternalInit Reject "12.2" "an external commit has one ExternalInit"
    102 OneRemoveOfPrior Reject "12.2" "an external commit removes at most the joiner's prior appearance"
    103 ExternalCommitProposals Reject "12.2" "an external commit has no other proposals"
    104 NoReferencesInExternalCommit Reject "12.2" "an external commit has no proposals by reference"
    105 ExternalCommitSignature Reject "12.4.3.2" "an external commit is signed by its path's leaf"
    106 ExternalJoinerPlace State "12.4.3.2" "an external joiner gets the leftmost blank leaf"
    107 ExternalInitSecret Reject "8.3" "the init secret comes from the external key"
    108 ExternalGroupInfo Reject "12.4.3.2" "an external joiner verifies the GroupInfo"
    109 WelcomeRecipient Reject "12.4.3.1" "a Welcome is for one of this client's KeyPackages"
    110 GroupSecretsOpen Reject "12.4.3.1" "the group secrets open"
    111 PskHeld Reject "12.4.3.1" "the pre-shared keys of a Welcome are held and fit"
    112 GroupInfoOpens Reject "12.4.3.1" "the GroupInfo opens"
    113 GroupInfoSignature Reject "12.4.3.1" "the GroupInfo is signed by a member"
    114 GroupIdFree Reject "12.4.3.1" "this client is in no group of this id"
    115 GroupInfoParameters Reject "12.4.3.1" "the GroupInfo's version and cipher suite are the KeyPackage's"
    116 JoinerSupportsExtensions Reject "12.4.3.1" "the joiner supports the group's extensions"
    117 JoinedTree Reject "12.4.3.1" "the tree is the GroupInfo's, wherever it comes from"
    118 OwnLeafPresent Reject "12.4.3.1" "one leaf is the KeyPackage's"
    119 WelcomePathSecret Reject "12.4.3.1" "a Welcome's path secret matches the tree"
    120 GroupInfoConfirmation Reject "12.4.3.1" "the GroupInfo's confirmation tag"
    121 SuccessorEpoch Reject "12.4.3.1" "a successor or branch begins at epoch 1"
    122 WelcomePsks Reject "8.4" "a Welcome names the commit's pre-shared keys in their order"
    123 WelcomeCoversAll Producer "12.4.1" "Welcomes cover every added member"
    124 TreeShape Reject "12.4.3.3" "a node list is a tree"
    125 TreeHash Reject "12.4.3.1" "the tree hash"
    126 TreeLeaves Reject "12.4.3.1" "every leaf of a tree is valid"
    127 TreeParentHashes Reject "7.9.2" "each parent is parent-hash valid"
    128 ParentHashLink Reject "7.9.2" "a parent's hash is carried by just one resolution below"
    129 UnmergedAscending Reject "7.1" "unmerged leaves ascend"
    130 UnmergedIsMemberBelow Reject "12.4.3.1" "an unmerged leaf is a member below"
    131 UnmergedListedBetween Reject "12.4.3.1" "parents in between list an unmerged leaf too"
    132 ParentKeyUnique Reject "12.4.3.1" "a parent's key stands nowhere else"
    133 TreeLeafKeysUnique Reject "7.3" "the keys of a tree's leaves are unique"
    134 PskNonceFresh Producer "8.4" "a fresh nonce of the KDF's length for each pre-shared key"
    135 PskSecret State "8.4" "the PSK secret covers index and count, and is zero without keys"
    136 ReInitWelcome Reject "11.2" "a successor's parameters are the ReInit's"
    137 ReInitMembers Reject "11.2" "a successor follows a ReInit and keeps all members"
    138 BranchWelcome Reject "11.3" "a branch's parameters are its parent's, and its members the parent's"
    139 ResumptionUsage Reject "12.1.4" "reinit and branch keys serve successors and branches alone"
    140 ResumptionBound State "8.6" "a bounded number of past epochs' resumption keys"
    141 GroupCreation State "11" "a group begins with one leaf, epoch 0 and a random secret"
    142 BestCommonSuite Producer "11" "the members' best common version and cipher suite is chosen"
    143 GroupIdRandom Producer "11" "a group id is random, of the KDF's length"
    144 MandatorySuite State "17.1" "the mandatory cipher suite is there"
    145 AppDataDictionary Reject "mls-extensions 4.6" "components ascend in a dictionary, each there once"
    146 AppDataUpdate Reject "mls-extensions 4.7" "a component of the application takes the update of its data"
    147 AppEphemeral Reject "mls-extensions 4.8" "a component of the application accepts what is said in its name"
    148 SelfRemove Reject "mls-extensions 6.3" "a SelfRemove is a member's own, in a PublicMessage, and committed by reference"
    149 SafeAad Reject "mls-extensions 4.9" "authenticated data is a SafeAAD in a group that has safe_aad"
    150 MultiCredential Reject "mls-extensions 6.5" "off: multi-credentials are not supported"
    ;
    MessageEncryption Reject "6.3.1" "the ciphertext opens"
    SenderData Reject "6.3.2" "the sender data opens"
    SenderType Reject "6.1" "the sender type may send this content here"
    ProtocolVersion Reject "6" "protocol version 1.0"
    PathSecretOpens Reject "7.6" "the path secret for this member opens"
    TreeGiven Reject "12.4.3.1" "a tree came with the GroupInfo or beside it"
    ExternalKeyGiven Reject "12.4.3.2" "a GroupInfo for external joiners has the external key"
    EpochNumber Reject "8.1" "the epoch number grows by one"
    WaitingProposals Reject "12.1" "no more proposals wait than the application's bound"
    CommitBound Reject "12.4" "no more proposals in a commit than the application's bound"
    MessageBound Reject "6" "a message no longer than the application's bound"
    ListBound Reject "7.2" "no more capabilities or extensions in a list than the application's bound"
    LeafBound Reject "7.2" "a leaf no longer than the application's bound"
    ExtensionsBound Reject "12.1.7" "a group's extensions no longer than the application's bound"
    TreeBound Reject "7.8" "no more leaves than the application's bound"
    AppDataOneOperation Reject "mls-extensions 4.7" "a component's data is removed once or updated, not both"
    ComponentCiphertext Reject "mls-extensions 4.2" "what is sealed to a component opens"
    AppDataPresent Reject "mls-extensions 4.7" "data that is removed is there"
    AppDataByUpdateAlone Reject "mls-extensions 4.7" "where AppDataUpdate is required, nothing else changes the dictionary"
    OneSelfRemove Producer "mls-extensions 6.3" "one SelfRemove in an epoch"
    TargetedRecipient Reject "mls-targeted-messages 5" "a targeted message is for this member"
    MediaTypes Reject "mls-extensions 6.2" "content says what kind it is where the group requires that"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_1_to_150() {
        let numbers: Vec<_> = Check::ALL
            .iter()
            .filter_map(|check| check.number())
            .collect();
        assert!(numbers.into_iter().eq(1..=150));
    }

    #[test]
    fn a_rule_says_where_it_stands() {
        assert_eq!(
            Check::Padding.to_string(),
            "padding is zero (RFC 9420 §6.3.1)"
        );
        let draft = Check::SelfRemove.to_string();
        assert!(
            draft.ends_with("(draft-ietf-mls-extensions 6.3)"),
            "{draft}"
        );
    }
}
