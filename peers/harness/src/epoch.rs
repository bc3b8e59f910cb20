//! What a member does within an epoch.

use crate::client::rng;
use crate::clients::Clients;
use crate::failure::Failure;
use crate::proto::{
    ExportRequest, ExportResponse, GroupInfoRequest, GroupInfoResponse, ProtectRequest,
    ProtectResponse, StateAuthRequest, StateAuthResponse, UnprotectRequest, UnprotectResponse,
};
use folkmoot_mls::{IncomingContent, MlsMessage, NoRecords};

impl Clients {
    pub(crate) fn group_info(
        &mut self,
        request: &GroupInfoRequest,
    ) -> Result<GroupInfoResponse, Failure> {
        let group = &self.state(request.state_id)?.group;
        let group_info = group.group_info(!request.external_tree, &NoRecords)?;
        let ratchet_tree = if request.external_tree {
            group.tree().to_extension(&NoRecords)?
        } else {
            Vec::new()
        };
        Ok(GroupInfoResponse {
            group_info: group_info.encode(),
            ratchet_tree,
        })
    }

    pub(crate) fn state_auth(
        &mut self,
        request: &StateAuthRequest,
    ) -> Result<StateAuthResponse, Failure> {
        let state_auth_secret = self.state(request.state_id)?.epoch_authenticator()?;
        Ok(StateAuthResponse { state_auth_secret })
    }

    pub(crate) fn export(&mut self, request: &ExportRequest) -> Result<ExportResponse, Failure> {
        let group = &self.state(request.state_id)?.group;
        let length = u16::try_from(request.key_length)
            .map_err(|_| Failure::Argument("the key is longer than a KDF's output".to_owned()))?;
        let secret = group.export(&request.label, &request.context, length)?;
        Ok(ExportResponse {
            exported_secret: secret.expose().to_vec(),
        })
    }

    pub(crate) fn protect(&mut self, request: &ProtectRequest) -> Result<ProtectResponse, Failure> {
        let group = &mut self.state(request.state_id)?.group;
        let (message, _delta) =
            group.seal(&request.plaintext, &request.authenticated_data, &mut rng())?;
        Ok(ProtectResponse {
            ciphertext: message.encode(),
        })
    }

    pub(crate) fn unprotect(
        &mut self,
        request: &UnprotectRequest,
    ) -> Result<UnprotectResponse, Failure> {
        let state = self.state(request.state_id)?;
        let message = MlsMessage::decode(&request.ciphertext)?;
        let incoming = state.group.receive(message, state.psks.services())?;
        let IncomingContent::Application(message) = incoming.content() else {
            return Err(Failure::not("application data"));
        };
        let response = UnprotectResponse {
            authenticated_data: message.authenticated_data.clone(),
            plaintext: message.data.clone(),
        };
        let _delta = state.group.apply(incoming)?;
        Ok(response)
    }
}
