//! Ways into a group.

use crate::client::{Names, Offer, Psks, handshakes, lifetime, new_member, rng, settings};
use crate::clients::Clients;
use crate::failure::Failure;
use crate::outside::place_of;
use crate::proto::{
    CreateGroupRequest, CreateGroupResponse, CreateKeyPackageRequest, CreateKeyPackageResponse,
    ExternalJoinRequest, ExternalJoinResponse, JoinGroupRequest, JoinGroupResponse,
};
use crate::state::State;
use crate::wire;
use folkmoot_mls::{Extensions, ExternalJoin, Group, GroupId, Psk};

impl Clients {
    pub(crate) fn create_group(
        &mut self,
        request: &CreateGroupRequest,
    ) -> Result<CreateGroupResponse, Failure> {
        let crypto = wire::numbered(request.cipher_suite)?;
        let handshakes = handshakes(request.encrypt_handshake);
        let member = new_member(crypto, &request.identity)?;
        let (group, _delta) = Group::create(
            crypto,
            GroupId::new(request.group_id.as_slice()),
            (member, lifetime()),
            Extensions::default(),
            settings(handshakes),
            &Names,
            &mut rng(),
        )?;
        let state = State::new(&request.identity, group, handshakes, Psks::default());
        let state_id = self.begin_state(state)?;
        Ok(CreateGroupResponse { state_id })
    }

    pub(crate) fn create_key_package(
        &mut self,
        request: &CreateKeyPackageRequest,
    ) -> Result<CreateKeyPackageResponse, Failure> {
        let crypto = wire::numbered(request.cipher_suite)?;
        let offer = Offer::new(crypto, &request.identity)?;
        let key_package = offer.key_package.to_message().encode();
        let secrets = offer.secrets.clone();
        Ok(CreateKeyPackageResponse {
            transaction_id: self.begin_transaction(offer)?,
            key_package,
            init_priv: secrets.init_private.expose().to_vec(),
            encryption_priv: secrets.leaf_private.expose().to_vec(),
            signature_priv: secrets.signature.private.expose().to_vec(),
        })
    }

    pub(crate) fn join_group(
        &mut self,
        request: &JoinGroupRequest,
    ) -> Result<JoinGroupResponse, Failure> {
        let id = request.transaction_id;
        let transaction = self.transaction(id)?;
        let offer = &transaction.offer;
        if offer.identity != request.identity {
            let other = "the transaction is of another identity";
            return Err(Failure::Argument(other.to_owned()));
        }
        let handshakes = handshakes(request.encrypt_handshake);
        let welcome = (request.welcome.as_slice(), request.ratchet_tree.as_slice());
        let psks = transaction.psks.clone();
        let group = offer.join(welcome, None, handshakes, &psks)?;
        let state = State::new(&request.identity, group, handshakes, psks);
        let epoch_authenticator = state.epoch_authenticator()?;
        Ok(JoinGroupResponse {
            state_id: self.complete(id, state)?,
            epoch_authenticator,
        })
    }

    pub(crate) fn external_join(
        &mut self,
        request: &ExternalJoinRequest,
    ) -> Result<ExternalJoinResponse, Failure> {
        let group_info = wire::group_info(&request.group_info)?;
        let crypto = wire::crypto(group_info.content.group_context.cipher_suite)?;
        let tree = wire::optional(&request.ratchet_tree);
        let (mut psks, mut mixed_in) = (Psks::default(), Vec::new());
        for psk in &request.psks {
            mixed_in.push(Psk::External(psk.psk_id.as_slice().into()));
            psks.store(&psk.psk_id, &psk.psk_secret)?;
        }
        let replaces = request
            .remove_prior
            .then(|| place_of(&request.identity, &group_info, tree))
            .transpose()?;
        let join = ExternalJoin {
            group_info: &group_info,
            tree,
            member: new_member(crypto, &request.identity)?,
            replaces,
            psks: mixed_in,
            self_removals: &[],
            app_data: Vec::new(),
            ephemeral: Vec::new(),
            authenticated_data: b"",
        };
        let handshakes = handshakes(request.encrypt_handshake);
        let (group, commit, _delta) = Group::join_by_commit(
            crypto,
            join,
            settings(handshakes),
            psks.services(),
            &mut rng(),
        )?;
        let state = State::new(&request.identity, group, handshakes, psks);
        let epoch_authenticator = state.epoch_authenticator()?;
        Ok(ExternalJoinResponse {
            state_id: self.begin_state(state)?,
            commit: commit.encode(),
            epoch_authenticator,
        })
    }
}
