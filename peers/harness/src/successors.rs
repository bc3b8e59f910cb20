//! Groups that follow from another: its successor after a ReInit (RFC 9420 §11.2), and branches
//! (§11.3).
//!
//! The engine founds them by a commit without a path, whose Welcome carries the tree. Where the request
//! wants the tree apart, it is in the answer as well; a path cannot be had.

use crate::client::{Offer, lifetime, member, new_member, rng, settings, verified};
use crate::clients::Clients;
use crate::failure::Failure;
use crate::proto::{
    CreateBranchRequest, CreateSubgroupResponse, HandleBranchRequest, HandleBranchResponse,
    HandleReInitWelcomeRequest, JoinGroupResponse, ReInitWelcomeRequest,
};
use crate::state::State;
use crate::wire;
use folkmoot_crypto::Crypto;
use folkmoot_mls::{GroupId, NewMembers, NoRecords, VerifiedKeyPackage};

impl Clients {
    pub(crate) fn re_init_welcome(
        &mut self,
        request: &ReInitWelcomeRequest,
    ) -> Result<CreateSubgroupResponse, Failure> {
        let state = self.state(request.reinit_id)?;
        let offer = state.successor()?;
        let members = NewMembers {
            founder: member(&offer.identity, offer.secrets.signature.clone()),
            lifetime: lifetime(),
            others: verified_all(&request.key_package, offer.crypto)?,
        };
        let (mut group, bundle, _delta) = state.group.begin_successor(
            offer.crypto,
            members,
            settings(state.handshakes),
            state.psks.services(),
            &mut rng(),
        )?;
        let _delta = group.accept_pending()?;
        state.succeed(group);
        founded(
            request.reinit_id,
            state,
            bundle.welcome.map(|welcome| welcome.encode()),
            request.external_tree,
        )
    }

    pub(crate) fn handle_re_init_welcome(
        &mut self,
        request: &HandleReInitWelcomeRequest,
    ) -> Result<JoinGroupResponse, Failure> {
        let state = self.state(request.reinit_id)?;
        let welcome = (request.welcome.as_slice(), request.ratchet_tree.as_slice());
        let predecessor = Some(&state.group);
        let offer = state.successor()?;
        let group = offer.join(welcome, predecessor, state.handshakes, &state.psks)?;
        state.succeed(group);
        Ok(JoinGroupResponse {
            state_id: request.reinit_id,
            epoch_authenticator: state.epoch_authenticator()?,
        })
    }

    pub(crate) fn create_branch(
        &mut self,
        request: &CreateBranchRequest,
    ) -> Result<CreateSubgroupResponse, Failure> {
        let extensions = wire::extensions(&request.extensions)?;
        let parent = self.state(request.state_id)?;
        let crypto = parent.crypto()?;
        let members = NewMembers {
            founder: new_member(crypto, &parent.identity)?,
            lifetime: lifetime(),
            others: verified_all(&request.key_packages, crypto)?,
        };
        let (mut group, bundle, _delta) = parent.group.begin_branch(
            GroupId::new(request.group_id.as_slice()),
            extensions,
            members,
            parent.psks.services(),
            &mut rng(),
        )?;
        let _delta = group.accept_pending()?;
        let psks = parent.psks.clone();
        let branch = State::new(&parent.identity, group, parent.handshakes, psks);
        let id = self.begin_state(branch)?;
        let welcome = bundle.welcome.map(|welcome| welcome.encode());
        founded(id, self.state(id)?, welcome, request.external_tree)
    }

    pub(crate) fn handle_branch(
        &mut self,
        request: &HandleBranchRequest,
    ) -> Result<HandleBranchResponse, Failure> {
        let id = request.transaction_id;
        let (parent, transaction) = self.state_and_transaction(request.state_id, id)?;
        let mut psks = parent.psks.clone();
        psks.store_all(&transaction.psks)?;
        let welcome = (request.welcome.as_slice(), request.ratchet_tree.as_slice());
        let predecessor = Some(&parent.group);
        let offer = &transaction.offer;
        let group = offer.join(welcome, predecessor, parent.handshakes, &psks)?;
        let branch = State::new(&offer.identity, group, parent.handshakes, psks);
        let epoch_authenticator = branch.epoch_authenticator()?;
        Ok(HandleBranchResponse {
            state_id: self.complete(id, branch)?,
            epoch_authenticator,
        })
    }
}

impl State {
    /// What this member has for the group that follows.
    pub(crate) fn successor(&self) -> Result<&Offer, Failure> {
        let none = || Failure::State("no ReInit has ended the group".to_owned());
        self.successor.as_ref().ok_or_else(none)
    }
}

fn verified_all(
    key_packages: &[Vec<u8>],
    crypto: &dyn Crypto,
) -> Result<Vec<VerifiedKeyPackage>, Failure> {
    let packages = key_packages.iter();
    packages
        .map(|bytes| verified(wire::key_package(bytes)?, crypto))
        .collect()
}

fn founded(
    state_id: u32,
    state: &State,
    welcome: Option<Vec<u8>>,
    external_tree: bool,
) -> Result<CreateSubgroupResponse, Failure> {
    let ratchet_tree = if external_tree {
        state.group.tree().to_extension(&NoRecords)?
    } else {
        Vec::new()
    };
    Ok(CreateSubgroupResponse {
        state_id,
        welcome: welcome.unwrap_or_default(),
        ratchet_tree,
        epoch_authenticator: state.epoch_authenticator()?,
    })
}
