use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::super::framing;
use super::super::{Listener, serve};
use super::client::{Client, Ended, PROCESS, request_body, request_headers};
use super::engine::Scripted;
use crate::exchange::{
    BODY_WINDOW_BYTES, Close, Command, Continue, Event, FailureMode, OutBody, Respond,
    ResponseHead, Side, Start,
};
use crate::ext_proc::proto::processing_response::Response;
use crate::ext_proc::proto::{HealthCheckRequest, HealthCheckResponse, ProcessingResponse};
use crate::ext_proc::settings::Settings;
use crate::ext_proc::stats::Stats;

/// A server on a free port of the loopback interface.
struct Running {
    address: String,
    engine: Arc<Scripted>,
    stats: Arc<Stats>,
    shutdown: CancellationToken,
    /// Gives the number of exchanges that were cut off.
    served: JoinHandle<usize>,
}

impl Running {
    fn start(engine: Arc<Scripted>) -> Self {
        Self::on("127.0.0.1:0", engine, Settings::default())
    }

    fn on(address: &str, engine: Arc<Scripted>, settings: Settings) -> Self {
        let listener = Listener::bind(address).unwrap();
        let address = listener.address().unwrap();
        let (stats, shutdown) = (Arc::<Stats>::default(), CancellationToken::new());
        let serving =
            serve(vec![listener], engine.clone(), settings, stats.clone(), shutdown.clone());
        Self { address, engine, stats, shutdown, served: tokio::spawn(serving) }
    }

    async fn client(&self) -> Client {
        Client::connect(&self.address).await
    }
}

fn pass() -> Vec<Command> {
    vec![
        Command::Continue(Continue { head: None, body: OutBody::AsItCame }),
        Command::Respond(Respond { head: None, body: OutBody::AsItCame }),
    ]
}

fn passing() -> Arc<Scripted> {
    Scripted::new(|_, event| if event.is_none() { pass() } else { Vec::new() })
}

/// Never decides anything by itself.
fn idle() -> Arc<Scripted> {
    Scripted::new(|_, _| Vec::new())
}

/// Answers with what it reads, chunk by chunk.
fn echo(_: &Start, event: Option<&Event>) -> Vec<Command> {
    match event {
        None => {
            let head = Some(ResponseHead { status: 200, ..ResponseHead::default() });
            let answer = Command::Respond(Respond { head, body: OutBody::Stream });
            vec![Command::ReadBody(Side::Request), answer]
        }
        Some(Event::Chunk(side, chunk)) => vec![
            Command::Consumed(*side, chunk.len()),
            Command::Body(Side::Response, chunk.clone()),
        ],
        Some(Event::End(_)) => vec![Command::BodyEnd(Side::Response)],
        _ => Vec::new(),
    }
}

fn ok() -> Ended {
    Ended { code: "0".into(), message: String::new() }
}

async fn ended(stream: &mut super::client::Stream) -> Ended {
    stream.next::<ProcessingResponse>().await.unwrap_err()
}

#[tokio::test]
async fn an_exchange_is_replied_to_and_closed() {
    let server = Running::start(passing());
    let mut stream = server.client().await.process(&[]).await;
    let reply: ProcessingResponse = stream.next().await.unwrap();
    assert!(matches!(reply.response, Some(Response::RequestHeaders(_))));
    assert_eq!(ended(&mut stream).await, ok());
    assert_eq!(*server.engine.events.lock(), [Event::Closed(Close::Complete)]);
    assert_eq!(server.stats.messages().next(), Some(("request_headers", 1)));
}

#[tokio::test]
async fn a_request_without_a_worker_passes_at_once() {
    let server = Running::start(idle());
    let mut stream = server.client().await.process(&[("x-nano-worker", "none")]).await;
    let reply: ProcessingResponse = stream.next().await.unwrap();
    assert!(reply.mode_override.is_some(), "the response phase is skipped");
    assert_eq!(ended(&mut stream).await, ok());
}

#[tokio::test]
async fn initial_metadata_chooses_worker_and_failure_mode() {
    let server = Running::start(passing());
    let metadata = [
        ("x-nano-worker", "shop"),
        ("x-nano-failure-mode", "open"),
        ("x-nano-mode-override", "off"),
    ];
    let mut stream = server.client().await.process(&metadata).await;
    let reply: ProcessingResponse = stream.next().await.unwrap();
    assert!(reply.mode_override.is_none());
    let starts = server.engine.starts.lock();
    assert_eq!(starts[0].worker.as_deref(), Some("shop"));
    assert_eq!(starts[0].failure_mode, Some(FailureMode::Open));
    assert_eq!(starts[0].request_id.len(), 32, "made up: there was no x-request-id");
}

#[tokio::test]
async fn a_unix_socket_serves_too_and_a_stale_one_is_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("nano.sock");
    // What a killed process leaves behind.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let address = format!("unix:{}", path.display());
    let server = Running::on(&address, passing(), Settings::default());
    assert_eq!(server.address, address);
    let living = Listener::bind(&address).unwrap_err();
    assert_eq!(living.kind(), std::io::ErrorKind::AddrInUse);
    let client = Client::over(tokio::net::UnixStream::connect(&path).await.unwrap()).await;
    let mut stream = client.process(&[]).await;
    stream.next::<ProcessingResponse>().await.unwrap();
    assert_eq!(ended(&mut stream).await, ok());
}

#[tokio::test]
async fn messages_cut_into_bytes_and_glued_together_are_the_same() {
    let server = Running::start(Scripted::new(echo));
    let client = server.client().await;
    let messages = [request_headers(4), request_body("ab", false), request_body("cd", true)];
    let mut wire = BytesMut::new();
    for message in &messages {
        framing::encode(message, &mut wire);
    }
    let wire = wire.freeze();
    for size in [1, 7, wire.len()] {
        let mut stream = client.open(PROCESS, &[]).await;
        for part in wire.chunks(size) {
            stream.bytes(Bytes::copy_from_slice(part));
        }
        assert_eq!(answer(&mut stream).await, "abcd", "frames of {size} bytes");
        assert_eq!(ended(&mut stream).await, ok());
    }
}

/// The body of a streamed answer.
async fn answer(stream: &mut super::client::Stream) -> String {
    use crate::ext_proc::proto::streamed_immediate_response::Response as Part;
    let mut text = String::new();
    loop {
        let reply: ProcessingResponse = stream.next().await.unwrap();
        let Some(Response::StreamedImmediate(part)) = reply.response else {
            panic!("not a part of an answer: {reply:?}");
        };
        if let Some(Part::Body(piece)) = part.response {
            text.push_str(std::str::from_utf8(&piece.body).unwrap());
            if piece.end_of_stream {
                return text;
            }
        }
    }
}

#[tokio::test]
async fn replies_of_one_batch_share_a_frame() {
    let server = Running::start(Scripted::new(|start, event| match event {
        None => {
            let mut commands = echo(start, None);
            commands.extend(["a", "b"].map(|part| Command::Body(Side::Response, part.into())));
            commands.push(Command::BodyEnd(Side::Response));
            commands
        }
        Some(_) => Vec::new(),
    }));
    let mut stream = server.client().await.process(&[]).await;
    while stream.next::<ProcessingResponse>().await.is_ok() {}
    assert_eq!(stream.frames, [3], "one frame with the head and two pieces");
}

#[tokio::test]
async fn broken_clients_get_a_reason() {
    let settings = Settings { max_message_bytes: 1000, ..Settings::default() };
    let server = Running::on("127.0.0.1:0", idle(), settings);
    let client = server.client().await;
    for (bytes, code, reason) in [
        (&[0, 0, 0, 0, 1, 0xff][..], "3", "not a ProcessingRequest"),
        (&[0, 0, 0, 0, 0], "3", "a ProcessingRequest without"),
        (&[0, 0, 0, 4, 0], "8", "max_message_bytes"),
        (&[1, 0, 0, 0, 0], "12", "compressed"),
    ] {
        let mut stream = client.open(PROCESS, &[]).await;
        stream.bytes(bytes);
        let ended = ended(&mut stream).await;
        assert_eq!(ended.code, code, "{ended:?}");
        assert!(ended.message.contains(reason), "{ended:?}");
    }
    let mut stream = client.process(&[]).await;
    stream.message(&request_headers(0));
    assert_eq!(ended(&mut stream).await.code, "9");
    assert_eq!(server.stats.protocol_errors(), 5);
}

#[tokio::test]
async fn what_is_not_ext_proc_is_refused() {
    let server = Running::start(idle());
    let client = server.client().await;
    let mut stream = client.open("/other.Service/Call", &[]).await;
    let unknown = ended(&mut stream).await;
    assert_eq!(unknown.code, "12");
    assert!(unknown.message.contains("/other.Service/Call"), "{unknown:?}");
    let mut stream = client.open(PROCESS, &[("content-type", "application/json")]).await;
    assert_eq!(stream.status().await, 415);
}

#[tokio::test]
async fn a_client_that_resets_ends_the_exchange() {
    let server = Running::start(idle());
    let mut stream = server.client().await.process(&[]).await;
    wait_for(|| server.engine.starts.lock().len() == 1).await;
    stream.send.send_reset(h2::Reason::CANCEL);
    wait_for(|| *server.engine.events.lock() == [Event::Closed(Close::Disconnected)]).await;
    assert_eq!(server.stats.streams_open(), 0);
}

#[tokio::test]
async fn a_burst_of_resets_does_not_cost_the_connection() {
    let server = Running::start(idle());
    let client = server.client().await;
    for _ in 0..500 {
        client.process(&[]).await.send.send_reset(h2::Reason::CANCEL);
    }
    let mut stream = client.process(&[("x-nano-worker", "none")]).await;
    stream.next::<ProcessingResponse>().await.unwrap();
    wait_for(|| server.stats.streams_open() == 0).await;
}

/// While the Worker takes nothing, the client can send no more than windows allow.
#[tokio::test]
async fn a_slow_worker_stops_the_sender() {
    let server = Running::start(Scripted::new(|_, event| match event {
        None => vec![Command::ReadBody(Side::Request)],
        _ => Vec::new(),
    }));
    let mut stream = server.client().await.open(PROCESS, &[]).await;
    stream.message(&request_headers(4));
    let mut wire = BytesMut::new();
    framing::encode(&request_body(vec![b'x'; 4 * BODY_WINDOW_BYTES], false), &mut wire);
    let small = request_body(vec![b'x'; 16 * 1024], false);
    for _ in 0..200 {
        framing::encode(&small, &mut wire);
    }
    let total = wire.len();
    stream.send.reserve_capacity(total);
    let mut sent = 0;
    while let Ok(granted) = tokio::time::timeout(
        Duration::from_millis(300),
        std::future::poll_fn(|cx| stream.send.poll_capacity(cx)),
    )
    .await
    {
        let bytes = granted.unwrap().unwrap().min(wire.len());
        sent += bytes;
        stream.bytes(wire.split_to(bytes).freeze());
        if wire.is_empty() {
            break;
        }
    }
    // The first message, which is above the window by itself, and one HTTP/2 window more.
    assert!(sent < total && sent < 6 * BODY_WINDOW_BYTES, "{sent} of {total} bytes were taken");
    let outbox = server.engine.outboxes.lock()[0].clone();
    outbox.publish(&mut vec![Command::CancelBody(Side::Request)]);
    let more = std::future::poll_fn(|cx| stream.send.poll_capacity(cx)).await;
    assert!(more.unwrap().unwrap() > 0);
}

/// While the client takes nothing, a Worker can write no more than windows allow, however small
/// its pieces are.
#[tokio::test]
async fn a_client_that_takes_nothing_stops_a_writer() {
    let server = Running::start(Scripted::new(|start, event| match event {
        None => echo(start, None),
        _ => Vec::new(),
    }));
    let _stream = server.client().await.process(&[]).await;
    wait_for(|| server.engine.outboxes.lock().len() == 1).await;
    let outbox = server.engine.outboxes.lock()[0].clone();
    let piece = Bytes::from(vec![b'x'; 1000]);
    let (mut written, mut waited) = (0, 0);
    while waited < 100 {
        if outbox.has_room(Side::Response) {
            outbox.count(Side::Response, piece.len());
            outbox.publish(&mut vec![Command::Body(Side::Response, piece.clone())]);
            written += piece.len();
            // The client's window is smaller than ours.
            assert!(written < 3 * BODY_WINDOW_BYTES, "{written} bytes were taken");
            tokio::task::yield_now().await;
        } else {
            waited += 1;
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
    assert!(written >= BODY_WINDOW_BYTES);
}

/// Bytes that were sent are given back to the Worker's outbox.
#[tokio::test]
async fn a_writer_gets_room_back() {
    let server = Running::start(Scripted::new(|start, event| match event {
        None => echo(start, None),
        _ => Vec::new(),
    }));
    let mut stream = server.client().await.process(&[]).await;
    wait_for(|| server.engine.outboxes.lock().len() == 1).await;
    let outbox = server.engine.outboxes.lock()[0].clone();
    let chunk = Bytes::from(vec![b'x'; BODY_WINDOW_BYTES]);
    outbox.count(Side::Response, chunk.len());
    assert!(!outbox.has_room(Side::Response));
    outbox.publish(&mut vec![Command::Body(Side::Response, chunk)]);
    let drained = async { wait_for(|| !server.engine.events.lock().is_empty()).await };
    let reading = async { while stream.next::<ProcessingResponse>().await.is_ok() {} };
    tokio::select! { () = drained => {} () = reading => {} }
    assert_eq!(*server.engine.events.lock(), [Event::Drained(Side::Response)]);
    assert!(outbox.has_room(Side::Response));
}

#[tokio::test]
async fn health_is_told_until_the_drain() {
    let server = Running::start(idle());
    let client = server.client().await;
    let mut check = client.open("/grpc.health.v1.Health/Check", &[]).await;
    check.message(&HealthCheckRequest::default());
    assert_eq!(check.next::<HealthCheckResponse>().await.unwrap().status, 1);
    assert_eq!(check.next::<HealthCheckResponse>().await.unwrap_err(), ok());
    let mut watch = client.open("/grpc.health.v1.Health/Watch", &[]).await;
    watch.message(&HealthCheckRequest::default());
    assert_eq!(watch.next::<HealthCheckResponse>().await.unwrap().status, 1);
    server.shutdown.cancel();
    assert_eq!(watch.next::<HealthCheckResponse>().await.unwrap().status, 2);
    assert_eq!(watch.next::<HealthCheckResponse>().await.unwrap_err(), ok());
}

#[tokio::test]
async fn a_drain_lets_running_exchanges_finish() {
    let server = Running::start(idle());
    let client = server.client().await;
    let mut stream = client.process(&[]).await;
    wait_for(|| server.engine.outboxes.lock().len() == 1).await;
    server.shutdown.cancel();
    wait_for_refusal(&server.address).await;
    assert!(!server.served.is_finished());
    server.engine.outboxes.lock()[0].publish(&mut pass());
    stream.next::<ProcessingResponse>().await.unwrap();
    assert_eq!(ended(&mut stream).await, ok());
    drop((stream, client));
    assert_eq!(server.served.await.unwrap(), 0);
}

#[tokio::test]
async fn a_drain_does_not_wait_for_ever() {
    let settings = Settings { drain_timeout: Duration::from_millis(50), ..Settings::default() };
    let server = Running::on("127.0.0.1:0", idle(), settings);
    let stream = server.client().await.process(&[]).await;
    wait_for(|| server.engine.outboxes.lock().len() == 1).await;
    server.shutdown.cancel();
    assert_eq!(server.served.await.unwrap(), 1);
    drop(stream);
}

async fn wait_for_refusal(address: &str) {
    while tokio::net::TcpStream::connect(address).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn wait_for(condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), waiting).await.expect("it did not happen");
}
