//! `ext_proc` clients that send wrong orders, duplicates, too much, or never enough, straight to
//! the runtime host.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::time::Duration;

use bytes::Bytes;
use h2::client::SendRequest;
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, Request};
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::arena::Arena;
use super::case::Case;
use super::generate::unhex;
use super::wire;
use crate::{Error, Result};

const PROCESS: &str = "/envoy.service.ext_proc.v3.ExternalProcessor/Process";

/// A server that gives no window for so long has stopped the sender, as it should.
const WINDOW_LIMIT: Duration = Duration::from_millis(500);

/// How long a stream that must end may take, however busy the machine is.
const END_LIMIT: Duration = Duration::from_secs(20);

/// One script, run on each of `together` streams of one connection at once.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrpcAttack {
    #[serde(default = "process")]
    pub path: String,
    #[serde(default = "grpc")]
    pub content_type: String,
    /// gRPC metadata; `x-nano-worker` is the case's Worker unless it is given.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
    #[serde(default = "once")]
    pub together: u32,
    #[serde(rename = "step")]
    pub steps: Vec<Step>,
    #[serde(default)]
    pub expect: Ending,
}

/// What is done next.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Step {
    /// Sends a `ProcessingRequest`.
    Send {
        message: Message,
        #[serde(default = "once")]
        times: u32,
        #[serde(default)]
        end: bool,
        /// Bytes of a body; entries of a header map; levels of attributes.
        #[serde(default)]
        size: usize,
        #[serde(default = "slash")]
        path: String,
        #[serde(default = "ok_status")]
        status: String,
        /// Body modes, by number.
        #[serde(default)]
        modes: Option<[u32; 2]>,
    },
    /// Sends bytes as they are, in place of a message.
    Raw {
        hex: String,
        #[serde(default = "once")]
        times: u32,
    },
    Wait {
        ms: u64,
    },
    /// Half-closes.
    Close,
    /// Resets the stream.
    Reset,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    RequestHeaders,
    ResponseHeaders,
    RequestBody,
    ResponseBody,
    RequestTrailers,
    ResponseTrailers,
    /// Request headers without `:method` and `:path`.
    Headless,
    /// Names and values that HTTP does not allow.
    IllegalHeaders,
    /// Request headers with deeply nested attributes.
    DeepAttributes,
    /// A message with nothing in it.
    Empty,
}

/// How the stream must end.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ending {
    /// One of these gRPC status codes; any when there is none.
    #[serde(default)]
    pub status: Vec<u16>,
    /// Parts of the status's message.
    #[serde(default)]
    pub message: Vec<String>,
    /// The HTTP status, when it is no gRPC answer.
    pub http: Option<u16>,
    /// The stream stays open: nothing is wrong with it yet.
    #[serde(default)]
    pub open: bool,
    /// How the stream ends makes no difference.
    #[serde(default)]
    pub any: bool,
    /// The sender must have been stopped by the window before it had sent so many bytes.
    pub stopped_before: Option<u64>,
}

fn process() -> String {
    PROCESS.to_owned()
}

fn grpc() -> String {
    "application/grpc".to_owned()
}

fn once() -> u32 {
    1
}

fn slash() -> String {
    "/".to_owned()
}

fn ok_status() -> String {
    "200".to_owned()
}

impl GrpcAttack {
    pub async fn run(&self, case: &Case, arena: &Arena) -> Result<()> {
        let socket = TcpStream::connect(arena.grpc())
            .await
            .map_err(Error::during("can't connect to the runtime host"))?;
        let (sender, connection) =
            h2::client::handshake(socket).await.map_err(Error::during("HTTP/2 handshake"))?;
        let connection = tokio::spawn(connection);
        let mut streams = JoinSet::new();
        for _ in 0..self.together.max(1) {
            let (attack, sender) = (self.clone(), sender.clone());
            let target = case.target().to_owned();
            streams.spawn(async move { attack.once(sender, &target).await });
        }
        let mut result = Ok(());
        while let Some(done) = streams.join_next().await {
            let done = done.map_err(Error::during("a stream failed"))?;
            result = result.and(done);
        }
        connection.abort();
        result
    }

    async fn once(&self, sender: SendRequest<Bytes>, target: &str) -> Result<()> {
        let mut request = Request::post(format!("http://host{}", self.path))
            .header("content-type", &self.content_type);
        if !self.metadata.contains_key("x-nano-worker") {
            request = request.header("x-nano-worker", target);
        }
        for (name, value) in &self.metadata {
            request = request.header(name, value);
        }
        let request = request.body(()).map_err(Error::during("bad metadata"))?;
        let mut sender = sender.ready().await.map_err(Error::during("no stream"))?;
        let (response, mut stream) =
            sender.send_request(request, false).map_err(Error::during("no stream"))?;
        // Replies are taken while messages are sent, as Envoy does.
        let reading = tokio::spawn(async move {
            let response = response.await?;
            let (head, body) = response.into_parts();
            let trailers = drain(body).await?;
            Ok::<_, h2::Error>((head, trailers))
        });
        let sent = self.send(&mut stream).await?;
        if let Some(most) = self.expect.stopped_before
            && (!sent.stopped || sent.bytes >= most)
        {
            return Err(Error::new(format!(
                "{} bytes were taken, {most} are too many",
                sent.bytes
            )));
        }
        let limit = if self.expect.open { WINDOW_LIMIT } else { END_LIMIT };
        let abort = reading.abort_handle();
        let ended = tokio::time::timeout(limit, reading).await;
        abort.abort();
        stream.send_reset(Reason::CANCEL);
        match ended {
            Err(_) if self.expect.open || self.expect.any => Ok(()),
            Err(_) => Err(Error::new("the stream does not end")),
            Ok(Err(error)) => Err(Error::new(format!("a stream's reader failed: {error}"))),
            Ok(Ok(_)) if self.expect.any => Ok(()),
            Ok(Ok(Err(error))) => Err(Error::new(format!("the stream was broken off: {error}"))),
            Ok(Ok(Ok((head, trailers)))) => self.judge(&head, trailers.as_ref()),
        }
    }

    async fn send(&self, stream: &mut SendStream<Bytes>) -> Result<Sent> {
        let mut sent = Sent::default();
        for step in &self.steps {
            match step {
                Step::Wait { ms } => tokio::time::sleep(Duration::from_millis(*ms)).await,
                Step::Reset => stream.send_reset(Reason::CANCEL),
                // It fails for a stream that has ended, which `judge` looks at.
                Step::Close => drop(stream.send_data(Bytes::new(), true)),
                Step::Raw { hex, times } => {
                    let bytes = Bytes::from(unhex(hex)?);
                    sent.add(stream, &bytes, *times).await;
                }
                Step::Send { message, times, .. } => {
                    let bytes = Bytes::from(wire::framed(&step.encoded(*message)));
                    sent.add(stream, &bytes, *times).await;
                }
            }
        }
        Ok(sent)
    }

    fn judge(&self, head: &http::response::Parts, trailers: Option<&HeaderMap>) -> Result<()> {
        let expect = &self.expect;
        if let Some(status) = expect.http {
            return if head.status == status {
                Ok(())
            } else {
                Err(Error::new(format!("expected HTTP {status}, it is {}", head.status)))
            };
        }
        if expect.open {
            return Err(Error::new("the stream ended though nothing was wrong with it"));
        }
        let text = |name: &str| {
            let value = trailers.and_then(|map| map.get(name)).or_else(|| head.headers.get(name));
            value.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        let status = text("grpc-status").and_then(|status| status.parse().ok());
        let message = text("grpc-message").unwrap_or_default();
        let right = match status {
            Some(status) => expect.status.is_empty() || expect.status.contains(&status),
            None => false,
        };
        if right && expect.message.iter().all(|part| message.contains(part.as_str())) {
            return Ok(());
        }
        Err(Error::new(format!(
            "expected the gRPC status {:?} {:?}, it is {status:?} {message:?}",
            expect.status, expect.message
        )))
    }
}

#[derive(Default)]
struct Sent {
    bytes: u64,
    /// The window, or the stream's end, stopped the sender.
    stopped: bool,
}

impl Sent {
    async fn add(&mut self, stream: &mut SendStream<Bytes>, bytes: &Bytes, times: u32) {
        for _ in 0..times {
            let mut left = bytes.clone();
            while !left.is_empty() && !self.stopped {
                stream.reserve_capacity(left.len());
                let granted = poll_fn(|cx| stream.poll_capacity(cx));
                match tokio::time::timeout(WINDOW_LIMIT, granted).await {
                    Ok(Some(Ok(count))) => {
                        let part = left.split_to(count.min(left.len()));
                        self.bytes += part.len() as u64;
                        self.stopped = stream.send_data(part, false).is_err();
                    }
                    _ => self.stopped = true,
                }
            }
        }
    }
}

async fn drain(mut body: RecvStream) -> std::result::Result<Option<HeaderMap>, h2::Error> {
    while let Some(frame) = body.data().await {
        let frame = frame?;
        body.flow_control().release_capacity(frame.len())?;
    }
    body.trailers().await
}

impl Step {
    fn encoded(&self, message: Message) -> Vec<u8> {
        let Self::Send { end, size, path, status, modes, .. } = self else { return Vec::new() };
        let request: [(&[u8], &[u8]); 4] = [
            (b":method", b"POST"),
            (b":path", path.as_bytes()),
            (b":authority", b"hostile.test"),
            (b":scheme", b"http"),
        ];
        let extra: Vec<String> = (0..*size).map(|i| format!("x-{i}")).collect();
        let extra = extra.iter().map(|name| (name.as_bytes(), &b"value"[..]));
        let mut encoded = match message {
            Message::Empty => Vec::new(),
            Message::RequestHeaders => {
                wire::head(2, &wire::headers(request.into_iter().chain(extra)), *end)
            }
            Message::DeepAttributes => {
                [wire::head(2, &wire::headers(request), *end), wire::deep_attributes(*size)]
                    .concat()
            }
            Message::Headless => {
                wire::head(2, &wire::headers([(&b"accept"[..], &b"*/*"[..])]), *end)
            }
            Message::IllegalHeaders => {
                let illegal: [(&[u8], &[u8]); 6] = [
                    (b"", b"no name"),
                    (b"x-\0nul", b"a\0b"),
                    (b"x-line\r\nset-cookie", b"a=1\r\nx-injected: yes"),
                    (b"X-UPPER\xff", b"\xff\xfe\xfd"),
                    (b":path", b"/second"),
                    (b":method", b"G\0T"),
                ];
                wire::head(2, &wire::headers(request.into_iter().chain(illegal)), *end)
            }
            Message::ResponseHeaders => {
                let first: [(&[u8], &[u8]); 1] = [(b":status", status.as_bytes())];
                wire::head(3, &wire::headers(first.into_iter().chain(extra)), *end)
            }
            Message::RequestBody => wire::body(4, &vec![b'x'; *size], *end),
            Message::ResponseBody => wire::body(5, &vec![b'x'; *size], *end),
            Message::RequestTrailers => wire::head(6, &wire::headers(extra), false),
            Message::ResponseTrailers => wire::head(7, &wire::headers(extra), false),
        };
        if let Some([request, response]) = modes {
            encoded.extend(wire::modes(*request, *response));
        }
        encoded
    }
}
