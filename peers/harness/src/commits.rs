//! From one epoch to the next, the last one included.

use crate::clients::Clients;
use crate::failure::Failure;
use crate::proposals;
use crate::proto::{
    CommitRequest, CommitResponse, HandleCommitRequest, HandleCommitResponse,
    HandlePendingCommitRequest, HandleReInitCommitResponse,
};
use crate::state::{Leads, State};
use folkmoot_mls::ExtensionType;

impl Clients {
    pub(crate) fn commit(&mut self, request: &CommitRequest) -> Result<CommitResponse, Failure> {
        self.commit_that(request, Leads::On)
    }

    pub(crate) fn re_init_commit(
        &mut self,
        request: &CommitRequest,
    ) -> Result<CommitResponse, Failure> {
        self.commit_that(request, Leads::ToSuccessor)
    }

    fn commit_that(
        &mut self,
        request: &CommitRequest,
        expected: Leads,
    ) -> Result<CommitResponse, Failure> {
        let state = self.state(request.state_id)?;
        let mut intent = proposals::intent(state, &request.by_value)?;
        intent.force_path = request.force_path;
        intent.tree_apart = request.external_tree;
        state.take_proposals(&request.by_reference)?;
        let bundle = state.commit(&request.by_reference, intent, expected)?;
        let ratchet_tree = if request.external_tree {
            pending_tree(state)?
        } else {
            Vec::new()
        };
        Ok(CommitResponse {
            commit: bundle.commit.encode(),
            welcome: bundle.welcome.map_or_else(Vec::new, |one| one.encode()),
            ratchet_tree,
        })
    }

    pub(crate) fn handle_commit(
        &mut self,
        request: &HandleCommitRequest,
    ) -> Result<HandleCommitResponse, Failure> {
        let state = self.state(request.state_id)?;
        let epoch_authenticator =
            state.handle_commit(&request.proposal, &request.commit, Leads::On)?;
        Ok(HandleCommitResponse {
            state_id: request.state_id,
            epoch_authenticator,
        })
    }

    pub(crate) fn handle_pending_commit(
        &mut self,
        request: &HandlePendingCommitRequest,
    ) -> Result<HandleCommitResponse, Failure> {
        let epoch_authenticator = self.state(request.state_id)?.accept(Leads::On)?;
        Ok(HandleCommitResponse {
            state_id: request.state_id,
            epoch_authenticator,
        })
    }

    pub(crate) fn handle_re_init_commit(
        &mut self,
        request: &HandleCommitRequest,
    ) -> Result<HandleReInitCommitResponse, Failure> {
        let state = self.state(request.state_id)?;
        let epoch_authenticator =
            state.handle_commit(&request.proposal, &request.commit, Leads::ToSuccessor)?;
        ended(request.state_id, state, epoch_authenticator)
    }

    pub(crate) fn handle_pending_re_init_commit(
        &mut self,
        request: &HandlePendingCommitRequest,
    ) -> Result<HandleReInitCommitResponse, Failure> {
        let state = self.state(request.state_id)?;
        let epoch_authenticator = state.accept(Leads::ToSuccessor)?;
        ended(request.state_id, state, epoch_authenticator)
    }
}

/// A group has one successor: the state's id serves for it too.
fn ended(
    id: u32,
    state: &State,
    epoch_authenticator: Vec<u8>,
) -> Result<HandleReInitCommitResponse, Failure> {
    let offer = state.successor()?;
    Ok(HandleReInitCommitResponse {
        reinit_id: id,
        key_package: offer.key_package.to_message().encode(),
        epoch_authenticator,
    })
}

/// The tree of the epoch to come; none where nobody can join it.
fn pending_tree(state: &State) -> Result<Vec<u8>, Failure> {
    let next = state.pending_group_info(true)?;
    let tree = next.as_ref().and_then(|next| {
        let extensions = &next.content.extensions;
        extensions.find(ExtensionType::RATCHET_TREE)
    });
    Ok(tree.unwrap_or_default().to_vec())
}
