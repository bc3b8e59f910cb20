//! The server against itself, over real gRPC on loopback: a driver like the Working Group's runner plays
//! scripts of each kind in every suite, with handshakes in the clear and encrypted.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod evolution;
mod misuse;
mod proposals;
mod random;
mod refusals;
mod script;
mod scripts;
mod server;
mod world;

use folkmoot_interop::proto::{NameRequest, SupportedCiphersuitesRequest};
use script::Step;
use scripts::Script;
use server::Server;
use world::{Tally, World};

/// So that most messages travel between servers, and some stay in one.
const SERVERS: usize = 3;
const SUITES: std::ops::RangeInclusive<u32> = 1..=7;

/// Runs a test's future with as many servers as most tests want.
fn with_servers(test: impl AsyncFnOnce(Vec<Server>) -> Vec<Server>) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let mut servers = Vec::new();
        for _ in 0..SERVERS {
            servers.push(Server::start().await);
        }
        for server in test(servers).await {
            server.stop().await;
        }
    });
}

async fn play(
    servers: &[Server],
    (suite, encrypted): (u32, bool),
    (name, steps): &(impl std::fmt::Display, Vec<Step>),
) -> Tally {
    let mut world = World::new(servers, suite, encrypted);
    if let Err(status) = world.play(steps).await {
        panic!("{name}, suite {suite}, encrypted {encrypted}: {status}");
    }
    world.tally
}

/// Plays a kind of scripts in every way.
fn play_all(kind: &str, scripts: &[Script]) {
    with_servers(async |servers| {
        let mut total = Tally::default();
        for suite in SUITES {
            for encrypted in [false, true] {
                for script in scripts {
                    total += play(&servers, (suite, encrypted), script).await;
                }
            }
        }
        println!("{kind}: {total}");
        servers
    });
}

#[test]
fn joins() {
    play_all("joins", &scripts::joins());
}

#[test]
fn commits() {
    play_all("commits", &scripts::commits());
}

#[test]
fn pre_shared_keys() {
    play_all("pre-shared keys", &scripts::pre_shared_keys());
}

#[test]
fn external_joins() {
    play_all("external joins", &scripts::external_joins());
}

#[test]
fn outsiders() {
    play_all("proposals from outside", &scripts::outsiders());
}

#[test]
fn reinits() {
    play_all("ReInit", &scripts::reinits());
}

#[test]
fn branches() {
    play_all("branches", &scripts::branches());
}

#[test]
fn messages() {
    play_all("messages", &scripts::messages());
}

#[test]
fn a_server_says_what_it_is() {
    with_servers(async |servers| {
        let mut remote = servers[0].remote.clone();
        let name = remote.name(NameRequest {}).await.unwrap().into_inner();
        assert_eq!(name.name, "Folkmoot");
        let suites = remote
            .supported_ciphersuites(SupportedCiphersuitesRequest {})
            .await;
        let suites = suites.unwrap().into_inner().ciphersuites;
        assert!(suites.into_iter().eq(SUITES));
        servers
    });
}
