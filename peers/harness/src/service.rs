//! The interface's calls, one after the other, each to [`Clients`].

use crate::clients::Clients;
use crate::failure::Failure;
#[allow(clippy::wildcard_imports, reason = "two messages per call")]
use crate::proto::*;
use crate::wire;
use mls_client_server::{MlsClient, MlsClientServer};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::task::spawn_blocking;
use tonic::{Request, Response, Status};

/// The longest request and the longest answer in bytes: room for the tree of some 10,000 members.
const MAX_LENGTH: usize = 16 << 20;

/// All clients behind one lock.
#[derive(Default)]
pub(crate) struct Service {
    clients: Arc<Mutex<Clients>>,
}

impl Service {
    pub(crate) fn into_server(self) -> MlsClientServer<Self> {
        MlsClientServer::new(self)
            .max_decoding_message_size(MAX_LENGTH)
            .max_encoding_message_size(MAX_LENGTH)
    }

    /// Works on a request where it may take its time.
    async fn call<Q, A>(
        &self,
        work: fn(&mut Clients, &Q) -> Result<A, Failure>,
        request: Request<Q>,
    ) -> Result<Response<A>, Status>
    where
        Q: Send + 'static,
        A: Send + 'static,
    {
        let clients = Arc::clone(&self.clients);
        let request = request.into_inner();
        let worked = spawn_blocking(move || {
            // Should a call panic, the others go on.
            let mut clients = clients.lock().unwrap_or_else(PoisonError::into_inner);
            work(&mut clients, &request)
        });
        let worked = worked.await;
        let answer = worked.map_err(|ended| Status::internal(ended.to_string()))?;
        Ok(Response::new(answer?))
    }
}

macro_rules! calls {
    ($($name:ident: $request:ty => $response:ty;)+) => {
        #[tonic::async_trait]
        impl MlsClient for Service {
            async fn name(&self, _: Request<NameRequest>) -> Result<Response<NameResponse>, Status> {
                let name = "Folkmoot".to_owned();
                Ok(Response::new(NameResponse { name }))
            }

            async fn supported_ciphersuites(
                &self,
                _: Request<SupportedCiphersuitesRequest>,
            ) -> Result<Response<SupportedCiphersuitesResponse>, Status> {
                let ciphersuites = wire::suites().map(|suite| suite.0.into()).collect();
                Ok(Response::new(SupportedCiphersuitesResponse { ciphersuites }))
            }

            $(async fn $name(
                &self,
                request: Request<$request>,
            ) -> Result<Response<$response>, Status> {
                self.call(Clients::$name, request).await
            })+
        }
    };
}

calls! {
    create_group: CreateGroupRequest => CreateGroupResponse;
    create_key_package: CreateKeyPackageRequest => CreateKeyPackageResponse;
    join_group: JoinGroupRequest => JoinGroupResponse;
    external_join: ExternalJoinRequest => ExternalJoinResponse;
    group_info: GroupInfoRequest => GroupInfoResponse;
    state_auth: StateAuthRequest => StateAuthResponse;
    export: ExportRequest => ExportResponse;
    protect: ProtectRequest => ProtectResponse;
    unprotect: UnprotectRequest => UnprotectResponse;
    store_psk: StorePskRequest => StorePskResponse;
    add_proposal: AddProposalRequest => ProposalResponse;
    update_proposal: UpdateProposalRequest => ProposalResponse;
    remove_proposal: RemoveProposalRequest => ProposalResponse;
    external_psk_proposal: ExternalPskProposalRequest => ProposalResponse;
    resumption_psk_proposal: ResumptionPskProposalRequest => ProposalResponse;
    group_context_extensions_proposal: GroupContextExtensionsProposalRequest => ProposalResponse;
    commit: CommitRequest => CommitResponse;
    handle_commit: HandleCommitRequest => HandleCommitResponse;
    handle_pending_commit: HandlePendingCommitRequest => HandleCommitResponse;
    re_init_proposal: ReInitProposalRequest => ProposalResponse;
    re_init_commit: CommitRequest => CommitResponse;
    handle_pending_re_init_commit: HandlePendingCommitRequest => HandleReInitCommitResponse;
    handle_re_init_commit: HandleCommitRequest => HandleReInitCommitResponse;
    re_init_welcome: ReInitWelcomeRequest => CreateSubgroupResponse;
    handle_re_init_welcome: HandleReInitWelcomeRequest => JoinGroupResponse;
    create_branch: CreateBranchRequest => CreateSubgroupResponse;
    handle_branch: HandleBranchRequest => HandleBranchResponse;
    new_member_add_proposal: NewMemberAddProposalRequest => NewMemberAddProposalResponse;
    create_external_signer: CreateExternalSignerRequest => CreateExternalSignerResponse;
    add_external_signer: AddExternalSignerRequest => ProposalResponse;
    external_signer_proposal: ExternalSignerProposalRequest => ProposalResponse;
    free: FreeRequest => FreeResponse;
}
