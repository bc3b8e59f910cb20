//! The steps that begin epochs and groups.

use crate::script::{self, Branch, Commit, Enter, Name, ReInit, What};
use crate::world::{
    Outcome, PRIVATE_MESSAGE, PUBLIC_MESSAGE, World, extensions, secret, wire_format,
};
use folkmoot_interop::proto;
use folkmoot_mls::{Content, MessageBody, MlsMessage};
use std::collections::BTreeMap;

impl World {
    pub(crate) async fn create(&mut self, by: &str, members: &[Name]) -> Outcome<()> {
        let request = proto::CreateGroupRequest {
            group_id: self.group_id.clone(),
            cipher_suite: self.suite,
            encrypt_handshake: self.encrypted,
            identity: by.into(),
        };
        let created = self.remote(by).create_group(request).await?.into_inner();
        self.sit(by, created.state_id);
        if members.is_empty() {
            return Ok(());
        }
        for member in members {
            self.offer(member).await?;
        }
        let adds: Vec<_> = members.iter().map(|name| script::add(name)).collect();
        self.commit(&script::commit(by).values(&adds)).await
    }

    pub(crate) async fn commit(&mut self, commit: &Commit) -> Outcome<()> {
        let (by_reference, mut changes) = self.referenced(&commit.by_reference);
        changes.extend(commit.by_value.iter().cloned());
        let (joiners, leavers) = movements(&changes);
        let by_value = commit.by_value.iter();
        let by_value = by_value.map(|what| self.describe(what)).collect();
        let (mut remote, state_id) = self.member(&commit.by);
        let request = proto::CommitRequest {
            state_id,
            by_reference: by_reference.clone(),
            by_value,
            force_path: commit.force_path,
            external_tree: commit.tree_apart,
        };
        let made = remote.commit(request).await?.into_inner();
        self.check_encoding(&made.commit);
        if let Some((listed, has_path)) = contents(&made.commit) {
            assert_eq!(listed, changes.len());
            assert!(has_path || !commit.force_path);
        }
        assert_eq!(made.welcome.is_empty(), joiners.is_empty());
        assert_eq!(made.ratchet_tree.is_empty(), !commit.tree_apart);
        let request = proto::HandlePendingCommitRequest { state_id };
        let accepted = remote.handle_pending_commit(request).await?.into_inner();
        let authenticator = accepted.epoch_authenticator;
        self.sit(&commit.by, accepted.state_id);
        for name in self.others(std::slice::from_ref(&commit.by)) {
            let entered = self.handle(&name, &by_reference, &made.commit).await?;
            if leavers.contains(&name) {
                assert!(entered.is_empty(), "{name} was removed");
                self.see_out(&name).await?;
            } else {
                assert_eq!(entered, authenticator, "{name} does not agree");
            }
        }
        for joiner in joiners {
            let (mut remote, transaction_id) = self.transaction(&joiner);
            let request = proto::JoinGroupRequest {
                transaction_id,
                welcome: made.welcome.clone(),
                encrypt_handshake: self.encrypted,
                identity: joiner.clone().into_bytes(),
                ratchet_tree: made.ratchet_tree.clone(),
            };
            let joined = remote.join_group(request).await?.into_inner();
            assert_eq!(joined.epoch_authenticator, authenticator);
            self.sit(&joiner, joined.state_id);
        }
        Ok(())
    }

    /// A member's next epoch, as it authenticates it.
    pub(crate) async fn handle(
        &mut self,
        name: &str,
        proposals: &[Vec<u8>],
        commit: &[u8],
    ) -> Outcome<Vec<u8>> {
        let (mut remote, state_id) = self.member(name);
        let request = proto::HandleCommitRequest {
            state_id,
            proposal: proposals.to_vec(),
            commit: commit.to_vec(),
        };
        let handled = remote.handle_commit(request).await?.into_inner();
        self.sit(name, handled.state_id);
        Ok(handled.epoch_authenticator)
    }

    pub(crate) fn referenced(&self, labels: &[Name]) -> (Vec<Vec<u8>>, Vec<What>) {
        let proposed = labels.iter().map(|label| self.proposed[label].clone());
        proposed.unzip()
    }

    /// Handshakes travel as the group was told.
    pub(crate) fn check_encoding(&self, handshake: &[u8]) {
        let expected = if self.encrypted {
            PRIVATE_MESSAGE
        } else {
            PUBLIC_MESSAGE
        };
        assert_eq!(wire_format(handshake), expected);
    }

    pub(crate) async fn group_info(
        &mut self,
        host: &str,
        external_tree: bool,
    ) -> Outcome<(Vec<u8>, Vec<u8>)> {
        let (mut remote, state_id) = self.member(host);
        let request = proto::GroupInfoRequest {
            state_id,
            external_tree,
        };
        let described = remote.group_info(request).await?.into_inner();
        assert_eq!(described.ratchet_tree.is_empty(), !external_tree);
        Ok((described.group_info, described.ratchet_tree))
    }

    pub(crate) async fn enter(&mut self, enter: &Enter) -> Outcome<()> {
        let (group_info, ratchet_tree) = self.group_info(&enter.host, enter.tree_apart).await?;
        let psks = enter.psks.iter().map(|psk| proto::PreSharedKey {
            psk_id: psk.clone().into_bytes(),
            psk_secret: secret(psk),
        });
        let request = proto::ExternalJoinRequest {
            group_info,
            ratchet_tree,
            encrypt_handshake: self.encrypted,
            identity: enter.joiner.clone().into_bytes(),
            remove_prior: enter.replaces,
            psks: psks.collect(),
        };
        let mut remote = self.remote(&enter.joiner);
        let joined = remote.external_join(request).await?.into_inner();
        // RFC 9420 §12.4.3.2: whoever joins has no key to encrypt with.
        assert_eq!(wire_format(&joined.commit), PUBLIC_MESSAGE);
        if enter.replaces {
            let entered = self.handle(&enter.joiner, &[], &joined.commit).await?;
            assert!(entered.is_empty(), "the earlier state was removed");
            self.see_out(&enter.joiner).await?;
        }
        for name in self.others(&[]) {
            let entered = self.handle(&name, &[], &joined.commit).await?;
            assert_eq!(entered, joined.epoch_authenticator, "{name}");
        }
        self.sit(&enter.joiner, joined.state_id);
        Ok(())
    }

    pub(crate) async fn reinit(&mut self, reinit: &ReInit) -> Outcome<()> {
        let (proposal, what) = self.proposed[&reinit.proposal].clone();
        let What::ReInit(successor) = what else {
            panic!("{} is no ReInit", reinit.proposal);
        };
        let offers = self.end(&reinit.committer, proposal).await?;
        (self.group_id, self.suite) = self.succeeding(&successor);
        let (reinit_id, _) = offers[&reinit.welcomer];
        let others = self.others(std::slice::from_ref(&reinit.welcomer));
        let request = proto::ReInitWelcomeRequest {
            reinit_id,
            key_package: others.iter().map(|name| offers[name].1.clone()).collect(),
            force_path: reinit.force_path,
            external_tree: reinit.tree_apart,
        };
        let mut remote = self.remote(&reinit.welcomer);
        let founded = remote.re_init_welcome(request).await?.into_inner();
        assert_eq!(founded.ratchet_tree.is_empty(), !reinit.tree_apart);
        self.sit(&reinit.welcomer, founded.state_id);
        for name in others {
            let request = proto::HandleReInitWelcomeRequest {
                reinit_id: offers[&name].0,
                welcome: founded.welcome.clone(),
                ratchet_tree: founded.ratchet_tree.clone(),
            };
            let mut remote = self.remote(&name);
            let joined = remote.handle_re_init_welcome(request).await?.into_inner();
            assert_eq!(joined.epoch_authenticator, founded.epoch_authenticator);
            self.sit(&name, joined.state_id);
        }
        Ok(())
    }

    /// Commits a ReInit; gives everybody's id and KeyPackage for what follows.
    async fn end(
        &mut self,
        committer: &Name,
        proposal: Vec<u8>,
    ) -> Outcome<BTreeMap<Name, (u32, Vec<u8>)>> {
        let (mut remote, state_id) = self.member(committer);
        let request = proto::CommitRequest {
            state_id,
            by_reference: vec![proposal.clone()],
            ..proto::CommitRequest::default()
        };
        let made = remote.re_init_commit(request).await?.into_inner();
        self.check_encoding(&made.commit);
        assert!(made.welcome.is_empty() && made.ratchet_tree.is_empty());
        let request = proto::HandlePendingCommitRequest { state_id };
        let ended = remote.handle_pending_re_init_commit(request).await?;
        let ended = ended.into_inner();
        let offer = (ended.reinit_id, ended.key_package);
        let mut offers = BTreeMap::from([(committer.clone(), offer)]);
        for name in self.others(std::slice::from_ref(committer)) {
            let (mut remote, state_id) = self.member(&name);
            let request = proto::HandleCommitRequest {
                state_id,
                proposal: vec![proposal.clone()],
                commit: made.commit.clone(),
            };
            let handled = remote.handle_re_init_commit(request).await?.into_inner();
            assert_eq!(handled.epoch_authenticator, ended.epoch_authenticator);
            offers.insert(name, (handled.reinit_id, handled.key_package));
        }
        Ok(offers)
    }

    /// The group that it came from goes on too, until all have left it.
    pub(crate) async fn branch(&mut self, branch: &Branch) -> Outcome<()> {
        for name in &branch.members {
            self.offer(name).await?;
        }
        let members = branch.members.iter();
        let key_packages = members.map(|name| self.key_package(name)).collect();
        let (mut remote, parent) = self.member(&branch.by);
        let request = proto::CreateBranchRequest {
            state_id: parent,
            group_id: [&self.group_id[..], b", a branch"].concat(),
            extensions: extensions(&branch.extensions),
            key_packages,
            force_path: branch.force_path,
            external_tree: branch.tree_apart,
        };
        let founded = remote.create_branch(request).await?.into_inner();
        assert_eq!(founded.ratchet_tree.is_empty(), !branch.tree_apart);
        assert_ne!(founded.state_id, parent);
        let mut states = vec![(branch.by.clone(), founded.state_id)];
        for name in &branch.members {
            let (_, transaction_id) = self.transaction(name);
            let (mut remote, state_id) = self.member(name);
            let request = proto::HandleBranchRequest {
                state_id,
                transaction_id,
                welcome: founded.welcome.clone(),
                ratchet_tree: founded.ratchet_tree.clone(),
            };
            let joined = remote.handle_branch(request).await?.into_inner();
            assert_eq!(joined.epoch_authenticator, founded.epoch_authenticator);
            assert_ne!(joined.state_id, state_id);
            states.push((name.clone(), joined.state_id));
        }
        self.commit(&script::commit(&branch.by)).await?;
        self.agree().await?;
        for name in std::mem::take(&mut self.present) {
            let (mut remote, state_id) = self.member(&name);
            remote.free(proto::FreeRequest { state_id }).await?;
        }
        for (name, state) in states {
            self.sit(&name, state);
        }
        self.group_id.extend_from_slice(b", a branch");
        Ok(())
    }
}

/// How many proposals a commit lists, and whether it has a path; what is encrypted stays unknown.
fn contents(commit: &[u8]) -> Option<(usize, bool)> {
    match MlsMessage::decode(commit).unwrap().body {
        MessageBody::Public(message) => match message.content.content {
            Content::Commit(commit) => Some((commit.proposals.len(), commit.path.is_some())),
            _ => panic!("this is no commit"),
        },
        _ => None,
    }
}

/// Who joins by these changes, and who leaves.
fn movements(changes: &[What]) -> (Vec<Name>, Vec<Name>) {
    let (mut joiners, mut leavers) = (Vec::new(), Vec::new());
    for what in changes {
        match what {
            What::Add(name) => joiners.push(name.clone()),
            What::Remove(name) => leavers.push(name.clone()),
            _ => {}
        }
    }
    (joiners, leavers)
}
