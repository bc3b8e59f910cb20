//! Who keeps the provider waiting is cut. The clock stands still and jumps to whatever is awaited.
//!
//! It jumps whenever all tasks wait, also while bytes are on their way or the store is at work. So
//! everything that a test needs has come before its clock stops.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use folkmoot_protocol::bounds::{MAX_MESSAGE, READ_BYTES};
use folkmoot_protocol::{Action, RegistrationPolicy, Sequence, encode, path};
use futures_util::StreamExt;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::{Instant, pause, resume, sleep};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::streams::Stream;
use crate::transport::connect;
use crate::world::World;

/// Longer than any wait that is tested here, and far shorter than a connection's age.
const PATIENCE: Duration = Duration::from_mins(5);
/// Longer than a connection's age.
const LONG: Duration = Duration::from_mins(15);
/// Longest that a test that fails waits, in real time.
const IN_VAIN: Duration = Duration::from_mins(1);

/// Ends after [`IN_VAIN`] of real time, of which a clock that stands still knows nothing.
async fn in_vain() {
    let (tell, told) = oneshot::channel();
    let (_awaited, unless_dropped) = mpsc::channel::<()>();
    thread::spawn(move || {
        if unless_dropped.recv_timeout(IN_VAIN) == Err(RecvTimeoutError::Timeout) {
            // The test may have ended in this very moment.
            let _ = tell.send(());
        }
    });
    let _ = told.await;
}

/// What comes until the provider closes the connection.
async fn until_closed(mut stream: impl AsyncRead + Unpin) -> Vec<u8> {
    let mut answer = Vec::new();
    tokio::select! {
        // The connection may be reset as well as closed.
        _ = stream.read_to_end(&mut answer) => answer,
        () = in_vain() => panic!("it waits for ever"),
    }
}

/// The head of an answer.
async fn head(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

#[tokio::test]
async fn a_handshake_that_does_not_begin_is_cut() {
    let world = World::new().await;
    let stream = TcpStream::connect(world.address()).await.unwrap();
    // Whoever came later is served: this one waits too.
    drop(connect(&world).await);
    pause();
    let start = Instant::now();
    assert_eq!(until_closed(stream).await, b"");
    assert!(start.elapsed() < PATIENCE);
}

#[tokio::test]
async fn a_head_that_does_not_end_is_cut() {
    let world = World::new().await;
    let mut stream = connect(&world).await;
    let request = format!(
        "HEAD {} HTTP/1.1\r\nHost: localhost\r\n\r\n",
        path::PROVIDER
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    assert!(head(&mut stream).await.starts_with("HTTP/1.1 200"));
    let cut = &request.as_bytes()[..request.len() - 4];
    stream.write_all(cut).await.unwrap();
    stream.flush().await.unwrap();
    pause();
    let start = Instant::now();
    assert_eq!(until_closed(stream).await, b"");
    assert!(start.elapsed() < PATIENCE);
}

#[tokio::test]
async fn a_body_that_does_not_come_is_refused_whether_or_not_it_is_wanted() {
    let world = World::new().await;
    for (path, status) in [(path::DEVICES, "503"), ("/v1/nothing", "404")] {
        let mut stream = connect(&world).await;
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             Expect: 100-continue\r\nContent-Length: 100\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        stream.flush().await.unwrap();
        // RFC 9110 §10.1.1: from here on it waits for the body.
        assert!(head(&mut stream).await.starts_with("HTTP/1.1 100"));
        pause();
        let start = Instant::now();
        let answer = until_closed(stream).await;
        assert!(start.elapsed() < PATIENCE);
        resume();
        let expected = format!("HTTP/1.1 {status}");
        assert!(answer.starts_with(expected.as_bytes()), "{path}");
    }
}

#[tokio::test]
async fn a_connection_whose_answers_nobody_reads_ends() {
    const ANSWERS: usize = 12;
    let world = World::new().await;
    let alice = world.device("alice", "phone").await;
    let slot = world.group(&alice.token).await;
    let large = "x".repeat(MAX_MESSAGE - 1024);
    for _ in 0..5 {
        slot.append(&world, slot.text(&large)).await.unwrap();
    }
    let read = Action::Read {
        after: Sequence(0),
        limit: 256,
    };
    let body = encode(&slot.request(read));
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n",
        path::SLOT,
        body.len()
    );
    // Their answers are more than the two sockets' buffers hold.
    let requests = [head.as_bytes(), &body].concat().repeat(ANSWERS);
    let mut stream = connect(&world).await;
    stream.write_all(&requests).await.unwrap();
    stream.read_u8().await.unwrap();
    pause();
    sleep(LONG).await;
    let read = until_closed(stream).await;
    assert!(read.len() < ANSWERS * READ_BYTES, "all of it was sent");
}

#[tokio::test]
async fn a_stream_that_follows_nothing_is_closed() {
    let world = World::new().await;
    let mut stream = Stream::open(&world).await;
    pause();
    let start = Instant::now();
    loop {
        match stream.0.next().await.unwrap().unwrap() {
            Message::Ping(_) => assert!(start.elapsed() < PATIENCE, "it stays open"),
            Message::Close(Some(frame)) => break assert_eq!(frame.code, CloseCode::Policy),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_stream_whose_other_side_is_silent_is_closed() {
    /// More than the probes that are sent to who does not answer, and the last word.
    const MOST: u64 = 256;
    let world = World::new().await;
    let alice = world.device("alice", "phone").await;
    let slot = world.group(&alice.token).await;
    let mut stream = Stream::open(&world).await;
    stream.follow(&slot, 0).await;
    slot.append(&world, slot.text("hello")).await.unwrap();
    stream.entry().await;
    pause();
    // Read as mere bytes, no probe is answered.
    let last = until_closed(stream.0.into_inner().take(MOST)).await;
    let last = String::from_utf8_lossy(&last);
    assert!(last.contains("silent"), "{last:?}");
}

#[tokio::test]
async fn a_reader_who_takes_long_is_not_taken_for_silent() {
    const ENTRIES: u64 = 16;
    let world = World::with(|config| {
        config.registration = RegistrationPolicy::Open;
        config.limits.slow_reader_seconds = 3600.try_into().unwrap();
    })
    .await;
    let alice = world.device("alice", "phone").await;
    let slot = world.group(&alice.token).await;
    let large = "x".repeat(MAX_MESSAGE - 1024);
    for _ in 0..ENTRIES {
        slot.append(&world, slot.text(&large)).await.unwrap();
    }
    let mut stream = Stream::open(&world).await;
    stream.follow(&slot, 0).await;
    stream.entry().await;
    pause();
    sleep(PATIENCE).await;
    resume();
    for expected in 2..=ENTRIES {
        assert_eq!(stream.entry().await.sequence, Sequence(expected));
    }
    slot.append(&world, slot.text("live")).await.unwrap();
    assert_eq!(stream.entry().await.sequence, Sequence(ENTRIES + 1));
}
