//! The WebSocket: what is there, what comes, and how it ends.

use folkmoot_protocol::bounds::{FOLLOWED_PER_STREAM, MAX_MESSAGE, MAX_STREAM_REQUEST};
use folkmoot_protocol::{
    Action, EntryKind, GroupId, InboxCursor, Joiner, LogEntry, Problem, ProblemCode, Redeem,
    Redeemed, RegistrationPolicy, Sequence, StreamEvent, StreamRequest, Ticket, decode, encode,
    path,
};
use futures_util::{SinkExt, StreamExt, stream};
use reqwest::{Method, StatusCode};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::transport::connect;
use crate::world::{Slot, World, now, rng};

pub(crate) struct Stream(pub(crate) WebSocketStream<TlsStream<TcpStream>>);

impl Stream {
    pub(crate) async fn open(world: &World) -> Self {
        let stream = connect(world).await;
        let url = format!("wss://{}{}", world.address(), path::STREAM);
        Self(client_async(url, stream).await.unwrap().0)
    }

    async fn ask(&mut self, request: &StreamRequest) {
        let text = String::from_utf8(encode(request)).unwrap();
        self.0.send(Message::text(text)).await.unwrap();
    }

    pub(crate) async fn follow(&mut self, slot: &Slot, after: u64) {
        let request = slot.request(Action::Follow {
            after: Sequence(after),
        });
        self.ask(&StreamRequest::Group(Box::new(request))).await;
    }

    async fn event(&mut self) -> StreamEvent {
        loop {
            match self.0.next().await.unwrap().unwrap() {
                Message::Text(text) => return decode(text.as_bytes()).unwrap(),
                Message::Ping(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    pub(crate) async fn entry(&mut self) -> LogEntry {
        match self.event().await {
            StreamEvent::Entry { entry, .. } => *entry,
            other => panic!("{other:?}"),
        }
    }

    async fn refusal(&mut self) -> (Option<GroupId>, ProblemCode) {
        match self.event().await {
            StreamEvent::Refused { group, problem } => (group, problem.code),
            other => panic!("{other:?}"),
        }
    }

    async fn closed(&mut self) -> CloseCode {
        match self.0.next().await.unwrap().unwrap() {
            Message::Close(Some(frame)) => frame.code,
            other => panic!("{other:?}"),
        }
    }
}

/// Why the provider opens no stream now; none when it does.
async fn refusal_of_a_stream(world: &World) -> Option<ProblemCode> {
    let upgrade = world
        .request(Method::GET, path::STREAM)
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    let response = upgrade.send().await.unwrap();
    match response.status() {
        StatusCode::SWITCHING_PROTOCOLS => None,
        _ => Some(
            decode::<Problem>(&response.bytes().await.unwrap())
                .unwrap()
                .code,
        ),
    }
}

#[tokio::test]
async fn a_follower_gets_what_is_there_and_what_comes_in_order() {
    let world = World::new().await;
    let alice = world.device("alice", "phone").await;
    let slot = world.group(&alice.token).await;
    for number in 0..300 {
        slot.append(&world, slot.text(&number.to_string()))
            .await
            .unwrap();
    }
    let mut stream = Stream::open(&world).await;
    stream.follow(&slot, 10).await;
    for expected in 11..=300 {
        assert_eq!(stream.entry().await.sequence, Sequence(expected));
    }
    for expected in 301..=310 {
        let receipt = slot.append(&world, slot.text("live")).await.unwrap();
        let entry = stream.entry().await;
        assert_eq!(
            (entry.sequence, entry.head),
            (Sequence(expected), receipt.head)
        );
    }
}

#[tokio::test]
async fn every_follower_of_a_group_is_woken() {
    let world = World::new().await;
    let alice = world.device("alice", "phone").await;
    let (one, other) = (
        world.group(&alice.token).await,
        world.group(&alice.token).await,
    );
    let (mut first, mut second) = (Stream::open(&world).await, Stream::open(&world).await);
    for stream in [&mut first, &mut second] {
        stream.follow(&one, 0).await;
        stream.follow(&other, 0).await;
    }
    one.append(&world, one.text("one")).await.unwrap();
    for stream in [&mut first, &mut second] {
        stream.entry().await;
    }
    other.append(&world, other.text("other")).await.unwrap();
    for stream in [&mut first, &mut second] {
        match stream.event().await {
            StreamEvent::Entry { group, slot, .. } => {
                assert_eq!((group, slot), (other.group, other.id));
            }
            event => panic!("{event:?}"),
        }
    }
}

#[tokio::test]
async fn an_inbox_is_followed_with_its_session() {
    let world = World::new().await;
    let alice = world.device("alice", "phone").await;
    let bob = world.device("bob", "phone").await;
    let mut stream = Stream::open(&world).await;
    let token = bob.token.clone();
    stream
        .ask(&StreamRequest::Inbox {
            token,
            after: InboxCursor(0),
        })
        .await;

    let pointer = crate::accounts::claim_and_post(&world, &alice, &bob).await;
    match stream.event().await {
        StreamEvent::Inbox { item } => assert_eq!(item.pointer, pointer),
        other => panic!("{other:?}"),
    }
    let token = "forged".parse().unwrap();
    stream
        .ask(&StreamRequest::Inbox {
            token,
            after: InboxCursor(0),
        })
        .await;
    assert_eq!(stream.refusal().await, (None, ProblemCode::Unauthorized));
}

#[tokio::test]
async fn a_removed_member_is_told_once_and_gets_no_more() {
    let world = World::new().await;
    let alice = world.device("alice", "phone").await;
    let creator = world.group(&alice.token).await;
    let joiner = Slot::new(creator.group);
    let ticket = Ticket::generate(&mut rng());
    let mut adding = creator.message(0, EntryKind::Commit, b"add");
    let ticket_digest = ticket.digest(&joiner.group, &joiner.id);
    adding.opens = vec![Joiner {
        slot: joiner.id,
        ticket_digest,
        part: None,
    }]
    .try_into()
    .unwrap();
    creator.append(&world, adding).await.unwrap();
    let domain = world.info().await.domain;
    let redeem = Redeem::sign(
        &joiner.keys,
        &domain,
        joiner.group,
        joiner.id,
        ticket,
        now(),
    )
    .unwrap();
    let _: Redeemed = world.post(path::SLOT_REDEEM, None, &redeem).await.unwrap();

    let (mut stays, mut leaves) = (Stream::open(&world).await, Stream::open(&world).await);
    stays.follow(&creator, 1).await;
    leaves.follow(&joiner, 1).await;
    let mut removing = creator.message(1, EntryKind::Commit, b"remove");
    removing.closes = vec![joiner.id].try_into().unwrap();
    creator.append(&world, removing).await.unwrap();
    creator
        .append(&world, creator.message(2, EntryKind::Application, b"alone"))
        .await
        .unwrap();

    assert_eq!(leaves.entry().await.sequence, Sequence(2), "its removal");
    assert_eq!(
        leaves.refusal().await,
        (Some(joiner.group), ProblemCode::NotFound)
    );
    assert_eq!(stays.entry().await.sequence, Sequence(2));
    assert_eq!(stays.entry().await.sequence, Sequence(3));
}

#[tokio::test]
async fn a_stream_only_follows_and_only_what_is_one_s_own() {
    let world = World::new().await;
    let alice = world.device("alice", "phone").await;
    let slot = world.group(&alice.token).await;
    let mut stream = Stream::open(&world).await;
    let read = slot.request(Action::Read {
        after: Sequence(0),
        limit: 1,
    });
    stream.ask(&StreamRequest::Group(Box::new(read))).await;
    assert_eq!(
        stream.refusal().await,
        (Some(slot.group), ProblemCode::Malformed)
    );
    stream.follow(&Slot::new(slot.group), 0).await;
    assert_eq!(
        stream.refusal().await,
        (Some(slot.group), ProblemCode::NotFound)
    );

    stream.follow(&slot, 0).await;
    slot.append(&world, slot.text("still there")).await.unwrap();
    assert_eq!(
        stream.entry().await.sequence,
        Sequence(1),
        "a refusal ends no stream"
    );
}

#[tokio::test]
async fn what_is_no_request_ends_the_stream() {
    let world = World::new().await;
    let mut stream = Stream::open(&world).await;
    stream.0.send(Message::text("{}")).await.unwrap();
    assert_eq!(stream.refusal().await, (None, ProblemCode::Malformed));
    assert_eq!(stream.closed().await, CloseCode::Policy);

    let mut stream = Stream::open(&world).await;
    stream.0.send(Message::binary(vec![1])).await.unwrap();
    assert_eq!(stream.closed().await, CloseCode::Unsupported);

    let mut stream = Stream::open(&world).await;
    stream
        .0
        .send(Message::text(" ".repeat(MAX_STREAM_REQUEST + 1)))
        .await
        .unwrap();
    assert_eq!(stream.closed().await, CloseCode::Protocol);
}

#[tokio::test]
async fn logs_beyond_the_limit_of_a_stream_are_refused() {
    let world = World::new().await;
    let alice = world.device("alice", "phone").await;
    let create = async |_| world.group(&alice.token).await;
    let slots: Vec<_> = stream::iter(0..=FOLLOWED_PER_STREAM)
        .map(create)
        .buffered(32)
        .collect()
        .await;
    let mut stream = Stream::open(&world).await;
    for slot in &slots {
        stream.follow(slot, 0).await;
    }
    let (last, stranger) = (&slots[FOLLOWED_PER_STREAM], Slot::new(slots[0].group));
    stream.follow(&stranger, 0).await;
    for refused in [last.group, stranger.group] {
        assert_eq!(
            stream.refusal().await,
            (Some(refused), ProblemCode::TooMany)
        );
    }
    let known = &slots[FOLLOWED_PER_STREAM - 1];
    stream.follow(known, 0).await;
    known.append(&world, known.text("hello")).await.unwrap();
    assert_eq!(stream.entry().await.sequence, Sequence(1));
}

#[tokio::test]
async fn streams_beyond_the_limit_are_refused_until_one_ends() {
    let world = World::with(|config| config.limits.streams = 1.try_into().unwrap()).await;
    let mut first = Stream::open(&world).await;
    assert_eq!(
        refusal_of_a_stream(&world).await,
        Some(ProblemCode::Unavailable)
    );
    first.0.close(None).await.unwrap();
    while first.0.next().await.is_some() {}
    Stream::open(&world).await;
}

#[tokio::test]
async fn who_does_not_read_is_cut() {
    let world = World::with(|config| {
        config.registration = RegistrationPolicy::Open;
        config.limits.streams = 1.try_into().unwrap();
        config.limits.slow_reader_seconds = 1.try_into().unwrap();
    })
    .await;
    let alice = world.device("alice", "phone").await;
    let slot = world.group(&alice.token).await;
    let large = "x".repeat(MAX_MESSAGE - 1024);
    // More than the two sockets' buffers hold.
    for _ in 0..32 {
        slot.append(&world, slot.text(&large)).await.unwrap();
    }
    let mut idle = Stream::open(&world).await;
    idle.follow(&slot, 0).await;
    // The cut makes room for another stream.
    while refusal_of_a_stream(&world).await == Some(ProblemCode::Unavailable) {}

    let mut entries = 0;
    while let Some(Ok(message)) = idle.0.next().await {
        entries += usize::from(message.is_text());
    }
    assert!(entries < 32, "all of it had been buffered");
}

#[tokio::test]
async fn a_stop_says_goodbye() {
    let mut world = World::new().await;
    let running = world.take();
    let mut stream = Stream::open(&world).await;
    let told = async {
        let code = stream.closed().await;
        let again = TcpStream::connect(world.address()).await;
        assert!(again.is_err(), "nobody listens once connections end");
        code
    };
    let (closed, stopped) = tokio::join!(told, running.shutdown());
    stopped.unwrap();
    assert_eq!(closed, CloseCode::Away);
}
