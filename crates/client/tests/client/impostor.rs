//! Servers that stand where the provider should, and answer something else.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use folkmoot_client::{Client, Error, JoinAddress};
use folkmoot_protocol::CertificatePin;
use folkmoot_protocol::bounds::MAX_BODY;
use rcgen::{KeyPair, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// Registers at a server that shows the pinned certificate and gives every request one answer. How
/// that ends, and how many requests it got to see.
///
/// It signs with its certificate's own key unless it is given another.
async fn register(key: Option<KeyPair>, answer: Vec<u8>) -> (Error, usize) {
    let signed = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = key.unwrap_or(signed.signing_key);
    let provider = Arc::new(default_provider());
    let private = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let signer = provider.key_provider.load_private_key(private).unwrap();
    let shown = CertifiedKey::new(vec![signed.cert.der().clone()], signer);
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(shown)));

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (domain, pin) = (
        "localhost".parse().unwrap(),
        CertificatePin::of(signed.cert.der()),
    );
    let address = JoinAddress::new("127.0.0.1", port, domain, pin, None).unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&asked);
    let serving = tokio::spawn(async move {
        let acceptor = TlsAcceptor::from(Arc::new(config));
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            // The client may go at any time.
            let _ = serve(&acceptor, stream, &answer, &seen).await;
        }
    });

    let folder = tempfile::tempdir().unwrap();
    let profile = folder.path().join("alice");
    let registered = Client::register(&profile, &address, "alice", "phone").await;
    serving.abort();
    (registered.unwrap_err(), asked.load(Ordering::Relaxed))
}

async fn serve(
    acceptor: &TlsAcceptor,
    stream: TcpStream,
    answer: &[u8],
    asked: &AtomicUsize,
) -> std::io::Result<()> {
    let mut stream = acceptor.accept(stream).await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    asked.fetch_add(1, Ordering::Relaxed);
    stream.write_all(answer).await?;
    stream.shutdown().await
}

/// An answer that says that it has `length` bytes.
fn http(status: &str, length: usize, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

#[tokio::test]
async fn who_shows_the_certificate_and_has_not_its_key_is_asked_nothing() {
    let key = KeyPair::generate().unwrap();
    let (refused, asked) = register(Some(key), http("200 OK", 2, b"{}")).await;
    assert!(matches!(refused, Error::Offline { .. }), "{refused:?}");
    assert_eq!(asked, 0);
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_is_called_forged() {
    for body in [b"{}".as_slice(), b"<html>", b""] {
        let (refused, asked) = register(None, http("200 OK", body.len(), body)).await;
        assert!(matches!(refused, Error::Forged { .. }), "{refused:?}");
        assert_eq!(asked, 1, "it is not asked again");
    }
}

#[tokio::test]
async fn an_answer_is_read_no_further_than_its_bound() {
    // The rest never comes: who wants it is cut off and says that the provider is offline.
    let answer = http("200 OK", MAX_BODY + 2, &vec![b' '; MAX_BODY + 1]);
    let (refused, _) = register(None, answer).await;
    assert!(matches!(refused, Error::Forged { .. }), "{refused:?}");
}

#[tokio::test]
async fn a_server_of_something_else_is_told_by_its_status() {
    for (status, more) in [
        ("404 Not Found", ""),
        ("502 Bad Gateway", ""),
        ("302 Found", "\r\nLocation: https://127.0.0.1:1/"),
    ] {
        let answer = http(&format!("{status}{more}"), 6, b"<html>");
        let (refused, _) = register(None, answer).await;
        let Error::Offline { reason, .. } = refused else {
            panic!("{status}: {refused:?}")
        };
        assert!(reason.contains(status), "{reason}");
    }
}
