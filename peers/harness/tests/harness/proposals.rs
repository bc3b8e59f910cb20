//! The steps that propose.

use crate::script::What;
use crate::world::{Outcome, PUBLIC_MESSAGE, World, extensions, wire_format};
use folkmoot_interop::proto;

impl World {
    pub(crate) async fn propose(&mut self, by: &str, label: &str, what: &What) -> Outcome<()> {
        let proposal = self.proposal(by, what).await?;
        self.check_encoding(&proposal);
        let proposed = (proposal, what.clone());
        self.proposed.insert(label.to_owned(), proposed);
        Ok(())
    }

    pub(crate) async fn proposal(&mut self, by: &str, what: &What) -> Outcome<Vec<u8>> {
        let key_package = match what {
            What::Add(name) => self.key_package(name),
            _ => Vec::new(),
        };
        let (mut remote, state_id) = self.member(by);
        let proposed = match what.clone() {
            What::Add(_) => {
                let request = proto::AddProposalRequest {
                    state_id,
                    key_package,
                };
                remote.add_proposal(request).await?
            }
            What::Update => {
                let request = proto::UpdateProposalRequest { state_id };
                remote.update_proposal(request).await?
            }
            What::Remove(name) => {
                let request = proto::RemoveProposalRequest {
                    state_id,
                    removed_id: name.into_bytes(),
                };
                remote.remove_proposal(request).await?
            }
            What::ExternalPsk(psk) => {
                let request = proto::ExternalPskProposalRequest {
                    state_id,
                    psk_id: psk.into_bytes(),
                };
                remote.external_psk_proposal(request).await?
            }
            What::ResumptionPsk(epoch_id) => {
                let request = proto::ResumptionPskProposalRequest { state_id, epoch_id };
                remote.resumption_psk_proposal(request).await?
            }
            What::Extensions(list) => {
                let request = proto::GroupContextExtensionsProposalRequest {
                    state_id,
                    extensions: extensions(&list),
                };
                remote.group_context_extensions_proposal(request).await?
            }
            What::ReInit(successor) => {
                let (group_id, cipher_suite) = self.succeeding(&successor);
                let request = proto::ReInitProposalRequest {
                    state_id,
                    cipher_suite,
                    group_id,
                    extensions: extensions(&successor.extensions),
                };
                remote.re_init_proposal(request).await?
            }
        };
        Ok(proposed.into_inner().proposal)
    }

    /// The same in the words of a commit's or an external sender's request.
    pub(crate) fn describe(&mut self, what: &What) -> proto::ProposalDescription {
        let mut described = proto::ProposalDescription::default();
        let kind = match what.clone() {
            What::Add(name) => {
                described.key_package = self.key_package(&name);
                "add"
            }
            What::Update => "update",
            What::Remove(name) => {
                described.removed_id = name.into_bytes();
                "remove"
            }
            What::ExternalPsk(psk) => {
                described.psk_id = psk.into_bytes();
                "externalPSK"
            }
            What::ResumptionPsk(epoch) => {
                described.epoch_id = epoch;
                "resumptionPSK"
            }
            What::Extensions(list) => {
                described.extensions = extensions(&list);
                "groupContextExtensions"
            }
            What::ReInit(successor) => {
                (described.group_id, described.cipher_suite) = self.succeeding(&successor);
                described.extensions = extensions(&successor.extensions);
                "reinit"
            }
        };
        described.proposal_type = kind.into();
        described
    }

    pub(crate) async fn ask_to_join(
        &mut self,
        joiner: &str,
        host: &str,
        label: &str,
    ) -> Outcome<()> {
        let (group_info, _) = self.group_info(host, false).await?;
        let request = proto::NewMemberAddProposalRequest {
            group_info,
            identity: joiner.into(),
        };
        let mut remote = self.remote(joiner);
        let asked = remote.new_member_add_proposal(request).await?.into_inner();
        assert_eq!(wire_format(&asked.proposal), PUBLIC_MESSAGE);
        let keys = [
            &asked.init_priv,
            &asked.encryption_priv,
            &asked.signature_priv,
        ];
        assert!(keys.into_iter().all(|key| !key.is_empty()));
        self.begin_transaction(joiner, asked.transaction_id);
        let proposed = (asked.proposal, What::Add(joiner.to_owned()));
        self.proposed.insert(label.to_owned(), proposed);
        Ok(())
    }

    pub(crate) async fn outside(
        &mut self,
        signer: &str,
        host: &str,
        label: &str,
        what: &What,
    ) -> Outcome<()> {
        let (group_info, ratchet_tree) = self.group_info(host, true).await?;
        let description = Some(self.describe(what));
        let (mut remote, signer_id) = self.signer(signer);
        let request = proto::ExternalSignerProposalRequest {
            signer_id,
            // As the Working Group's runner leaves it.
            signer_index: 0,
            group_info,
            ratchet_tree,
            description,
        };
        let proposed = remote.external_signer_proposal(request).await?.into_inner();
        assert_eq!(wire_format(&proposed.proposal), PUBLIC_MESSAGE);
        let proposed = (proposed.proposal, what.clone());
        self.proposed.insert(label.to_owned(), proposed);
        Ok(())
    }
}
