//! Requests at the wrong moment or by the wrong client: the status says why, and the group goes on.
#![allow(
    clippy::needless_update,
    reason = "one way to make requests of one field and of many"
)]

use crate::misuse::{group, refused, with_group};
use crate::script::{ReInit, Step, Successor, What, add, commit, external_psk, offer, psk, remove};
use crate::with_servers;
use folkmoot_interop::proto;
use tonic::{Code, Response};

#[test]
fn those_who_were_removed() {
    with_servers(async |servers| {
        let mut world = group(&servers, true).await;
        let (mut remote, state_id) = world.member("ben");
        let by_value = vec![world.describe(&remove("cleo"))];
        let request = proto::CommitRequest {
            state_id,
            by_value,
            ..Default::default()
        };
        let made = remote.commit(request).await.unwrap().into_inner().commit;
        let request = proto::HandlePendingCommitRequest { state_id };
        remote.handle_pending_commit(request).await.unwrap();
        world.handle("ada", &[], &made).await.unwrap();
        assert!(world.handle("cleo", &[], &made).await.unwrap().is_empty());
        world.present.remove("cleo");
        let (mut remote, state_id) = world.member("cleo");
        macro_rules! refused {
            ($($call:ident($request:ident);)+) => {$(
                let request = proto::$request { state_id, ..Default::default() };
                let why = refused(remote.$call(request).await, Code::FailedPrecondition);
                assert!(why.contains("no longer a member"), "{why}");
            )+};
        }
        refused! {
            state_auth(StateAuthRequest);
            export(ExportRequest);
            group_info(GroupInfoRequest);
            protect(ProtectRequest);
            update_proposal(UpdateProposalRequest);
            commit(CommitRequest);
            re_init_commit(CommitRequest);
            create_branch(CreateBranchRequest);
        }
        let again = world.handle("cleo", &[], &made).await;
        refused(again, Code::FailedPrecondition);
        // Nobody else is worse off.
        world
            .play(&[commit("ada").into(), commit("ben").into()])
            .await
            .unwrap();
        servers
    });
}

#[test]
fn at_the_wrong_moment() {
    with_group(false, async |world| {
        let (mut remote, state_id) = world.member("ada");
        let pending = proto::HandlePendingCommitRequest { state_id };
        refused(
            remote.handle_pending_commit(pending).await,
            Code::FailedPrecondition,
        );
        let reinit = proto::ReInitWelcomeRequest {
            reinit_id: state_id,
            ..Default::default()
        };
        refused(
            remote.re_init_welcome(reinit).await,
            Code::FailedPrecondition,
        );
        let request = || proto::CommitRequest {
            state_id,
            ..Default::default()
        };
        let made = remote.commit(request()).await.unwrap().into_inner().commit;
        refused(remote.commit(request()).await, Code::FailedPrecondition);
        refused(
            world.handle("ada", &[], &made).await,
            Code::FailedPrecondition,
        );
        refused(
            remote.handle_pending_re_init_commit(pending).await,
            Code::InvalidArgument,
        );
        world.handle("ben", &[], &made).await.unwrap();
        world.handle("cleo", &[], &made).await.unwrap();
        remote.handle_pending_commit(pending).await.unwrap();
        // Late: the epoch is over.
        refused(
            world.handle("ben", &[], &made).await,
            Code::FailedPrecondition,
        );
        // Twice: the key is used up.
        let request = proto::ProtectRequest {
            state_id,
            ..Default::default()
        };
        let ciphertext = remote
            .protect(request)
            .await
            .unwrap()
            .into_inner()
            .ciphertext;
        let (mut remote, state_id) = world.member("ben");
        let request = proto::UnprotectRequest {
            state_id,
            ciphertext,
        };
        remote.unprotect(request.clone()).await.unwrap();
        refused(remote.unprotect(request).await, Code::FailedPrecondition);
        let request = proto::ExportRequest {
            state_id,
            key_length: 1 << 16,
            ..Default::default()
        };
        refused(remote.export(request).await, Code::InvalidArgument);
    });
}

/// A commit has what is asked for, all of it and nothing else, or it is not made.
#[test]
fn commits_that_cannot_be_as_they_should() {
    with_group(false, async |world| {
        // Nobody holds this key.
        let (mut remote, state_id) = world.member("ada");
        let by_value = vec![world.describe(&external_psk("unheard of"))];
        let request = proto::CommitRequest {
            state_id,
            by_value,
            ..Default::default()
        };
        refused(remote.commit(request).await, Code::FailedPrecondition);
        let unheard_of = world.proposal("ada", &external_psk("unheard of")).await;
        refused(unheard_of, Code::FailedPrecondition);
        for stranger in ["stranger", ""] {
            let by_value = vec![world.describe(&remove(stranger))];
            let request = proto::CommitRequest {
                state_id,
                by_value,
                ..Default::default()
            };
            refused(remote.commit(request).await, Code::InvalidArgument);
        }
        // Two changes of one leaf (RFC 9420 §12.2).
        let update = world.proposal("cleo", &What::Update).await.unwrap();
        let removal = world.proposal("ben", &remove("cleo")).await.unwrap();
        let by_reference = vec![update.clone(), removal.clone()];
        let request = proto::CommitRequest {
            state_id,
            by_reference,
            ..Default::default()
        };
        let why = refused(remote.commit(request).await, Code::FailedPrecondition);
        assert!(why.contains("an Update cannot be committed"), "{why}");
        // Both wait by now, and one is asked for.
        let by_reference = vec![update];
        let request = proto::CommitRequest {
            state_id,
            by_reference,
            ..Default::default()
        };
        let why = refused(remote.commit(request).await, Code::FailedPrecondition);
        assert!(why.contains("a Remove waits that is not listed"), "{why}");
        let removal = (removal, remove("cleo"));
        world.proposed.insert("removal".to_owned(), removal);
        let alone = commit("ben").references(&["removal"]);
        world.play_on(&[alone.into()]).await.unwrap();
    });
}

#[test]
fn what_ends_a_group_has_calls_of_its_own() {
    with_servers(async |servers| {
        let mut world = group(&servers, false).await;
        let what = What::ReInit(Successor {
            other_id: true,
            ..Successor::default()
        });
        let reinit = world.proposal("cleo", &what).await.unwrap();
        let (mut remote, state_id) = world.member("ada");
        let request = |by_reference| proto::CommitRequest {
            state_id,
            by_reference,
            ..Default::default()
        };
        let plain = remote.re_init_commit(request(Vec::new())).await;
        let why = refused(plain, Code::InvalidArgument);
        assert!(why.contains("no ReInit"), "{why}");
        let ending = remote.commit(request(vec![reinit.clone()])).await;
        refused(ending, Code::InvalidArgument);
        let made = remote.re_init_commit(request(vec![reinit.clone()])).await;
        let made = made.unwrap().into_inner().commit;
        let handled = world
            .handle("ben", std::slice::from_ref(&reinit), &made)
            .await;
        let why = refused(handled, Code::InvalidArgument);
        assert!(why.contains("ReInit calls"), "{why}");
        // Everybody is where they were; another's commit of it is first, and ends the group.
        world.agree().await.unwrap();
        world.proposed.insert("reinit".to_owned(), (reinit, what));
        let end = Step::ReInit(ReInit {
            proposal: "reinit".to_owned(),
            committer: "ben".to_owned(),
            welcomer: "cleo".to_owned(),
            ..ReInit::default()
        });
        world.play(&[end, commit("ada").into()]).await.unwrap();
        servers
    });
}

#[test]
fn joiners_who_are_not_meant() {
    with_group(false, async |world| {
        for name in ["dora", "eve"] {
            world.offer(name).await.unwrap();
        }
        world
            .play_on(&[psk("k", &["ada", "ben", "cleo"])])
            .await
            .unwrap();
        let by_value = vec![
            world.describe(&add("dora")),
            world.describe(&external_psk("k")),
        ];
        let (mut remote, state_id) = world.member("ada");
        let request = proto::CommitRequest {
            state_id,
            by_value,
            ..Default::default()
        };
        let made = remote.commit(request).await.unwrap().into_inner();
        let join = |transaction_id, identity: &str| proto::JoinGroupRequest {
            transaction_id,
            welcome: made.welcome.clone(),
            identity: identity.into(),
            ..Default::default()
        };
        // Whose KeyPackage is not in the Welcome, who says to be somebody else, and who lacks the key.
        let (mut eve, transaction) = world.transaction("eve");
        refused(
            eve.join_group(join(transaction, "eve")).await,
            Code::InvalidArgument,
        );
        let (mut dora, transaction) = world.transaction("dora");
        refused(
            dora.join_group(join(transaction, "ada")).await,
            Code::InvalidArgument,
        );
        refused(
            dora.join_group(join(transaction, "dora")).await,
            Code::InvalidArgument,
        );
        let request = proto::StorePskRequest {
            state_or_transaction_id: transaction,
            psk_id: b"k".to_vec(),
            psk_secret: crate::world::secret("k"),
        };
        dora.store_psk(request).await.unwrap();
        let joined: Response<_> = dora.join_group(join(transaction, "dora")).await.unwrap();
        let request = proto::HandlePendingCommitRequest { state_id };
        remote.handle_pending_commit(request).await.unwrap();
        for name in ["ben", "cleo"] {
            world.handle(name, &[], &made.commit).await.unwrap();
        }
        world.sit("dora", joined.into_inner().state_id);
        world.agree().await.unwrap();
        // The KeyPackage is used up (RFC 9420 §10).
        refused(
            dora.join_group(join(transaction, "dora")).await,
            Code::NotFound,
        );
    });
}

#[test]
fn signers_whom_the_group_does_not_know() {
    with_group(false, async |world| {
        let add_ds = [
            crate::script::add_signer("ada", "ds", "admit"),
            offer("dora"),
        ];
        world.play_on(&add_ds).await.unwrap();
        let (group_info, ratchet_tree) = world.group_info("ada", true).await.unwrap();
        let (mut remote, signer_id) = world.signer("ds");
        let request = |what| proto::ExternalSignerProposalRequest {
            signer_id,
            group_info: group_info.clone(),
            ratchet_tree: ratchet_tree.clone(),
            description: what,
            ..Default::default()
        };
        let described = Some(world.describe(&add("dora")));
        let early = remote
            .external_signer_proposal(request(described.clone()))
            .await;
        let why = refused(early, Code::InvalidArgument);
        assert!(why.contains("does not name the signer"), "{why}");
        world
            .play_on(&[commit("ada").references(&["admit"]).into()])
            .await
            .unwrap();
        let (group_info, ratchet_tree) = world.group_info("ada", true).await.unwrap();
        let request = |what| proto::ExternalSignerProposalRequest {
            signer_id,
            group_info: group_info.clone(),
            ratchet_tree: ratchet_tree.clone(),
            description: what,
            ..Default::default()
        };
        let nothing = remote.external_signer_proposal(request(None)).await;
        refused(nothing, Code::InvalidArgument);
        let stranger = Some(world.describe(&remove("stranger")));
        let nobody = remote.external_signer_proposal(request(stranger)).await;
        refused(nobody, Code::InvalidArgument);
        remote
            .external_signer_proposal(request(described))
            .await
            .unwrap();
    });
}

/// Where the tree is asked for apart, nobody gets in without it.
#[test]
fn trees_that_are_missing() {
    with_group(false, async |world| {
        let (group_info, tree) = world.group_info("ada", true).await.unwrap();
        let (inside, _) = world.group_info("ada", false).await.unwrap();
        assert!(inside.len() > group_info.len() + tree.len() / 2);
        let request = proto::ExternalJoinRequest {
            group_info,
            identity: b"dora".to_vec(),
            ..Default::default()
        };
        let why = refused(
            world.remote("dora").external_join(request).await,
            Code::InvalidArgument,
        );
        assert!(
            why.contains("a tree came with the GroupInfo or beside it"),
            "{why}"
        );
        world.offer("dora").await.unwrap();
        let by_value = vec![world.describe(&add("dora"))];
        let (mut remote, state_id) = world.member("ada");
        let request = proto::CommitRequest {
            state_id,
            by_value,
            external_tree: true,
            ..Default::default()
        };
        let made = remote.commit(request).await.unwrap().into_inner();
        let (mut dora, transaction_id) = world.transaction("dora");
        let join = |ratchet_tree| proto::JoinGroupRequest {
            transaction_id,
            welcome: made.welcome.clone(),
            identity: b"dora".to_vec(),
            ratchet_tree,
            ..Default::default()
        };
        let why = refused(
            dora.join_group(join(Vec::new())).await,
            Code::InvalidArgument,
        );
        assert!(
            why.contains("a tree came with the GroupInfo or beside it"),
            "{why}"
        );
        // Another epoch's.
        refused(dora.join_group(join(tree)).await, Code::InvalidArgument);
        dora.join_group(join(made.ratchet_tree.clone()))
            .await
            .unwrap();
        // Nobody got the commit, and ben's is first.
    });
}
