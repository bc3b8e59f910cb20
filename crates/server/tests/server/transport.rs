//! Sockets, TLS, and what is no request of the protocol.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use folkmoot_protocol::bounds::MAX_BODY;
use folkmoot_protocol::{CertificatePin, Problem, ProblemCode, ProviderInfo, path};
use folkmoot_server::{Error, Provider};
use reqwest::Method;
use rustls::pki_types::ServerName;
use rustls::version::{TLS12, TLS13};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::world::{World, answer};

async fn refusal(world: &World, method: Method, path: &str, body: Vec<u8>) -> Problem {
    answer::<ProviderInfo>(world.request(method, path).body(body))
        .await
        .unwrap_err()
}

#[tokio::test]
async fn the_join_address_names_host_domain_and_certificate() {
    let world = World::new().await;
    let join = world.running().join_address();
    assert_eq!(join.authority(), world.address().to_string());
    assert_eq!(*join.domain(), world.info().await.domain);
    assert_eq!(join.invite(), None, "registration is open");

    let connector = TlsConnector::from(Arc::new(world.client_config(&TLS13)));
    let stream = TcpStream::connect(world.address()).await.unwrap();
    let name = ServerName::from(world.address().ip());
    let stream = connector.connect(name, stream).await.unwrap();
    let certificates = stream.get_ref().1.peer_certificates().unwrap();
    assert_eq!(CertificatePin::of(&certificates[0]), join.pin());
}

#[tokio::test]
async fn the_data_is_its_owner_s_alone() {
    let world = World::new().await;
    let mode = |path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(world.data()), 0o700);
    for file in std::fs::read_dir(world.data()).unwrap() {
        let path = file.unwrap().path();
        assert_eq!(mode(path.clone()), 0o600, "{}", path.display());
    }
}

#[tokio::test]
async fn plain_http_gets_no_http_back() {
    let world = World::new().await;
    let mut stream = TcpStream::connect(world.address()).await.unwrap();
    let request = format!("GET {} HTTP/1.1\r\nHost: localhost\r\n\r\n", path::PROVIDER);
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // The connection may be reset as well as closed.
    let _ = stream.read_to_end(&mut answer).await;
    assert!(
        !answer.windows(5).any(|window| window == b"HTTP/"),
        "{answer:?}"
    );
    world.info().await;
}

#[tokio::test]
async fn tls_1_2_is_refused() {
    let world = World::new().await;
    let connector = TlsConnector::from(Arc::new(world.client_config(&TLS12)));
    let stream = TcpStream::connect(world.address()).await.unwrap();
    let refused = connector
        .connect(ServerName::from(world.address().ip()), stream)
        .await;
    let why = refused.unwrap_err().to_string();
    assert!(why.contains("ProtocolVersion"), "{why}");
}

#[tokio::test]
async fn what_is_no_endpoint_is_a_problem() {
    let world = World::new().await;
    for path in [
        "/",
        "/v1",
        "/v2/provider",
        "/v1/provider/",
        "/v1/slots",
        "/%00",
    ] {
        let problem = refusal(&world, Method::GET, path, Vec::new()).await;
        assert_eq!(problem.code, ProblemCode::NotFound, "{path}");
    }
    for (method, path) in [
        (Method::DELETE, path::PROVIDER),
        (Method::GET, path::SLOT),
        (Method::POST, path::KEY_PACKAGES),
        (Method::PATCH, path::STREAM),
    ] {
        let problem = refusal(&world, method, path, Vec::new()).await;
        assert_eq!(problem.code, ProblemCode::Malformed, "{path}");
    }
    let problem = refusal(&world, Method::GET, path::STREAM, Vec::new()).await;
    assert_eq!(problem.code, ProblemCode::Malformed, "not a WebSocket");
}

#[tokio::test]
async fn what_is_no_message_is_malformed() {
    let world = World::new().await;
    let bodies: [&[u8]; 7] = [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        br#"{"surplus":1}"#,
        &[b'['; 60_000],
    ];
    for path in [path::DEVICES, path::SESSION, path::SLOT, path::SLOT_REDEEM] {
        for body in bodies {
            let problem = refusal(&world, Method::POST, path, body.to_vec()).await;
            assert_eq!(problem.code, ProblemCode::Malformed, "{path}");
        }
    }
}

#[tokio::test]
async fn a_body_over_its_bound_is_too_large() {
    let world = World::new().await;
    for (path, length) in [(path::DEVICES, 70_000), (path::SLOT, MAX_BODY + 1)] {
        let problem = refusal(&world, Method::POST, path, vec![b' '; length]).await;
        assert_eq!(problem.code, ProblemCode::TooLarge, "{path}");
    }
    let largest = refusal(&world, Method::POST, path::SLOT, vec![b' '; MAX_BODY]).await;
    assert_eq!(
        largest.code,
        ProblemCode::Malformed,
        "at the bound it is read"
    );
}

#[tokio::test]
async fn a_connection_beyond_the_limit_waits_its_turn() {
    let world = World::with(|config| config.limits.connections = 1.try_into().unwrap()).await;
    let first = world.client();
    let ask = async || {
        let answer = first.get(world.url(path::PROVIDER)).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.bytes().await.unwrap();
    };
    ask().await;
    let mut second = Box::pin(world.info());
    let rounds = async {
        for _ in 0..20 {
            ask().await;
        }
    };
    tokio::select! {
        biased;
        _ = &mut second => panic!("served beyond the limit"),
        () = rounds => {}
    }
    drop(first);
    second.await;
}

#[tokio::test]
async fn an_address_in_use_is_named() {
    let (first, second) = (World::new().await, World::new().await);
    let mut config = second.config().clone();
    config.listen = first.address();
    config.data = second.data().join("other");
    match Provider::start(config).await {
        Err(Error::Listen { address, .. }) => assert_eq!(address, first.address()),
        other => panic!("{other:?}"),
    }
}
