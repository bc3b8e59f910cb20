//! What joiners get: a Welcome, and the GroupInfo in it (RFC 9420 §12.4.3).

use folkmoot_mls::hazmat::{self, Knowledge, OpenedWelcome, Psks};
use folkmoot_mls::{
    Check, CipherSuite, CommitBundle, CommitIntent, Credential, Epoch, ExtensionType, Extensions,
    ExternalSender, Group, GroupId, Holdings, JoinOptions, KeyPackageRef, LeafIndex, MessageBody,
    MlsMessage, NoRecords, PathSecret, PreSharedKeyId, Proposal, ProtocolVersion, Psk,
    ResumptionPskUsage, Services, Settings, Welcome, derive_secret, encrypt_with_label,
};
use folkmoot_sim::{
    Invitee, Names, Refusal, SHARED, Scene, all_go_on, assert_agree, crypto, member, refusal,
    reseal, rng, services, shared_psk, sign_group_info,
};

/// Dora is being added by the insider, whose commit has a path.
pub(crate) struct Invitation {
    pub(crate) scene: Scene,
    pub(crate) dora: Invitee,
    pub(crate) bundle: CommitBundle,
    psks: Psks,
}

impl Invitation {
    pub(crate) fn new(scene: Scene) -> Self {
        Self::with_psks(scene, Vec::new())
    }

    fn with_psks(scene: Scene, psks: Vec<Psk>) -> Self {
        let intent = CommitIntent {
            force_path: true,
            psks,
            ..CommitIntent::default()
        };
        Self::by(scene, intent)
    }

    /// The same by a commit without a path.
    pub(crate) fn added_without_path(scene: Scene) -> Self {
        Self::by(scene, CommitIntent::default())
    }

    fn by(mut scene: Scene, intent: CommitIntent) -> Self {
        let dora = Invitee::new("dora", 9);
        let bundle = scene.mallory.person.commit(CommitIntent {
            add: vec![dora.verified()],
            ..intent
        });
        let mut invitation = Self {
            scene,
            dora,
            bundle,
            psks: Vec::new(),
        };
        invitation.psks = invitation.named_psks();
        invitation
    }

    /// The shared key, under each name by which the commit mixes it in.
    fn named_psks(&self) -> Psks {
        let commit = self.bundle.commit.clone();
        let incoming = self
            .scene
            .alice
            .group
            .receive(commit, services().with_records(&self.scene.alice.store))
            .unwrap();
        let folkmoot_mls::IncomingContent::Commit(summary) = incoming.content() else {
            panic!("no commit")
        };
        let key = Names.external_psk(SHARED).unwrap();
        let ids = summary.psks.iter().cloned();
        ids.map(|id| (id, key.clone())).collect()
    }

    pub(crate) fn welcome(&self) -> &MlsMessage {
        self.bundle.welcome.as_ref().unwrap()
    }

    pub(crate) fn opened(&self) -> OpenedWelcome {
        let MessageBody::Welcome(welcome) = &self.welcome().body else {
            panic!("no Welcome")
        };
        OpenedWelcome::open(crypto(), welcome, self.dora.own(), &self.psks).unwrap()
    }

    /// Signs and seals what was opened and changed.
    pub(crate) fn sealed(&self, mut opened: OpenedWelcome) -> MlsMessage {
        let key = self.scene.mallory.knowledge().signature.private;
        opened.group_info = sign_group_info(crypto(), opened.group_info.content, &key);
        reseal(crypto(), &opened, &self.dora.key_package)
    }

    /// The same after its confirmation tag was made right.
    pub(crate) fn confirmed(&self, mut opened: OpenedWelcome) -> MlsMessage {
        let tag = opened.confirmation_tag(crypto());
        opened.group_info.content.confirmation_tag = tag.into();
        self.sealed(opened)
    }

    /// Dora refuses the Welcome for this reason.
    pub(crate) fn refuses(&self, welcome: &MlsMessage, reason: impl Into<Refusal>) {
        assert_eq!(refusal(self.dora.join(welcome)), reason.into());
    }

    /// Dora joins by the honest Welcome, and everyone goes on.
    pub(crate) fn goes_on(mut self) {
        for person in [
            &mut self.scene.alice,
            &mut self.scene.bob,
            &mut self.scene.charlie,
        ] {
            person.receive(&self.bundle.commit).unwrap();
        }
        self.scene.mallory.person.accept();
        let mut dora = self.dora.join(self.welcome()).unwrap();
        let mut people = Vec::from(self.scene.everyone());
        people.push(&mut dora);
        all_go_on(&mut people);
    }

    fn changed_welcome(&self, change: impl FnOnce(&mut Welcome)) -> MlsMessage {
        let mut message = self.welcome().clone();
        let MessageBody::Welcome(welcome) = &mut message.body else {
            panic!("no Welcome")
        };
        change(welcome);
        message
    }
}

impl Default for Invitation {
    fn default() -> Self {
        Self::new(Scene::default())
    }
}

/// Shows that the kit's Welcomes are sound where nothing in them is changed.
#[test]
fn an_unchanged_welcome_is_taken() {
    let invitation = Invitation::default();
    let resealed = invitation.confirmed(invitation.opened());
    assert!(invitation.dora.join(&resealed).is_ok());
    invitation.goes_on();
}

/// Shows [`Check::WelcomeRecipient`].
#[test]
fn welcome_recipient() {
    let invitation = Invitation::default();
    let other = Invitee::new("dora", 10);
    let refused = refusal(other.join(invitation.welcome()));
    assert_eq!(refused, Check::WelcomeRecipient.into());
    let suite = invitation.changed_welcome(|welcome| welcome.cipher_suite = CipherSuite(3));
    invitation.refuses(&suite, Check::WelcomeRecipient);
    let renamed = |welcome: &mut Welcome| {
        welcome.secrets[0].new_member = KeyPackageRef(vec![7; 32].into());
    };
    let renamed = invitation.changed_welcome(renamed);
    invitation.refuses(&renamed, Check::WelcomeRecipient);
    let MessageBody::Welcome(welcome) = &invitation.welcome().body else {
        panic!("no Welcome")
    };
    let other_suite = folkmoot_crypto::provider(CipherSuite(3)).unwrap();
    let (own, options) = (invitation.dora.own(), JoinOptions::default());
    let settings = Settings::default();
    let joined = Group::join(other_suite, welcome, own, options, settings, services());
    assert_eq!(refusal(joined), Check::WelcomeRecipient.into());
    invitation.goes_on();
}

/// Shows [`Check::GroupSecretsOpen`].
#[test]
fn group_secrets_open() {
    let invitation = Invitation::default();
    let spoil = |welcome: &mut Welcome| {
        let mut info = welcome.encrypted_group_info.as_slice().to_vec();
        info[0] ^= 1;
        welcome.encrypted_group_info = info.into();
    };
    let other_info = invitation.changed_welcome(spoil);
    invitation.refuses(&other_info, Check::GroupSecretsOpen);
    // Of Check::Labels: what is sealed for another purpose does not open.
    let secrets = hazmat::to_bytes(&invitation.opened().group_secrets);
    for label in ["UpdatePathNode", ""] {
        let relabel = |welcome: &mut Welcome| {
            let info = welcome.encrypted_group_info.as_slice();
            let key = invitation.dora.key_package.content.init_key.as_slice();
            let sealed = encrypt_with_label(crypto(), key, label, info, &secrets, &mut rng(7));
            welcome.secrets[0].encrypted_group_secrets = sealed.unwrap();
        };
        let relabelled = invitation.changed_welcome(relabel);
        invitation.refuses(&relabelled, Check::GroupSecretsOpen);
    }
    invitation.goes_on();
}

/// Shows [`Check::PskHeld`].
#[test]
fn psk_held() {
    let invitation = Invitation::default();
    let psk = |psk: Psk, length| PreSharedKeyId {
        psk,
        psk_nonce: vec![7; length].into(),
    };
    let founding = |usage| {
        let id = GroupId::new(b"old".to_vec());
        psk(Psk::Resumption(usage, id, Epoch(1)), 32)
    };
    let lists = [
        vec![psk(Psk::External(b"unknown".as_slice().into()), 32)],
        vec![psk(shared_psk(), 31)],
        vec![founding(ResumptionPskUsage::Application)],
        vec![
            founding(ResumptionPskUsage::ReInit),
            founding(ResumptionPskUsage::Branch),
        ],
    ];
    for psks in lists {
        let mut opened = invitation.opened();
        opened.group_secrets.psks = psks;
        invitation.refuses(&invitation.sealed(opened), Check::PskHeld);
    }
    invitation.goes_on();
}

/// Shows [`Check::GroupInfoOpens`].
#[test]
fn group_info_opens() {
    let invitation = Invitation::default();
    let mut opened = invitation.opened();
    opened.psk_secret = folkmoot_crypto::Secret::from(vec![7; 32]);
    invitation.refuses(&invitation.sealed(opened), Check::GroupInfoOpens);
    invitation.goes_on();
}

/// Shows [`Check::GroupInfoSignature`].
#[test]
fn group_info_signature() {
    let invitation = Invitation::default();
    for signer in [LeafIndex(0), LeafIndex(7), LeafIndex(u32::MAX)] {
        let mut opened = invitation.opened();
        opened.group_info.content.signer = signer;
        invitation.refuses(&invitation.sealed(opened), Check::GroupInfoSignature);
    }
    let mut opened = invitation.opened();
    opened.group_info.signature = vec![7; 64].into();
    let unsigned = reseal(crypto(), &opened, &invitation.dora.key_package);
    invitation.refuses(&unsigned, Check::GroupInfoSignature);
    invitation.goes_on();
}

/// A client that is in every group already.
pub(crate) struct Everywhere;

impl Holdings for Everywhere {
    fn has_group(&self, _: &GroupId) -> bool {
        true
    }
}

/// Of [`Check::CredentialValidated`]: a joiner asks about whom the group admits, as about its members.
#[test]
fn joiner_validates_credentials() {
    let invitation = Invitation::default();
    let mut opened = invitation.opened();
    let sender = ExternalSender {
        signature_key: vec![7; 32].into(),
        credential: Credential::Basic(b"mallet".as_slice().into()),
    };
    let context = &mut opened.group_info.content.group_context;
    context.extensions = Extensions::default().admitting(&vec![sender]);
    invitation.refuses(&invitation.confirmed(opened), Refusal::Credential);
    invitation.goes_on();
}

/// Shows [`Check::GroupIdFree`].
#[test]
fn group_id_free() {
    let invitation = Invitation::default();
    let joined = invitation.dora.join_with(
        invitation.welcome(),
        JoinOptions::default(),
        Settings::default(),
        Services::new(&Names, &Everywhere),
    );
    assert_eq!(refusal(joined), Check::GroupIdFree.into());
    invitation.goes_on();
}

/// Shows [`Check::GroupInfoParameters`].
#[test]
fn group_info_parameters() {
    let invitation = Invitation::default();
    let mut suite = invitation.opened();
    suite.group_info.content.group_context.cipher_suite = CipherSuite(3);
    let mut version = invitation.opened();
    version.group_info.content.group_context.version = ProtocolVersion(2);
    for opened in [suite, version] {
        let welcome = invitation.confirmed(opened);
        invitation.refuses(&welcome, Check::GroupInfoParameters);
    }
    invitation.goes_on();
}

/// Shows [`Check::JoinerSupportsExtensions`].
#[test]
fn joiner_supports_extensions() {
    let invitation = Invitation::default();
    let mut opened = invitation.opened();
    let context = &mut opened.group_info.content.group_context;
    context.extensions = Extensions::default().with(ExtensionType(0xF00D), b"x".as_slice());
    let welcome = invitation.confirmed(opened);
    invitation.refuses(&welcome, Check::JoinerSupportsExtensions);
    invitation.goes_on();
}

/// Shows [`Check::JoinedTree`]: a tree from elsewhere is verified as one in the GroupInfo is. Shows
/// [`Check::TreeGiven`].
#[test]
fn joined_tree() {
    let invitation = Invitation::default();
    let opened = invitation.opened();
    let extensions = &opened.group_info.content.extensions;
    let tree = extensions.find(ExtensionType::RATCHET_TREE).unwrap();
    let tree = tree.to_vec();
    let mut bare = opened.clone();
    bare.group_info.content.extensions = Extensions::default();
    let bare = invitation.sealed(bare);
    invitation.refuses(&bare, Check::TreeGiven);
    let join = |tree: &[u8]| {
        let options = JoinOptions {
            tree: Some(tree),
            predecessor: None,
        };
        let settings = Settings::default();
        invitation
            .dora
            .join_with(&bare, options, settings, services())
    };
    let other = invitation
        .scene
        .alice
        .group
        .tree()
        .to_extension(&invitation.scene.alice.store)
        .unwrap();
    // The signer's leaf is the same in both.
    assert_eq!(refusal(join(&other)), Check::TreeHash.into());
    assert!(matches!(refusal(join(&tree[1..])), Refusal::Malformed(_)));
    assert!(join(&tree).is_ok());
    invitation.goes_on();
}

/// Shows [`Check::OwnLeafPresent`].
#[test]
fn own_leaf_present() {
    let invitation = Invitation::default();
    let known = invitation.scene.mallory.knowledge();
    let mut opened = invitation.opened();
    let content = &mut opened.group_info.content;
    let tree = known.tree.to_extension(&NoRecords).unwrap();
    content.extensions = Extensions::default().with(ExtensionType::RATCHET_TREE, tree);
    content.group_context = known.context;
    let welcome = invitation.confirmed(opened);
    invitation.refuses(&welcome, Check::OwnLeafPresent);
    // Another KeyPackage of the same client, with the same signature key, is added in its place.
    let one = member("dora", &mut rng(9));
    let [one, other] = [50, 51].map(|seed| Invitee::of(one.clone(), rng(seed)));
    let add = Proposal::Add(Box::new(other.key_package));
    let commit = invitation.scene.mallory.forge(vec![add]).with_path();
    let key = &invitation.scene.mallory.knowledge().signature.private;
    let welcome = commit.welcome(&one.key_package, key);
    assert_eq!(refusal(one.join(&welcome)), Check::OwnLeafPresent.into());
    invitation.goes_on();
}

/// Shows [`Check::WelcomePathSecret`].
#[test]
fn welcome_path_secret() {
    let invitation = Invitation::default();
    let mut opened = invitation.opened();
    assert!(opened.group_secrets.path_secret.is_some());
    let path_secret = folkmoot_crypto::Secret::from(vec![7; 32]);
    opened.group_secrets.path_secret = Some(PathSecret { path_secret });
    invitation.refuses(&invitation.confirmed(opened), Check::WelcomePathSecret);

    // One from which the tree's keys do follow, but that is no hash.
    let dora = &invitation.dora.key_package;
    let add = Proposal::Add(Box::new(dora.clone()));
    let mut commit = invitation.scene.mallory.forge(vec![add]);
    commit.begin_path();
    let short = folkmoot_crypto::Secret::from(vec![7; 31]);
    let node = derive_secret(crypto(), &short, "node");
    let keys = crypto().derive_kem_key_pair(&node).unwrap();
    *commit.path_secrets.last_mut().unwrap() = short.clone();
    *commit.public_keys.last_mut().unwrap() = keys.public;
    commit.seal_path();
    let key = &invitation.scene.mallory.knowledge().signature.private;
    let mut opened = commit.opened_welcome(key);
    opened.group_secrets.path_secret = Some(PathSecret { path_secret: short });
    let welcome = reseal(crypto(), &opened, dora);
    invitation.refuses(&welcome, Check::WelcomePathSecret);

    // One of a commit without a path.
    let bare = Invitation::added_without_path(Scene::default());
    let mut opened = bare.opened();
    assert!(opened.group_secrets.path_secret.is_none());
    let path_secret = folkmoot_crypto::Secret::from(vec![7; 32]);
    opened.group_secrets.path_secret = Some(PathSecret { path_secret });
    bare.refuses(&bare.confirmed(opened), Check::WelcomePathSecret);
    bare.goes_on();
    invitation.goes_on();
}

/// Shows [`Check::GroupInfoConfirmation`].
#[test]
fn group_info_confirmation() {
    let invitation = Invitation::default();
    let mut wrong_tag = invitation.opened();
    wrong_tag.group_info.content.confirmation_tag = vec![7; 32].into();
    let mut other_epoch = invitation.opened();
    other_epoch.group_info.content.group_context.epoch.0 += 1;
    let mut other_transcript = invitation.opened();
    let context = &mut other_transcript.group_info.content.group_context;
    context.confirmed_transcript_hash = vec![7; 32].into();
    for opened in [wrong_tag, other_epoch, other_transcript] {
        let welcome = invitation.sealed(opened);
        invitation.refuses(&welcome, Check::GroupInfoConfirmation);
    }
    invitation.goes_on();
}

/// Shows [`Check::WelcomePsks`]: another list does not open the GroupInfo.
#[test]
fn welcome_psks() {
    let wanted = vec![shared_psk(), shared_psk()];
    let invitation = Invitation::with_psks(Scene::default(), wanted);
    let honest = invitation.opened().group_secrets.psks;
    assert_eq!(honest.len(), 2);
    let reversed = honest.iter().rev().cloned().collect();
    let more = [&honest[..], &honest[..1]].concat();
    for psks in [reversed, honest[..1].to_vec(), Vec::new(), more] {
        let mut opened = invitation.opened();
        opened.group_secrets.psks = psks;
        invitation.refuses(&invitation.sealed(opened), Check::GroupInfoOpens);
    }
    invitation.goes_on();
}

/// Shows [`Check::WelcomeCoversAll`].
#[test]
fn welcome_covers_all() {
    let mut scene = Scene::default();
    let invitees: Vec<_> = (20..25)
        .map(|seed| Invitee::new(&format!("invitee {seed}"), seed))
        .collect();
    let bundle = scene.commit(
        1,
        CommitIntent {
            add: invitees.iter().map(Invitee::verified).collect(),
            ..CommitIntent::default()
        },
    );
    assert_eq!(bundle.added.len(), 5);
    let welcome = bundle.welcome.unwrap();
    for (invitee, (place, _)) in invitees.iter().zip(bundle.added) {
        let joined = invitee.join(&welcome).unwrap();
        assert_eq!(joined.group.own_index(), place);
        assert_agree(&[&joined, &scene.alice]);
    }
}

/// What a member of a group knows serves the kit.
#[test]
fn the_insider_knows_what_the_joiner_learns() {
    let invitation = Invitation::default();
    let joined = invitation.dora.join(invitation.welcome()).unwrap();
    let known = Knowledge::of(&joined.group, &joined.store).unwrap();
    let context = invitation.opened().group_info.content.group_context;
    assert_eq!(known.context, context);
}
