//! Requests that cannot be carried out: the status says why, and the server and the group go on.
#![allow(
    clippy::needless_update,
    reason = "one way to make requests of one field and of many"
)]

use crate::script::{What, commit};
use crate::server::Server;
use crate::with_servers;
use crate::world::World;
use folkmoot_interop::proto;
use tonic::{Code, Status};

const NOBODY: u32 = 4_000_000_000;

/// A group of three in suite 1, which is whole after the test.
pub(crate) fn with_group(encrypted: bool, test: impl AsyncFnOnce(&mut World)) {
    with_servers(async |servers| {
        let mut world = group(&servers, encrypted).await;
        test(&mut world).await;
        let goes_on = [commit("ben").into(), commit("ada").into()];
        world.play(&goes_on).await.unwrap();
        servers
    });
}

pub(crate) async fn group(servers: &[Server], encrypted: bool) -> World {
    let mut world = World::new(servers, 1, encrypted);
    let members = ["ben", "cleo"].map(str::to_owned);
    world.create("ada", &members).await.unwrap();
    world
}

/// The code and text of a refusal.
#[track_caller]
pub(crate) fn refused<T>(answer: Result<T, Status>, code: Code) -> String {
    let status = answer.err().expect("this is to be refused");
    assert_eq!(status.code(), code, "{status}");
    assert!(!status.message().is_empty());
    status.message().to_owned()
}

#[test]
fn what_is_not_there() {
    with_group(false, async |world| {
        let mut remote = world.remote("ada");
        macro_rules! not_found {
            ($($call:ident($request:ident { $($id:ident),+ });)+) => {$(
                let request = proto::$request { $($id: NOBODY,)+ ..Default::default() };
                refused(remote.$call(request).await, Code::NotFound);
            )+};
        }
        not_found! {
            join_group(JoinGroupRequest { transaction_id });
            group_info(GroupInfoRequest { state_id });
            state_auth(StateAuthRequest { state_id });
            export(ExportRequest { state_id });
            protect(ProtectRequest { state_id });
            unprotect(UnprotectRequest { state_id });
            store_psk(StorePskRequest { state_or_transaction_id });
            update_proposal(UpdateProposalRequest { state_id });
            remove_proposal(RemoveProposalRequest { state_id });
            external_psk_proposal(ExternalPskProposalRequest { state_id });
            resumption_psk_proposal(ResumptionPskProposalRequest { state_id });
            group_context_extensions_proposal(GroupContextExtensionsProposalRequest { state_id });
            commit(CommitRequest { state_id });
            handle_commit(HandleCommitRequest { state_id });
            handle_pending_commit(HandlePendingCommitRequest { state_id });
            re_init_commit(CommitRequest { state_id });
            handle_pending_re_init_commit(HandlePendingCommitRequest { state_id });
            handle_re_init_commit(HandleCommitRequest { state_id });
            re_init_welcome(ReInitWelcomeRequest { reinit_id });
            handle_re_init_welcome(HandleReInitWelcomeRequest { reinit_id });
            create_branch(CreateBranchRequest { state_id });
            handle_branch(HandleBranchRequest { state_id, transaction_id });
            external_signer_proposal(ExternalSignerProposalRequest { signer_id });
            free(FreeRequest { state_id });
        }
        // A transaction is no state, and a state no transaction.
        world.offer("dora").await.unwrap();
        let (mut remote, state_id) = world.transaction("dora");
        refused(
            remote
                .state_auth(proto::StateAuthRequest { state_id })
                .await,
            Code::NotFound,
        );
        let (mut remote, transaction_id) = world.member("ada");
        let request = proto::JoinGroupRequest {
            transaction_id,
            ..Default::default()
        };
        refused(remote.join_group(request).await, Code::NotFound);
    });
}

#[test]
fn suites_that_nobody_has() {
    with_group(false, async |world| {
        let (mut remote, state_id) = world.member("ada");
        for cipher_suite in [0, 8, 0x0a0a, 0x1_0001, u32::MAX] {
            let request = proto::CreateGroupRequest {
                cipher_suite,
                ..Default::default()
            };
            refused(remote.create_group(request).await, Code::InvalidArgument);
            let request = proto::CreateKeyPackageRequest {
                cipher_suite,
                ..Default::default()
            };
            refused(
                remote.create_key_package(request).await,
                Code::InvalidArgument,
            );
            let request = proto::CreateExternalSignerRequest {
                cipher_suite,
                ..Default::default()
            };
            refused(
                remote.create_external_signer(request).await,
                Code::InvalidArgument,
            );
            let request = proto::ReInitProposalRequest {
                state_id,
                cipher_suite,
                ..Default::default()
            };
            refused(
                remote.re_init_proposal(request).await,
                Code::InvalidArgument,
            );
        }
    });
}

/// What is no message, and messages of every other kind than the one that is wanted.
#[test]
fn bytes_that_are_something_else() {
    with_group(false, async |world| {
        world.offer("dora").await.unwrap();
        let key_package = world.key_package("dora");
        let (group_info, tree) = world.group_info("ada", true).await.unwrap();
        let proposal = world.proposal("cleo", &What::Update).await.unwrap();
        let garbage = [Vec::new(), b"nonsense".to_vec(), vec![0xff; 500], tree];
        let mut cut = group_info.clone();
        cut.truncate(cut.len() / 2);
        let (mut remote, state_id) = world.member("ada");
        for bytes in garbage.iter().chain([&cut, &group_info, &proposal]) {
            let request = proto::AddProposalRequest {
                state_id,
                key_package: bytes.clone(),
            };
            refused(remote.add_proposal(request).await, Code::InvalidArgument);
        }
        for bytes in garbage.iter().chain([&cut, &group_info, &key_package]) {
            let request = proto::CommitRequest {
                state_id,
                by_reference: vec![bytes.clone()],
                ..Default::default()
            };
            refused(remote.commit(request).await, Code::InvalidArgument);
            let request = proto::HandleCommitRequest {
                state_id,
                commit: bytes.clone(),
                ..Default::default()
            };
            refused(remote.handle_commit(request).await, Code::InvalidArgument);
            let request = proto::UnprotectRequest {
                state_id,
                ciphertext: bytes.clone(),
            };
            refused(remote.unprotect(request).await, Code::InvalidArgument);
        }
        for bytes in garbage.iter().chain([&cut, &key_package, &proposal]) {
            let request = proto::ExternalJoinRequest {
                group_info: bytes.clone(),
                ..Default::default()
            };
            refused(remote.external_join(request).await, Code::InvalidArgument);
            let request = proto::NewMemberAddProposalRequest {
                group_info: bytes.clone(),
                ..Default::default()
            };
            refused(
                remote.new_member_add_proposal(request).await,
                Code::InvalidArgument,
            );
        }
        let (mut remote, transaction_id) = world.transaction("dora");
        for bytes in garbage.iter().chain([&cut, &group_info, &key_package]) {
            let request = proto::JoinGroupRequest {
                transaction_id,
                welcome: bytes.clone(),
                identity: b"dora".to_vec(),
                ..Default::default()
            };
            refused(remote.join_group(request).await, Code::InvalidArgument);
        }
        let (mut remote, state_id) = world.member("ada");
        for bytes in &garbage {
            let request = proto::AddExternalSignerRequest {
                state_id,
                external_sender: bytes.clone(),
            };
            refused(
                remote.add_external_signer(request).await,
                Code::InvalidArgument,
            );
        }
        let types: [&[u8]; 4] = [b"", b"update", b"externalInit", &[0xff, 0xfe]];
        for proposal_type in types.map(<[u8]>::to_vec) {
            let by_value = vec![proto::ProposalDescription {
                proposal_type,
                ..Default::default()
            }];
            let request = proto::CommitRequest {
                state_id,
                by_value,
                ..Default::default()
            };
            refused(remote.commit(request).await, Code::InvalidArgument);
        }
    });
}

/// No bit of a commit, a proposal or a message can change unnoticed, and none of it stops the server.
#[test]
fn altered_messages() {
    for encrypted in [false, true] {
        with_group(encrypted, async |world| {
            let update = world.proposal("cleo", &What::Update).await.unwrap();
            let (mut ben, state_id) = world.member("ben");
            let request = proto::CommitRequest {
                state_id,
                by_reference: vec![update.clone()],
                ..Default::default()
            };
            let made = ben.commit(request).await.unwrap().into_inner().commit;
            let (mut ada, state_id) = world.member("ada");
            let expected = [Code::InvalidArgument, Code::FailedPrecondition];
            for place in (0..made.len()).step_by(7) {
                let mut commit = made.clone();
                commit[place] ^= 1;
                let proposal = vec![update.clone()];
                let request = proto::HandleCommitRequest {
                    state_id,
                    proposal,
                    commit,
                };
                let status = ada.handle_commit(request).await.unwrap_err();
                assert!(expected.contains(&status.code()), "byte {place}: {status}");
            }
            // The unaltered one is taken by everybody.
            let request = proto::HandlePendingCommitRequest {
                state_id: world.member("ben").1,
            };
            ben.handle_pending_commit(request).await.unwrap();
            for name in ["ada", "cleo"] {
                world
                    .handle(name, std::slice::from_ref(&update), &made)
                    .await
                    .unwrap();
            }
            world.agree().await.unwrap();
        });
    }
}

#[test]
fn keys_without_end() {
    with_group(false, async |world| {
        let (mut remote, state_or_transaction_id) = world.member("ada");
        let request = |number: u32| proto::StorePskRequest {
            state_or_transaction_id,
            psk_id: number.to_be_bytes().to_vec(),
            psk_secret: vec![1; 32],
        };
        for number in 0..1024 {
            remote.store_psk(request(number)).await.unwrap();
        }
        refused(
            remote.store_psk(request(1024)).await,
            Code::ResourceExhausted,
        );
        // One that is there is replaced.
        remote.store_psk(request(7)).await.unwrap();
    });
}

/// Groups and KeyPackages that no group can have.
#[test]
fn extensions_that_are_none() {
    with_group(false, async |world| {
        let (mut remote, state_id) = world.member("ada");
        let extension = |extension_type: u32, data: &[u8]| proto::Extension {
            extension_type,
            extension_data: data.to_vec(),
        };
        let twice = vec![extension(3, &[0; 3]), extension(3, &[0; 3])];
        let large = vec![extension(1 << 16, b"")];
        for extensions in [twice, large] {
            let request = proto::GroupContextExtensionsProposalRequest {
                state_id,
                extensions: extensions.clone(),
            };
            refused(
                remote.group_context_extensions_proposal(request).await,
                Code::InvalidArgument,
            );
            let request = proto::CreateBranchRequest {
                state_id,
                extensions,
                ..Default::default()
            };
            refused(remote.create_branch(request).await, Code::InvalidArgument);
        }
        // Not what the type says, and a type that the members do not support (RFC 9420 §12.1.7).
        for extensions in [vec![extension(3, b"?")], vec![extension(0xf000, b"")]] {
            let request = proto::GroupContextExtensionsProposalRequest {
                state_id,
                extensions,
            };
            refused(
                remote.group_context_extensions_proposal(request).await,
                Code::FailedPrecondition,
            );
        }
    });
}
