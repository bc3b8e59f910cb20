//! Sockets, TLS, and what is no request of the protocol.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use folkmoot_protocol::bounds::MAX_BODY;
use folkmoot_protocol::{CertificatePin, Problem, ProblemCode, ProviderInfo, path};
use folkmoot_server::{Config, Error, Provider, TlsFiles};
use reqwest::Method;
use rustls::pki_types::ServerName;
use rustls::version::{TLS12, TLS13};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::world::{World, answer};

async fn refusal(world: &World, method: Method, path: &str, body: Vec<u8>) -> Problem {
    answer::<ProviderInfo>(world.request(method, path).body(body))
        .await
        .unwrap_err()
}

pub(crate) async fn connect(world: &World) -> TlsStream<TcpStream> {
    let connector = TlsConnector::from(Arc::new(world.client_config(&TLS13)));
    let stream = TcpStream::connect(world.address()).await.unwrap();
    let name = ServerName::from(world.address().ip());
    connector.connect(name, stream).await.unwrap()
}

#[tokio::test]
async fn the_join_address_names_host_domain_and_certificate() {
    let world = World::new().await;
    let join = world.running().join_address();
    assert_eq!(join.authority(), world.address().to_string());
    assert_eq!(*join.domain(), world.info().await.domain);
    assert_eq!(join.invite(), None, "registration is open");

    let stream = connect(&world).await;
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
    let deep = vec![b'['; 60_000];
    let bodies: [&[u8]; 7] = [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        br#"{"surplus":1}"#,
        &deep,
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
async fn a_refused_body_is_taken_to_its_end() {
    let world = World::new().await;
    for (request, status) in [
        (format!("PUT {}", path::KEY_PACKAGES), "401"),
        ("POST /v1/nothing".to_owned(), "404"),
        (format!("POST {}", path::DEVICES), "413"),
    ] {
        let mut stream = connect(&world).await;
        let head = format!(
            "{request} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             Content-Length: {MAX_BODY}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        // More than the sockets' buffers hold: a closed connection would be noticed.
        stream.write_all(&vec![b' '; MAX_BODY]).await.unwrap();
        stream.flush().await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        let expected = format!("HTTP/1.1 {status}");
        assert!(answer.starts_with(expected.as_bytes()), "{request}");
    }
}

#[tokio::test]
async fn a_refused_body_that_does_not_end_is_cut() {
    let world = World::new().await;
    let mut stream = connect(&world).await;
    let head = format!(
        "POST /v1/nothing HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n",
        10 * MAX_BODY
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let bodies = vec![b' '; MAX_BODY];
    let mut taken = 0;
    while stream.write_all(&bodies).await.is_ok() {
        taken += 1;
        assert!(taken < 5, "more than twice what any body may be");
    }
}

/// RFC 7468 §3, in one long line.
fn pem(label: &str, der: &[u8]) -> String {
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        STANDARD.encode(der)
    )
}

#[tokio::test]
async fn an_operator_s_own_certificate_is_served_and_pinned() {
    let folder = tempfile::tempdir().unwrap();
    let signed = rcgen::generate_simple_self_signed(["chat.example.org".to_owned()]).unwrap();
    let other = rcgen::KeyPair::generate().unwrap();
    let write = |name: &str, content: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    let certificate = write("chain.pem", pem("CERTIFICATE", signed.cert.der()));
    let key = write(
        "key.pem",
        pem("PRIVATE KEY", &signed.signing_key.serialize_der()),
    );
    let wrong_key = write("wrong.pem", pem("PRIVATE KEY", &other.serialize_der()));
    let start = |key: &Path| {
        Provider::start(Config {
            listen: "127.0.0.1:0".parse().unwrap(),
            data: folder.path().join("provider"),
            tls: Some(TlsFiles {
                certificate: certificate.clone(),
                key: key.to_owned(),
            }),
            public_address: Some("chat.example.org:443".to_owned()),
            ..Config::default()
        })
    };
    let refused = start(&wrong_key).await;
    assert!(matches!(refused, Err(Error::Certificate(_))), "{refused:?}");
    let refused = start(&folder.path().join("absent.pem")).await.unwrap_err();
    assert!(refused.to_string().contains("absent.pem"), "{refused}");

    let running = start(&key).await.unwrap();
    assert_eq!(
        running.join_address().pin(),
        CertificatePin::of(signed.cert.der())
    );
    assert_eq!(running.join_address().authority(), "chat.example.org:443");
    running.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_signal_stops_the_provider() {
    let mut world = World::new().await;
    let waiting = world.take().wait();
    let process = std::process::id().to_string();
    let killed = std::process::Command::new("kill")
        .args(["-TERM", &process])
        .status();
    assert!(killed.unwrap().success());
    waiting.await.unwrap();
    assert!(
        TcpStream::connect(world.address()).await.is_err(),
        "nobody listens any more"
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
