//! A gRPC client as small as a test needs it.

use bytes::{Bytes, BytesMut};
use h2::client::SendRequest;
use h2::{RecvStream, SendStream};
use http::{HeaderMap, Request, StatusCode};
use prost::Message;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::super::framing::{self, Decoder};
use crate::ext_proc::proto::processing_request::Request as Kind;
use crate::ext_proc::proto::{
    HeaderMap as Fields, HeaderValue, HttpBody, HttpHeaders, ProcessingRequest,
    ProtocolConfiguration,
};

pub(super) const PROCESS: &str = "/envoy.service.ext_proc.v3.ExternalProcessor/Process";

#[derive(Clone)]
pub(super) struct Client {
    send: SendRequest<Bytes>,
}

pub(super) struct Stream {
    pub send: SendStream<Bytes>,
    response: Option<h2::client::ResponseFuture>,
    body: Option<RecvStream>,
    decoder: Decoder,
    /// How many messages each DATA frame held.
    pub frames: Vec<usize>,
}

/// How a stream ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ended {
    pub code: String,
    pub message: String,
}

impl Client {
    pub async fn connect(address: &str) -> Self {
        Self::over(TcpStream::connect(address).await.unwrap()).await
    }

    pub async fn over(socket: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Self {
        let (send, connection) = h2::client::handshake(socket).await.unwrap();
        tokio::spawn(connection);
        Self { send }
    }

    pub async fn open(&self, path: &str, fields: &[(&'static str, &'static str)]) -> Stream {
        let mut request = Request::post(format!("http://host{path}")).body(()).unwrap();
        request.headers_mut().insert("content-type", "application/grpc".parse().unwrap());
        for (name, value) in fields {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        let mut ready = self.send.clone().ready().await.unwrap();
        let (response, send) = ready.send_request(request, false).unwrap();
        let decoder = Decoder::new(1 << 20);
        Stream { send, response: Some(response), body: None, decoder, frames: Vec::new() }
    }

    /// An exchange with its first message sent.
    pub async fn process(&self, fields: &[(&'static str, &'static str)]) -> Stream {
        let mut stream = self.open(PROCESS, fields).await;
        stream.message(&request_headers(0));
        stream
    }
}

impl Stream {
    pub fn message(&mut self, message: &impl Message) {
        let mut frame = BytesMut::new();
        framing::encode(message, &mut frame);
        self.send.send_data(frame.freeze(), false).unwrap();
    }

    pub fn bytes(&mut self, bytes: impl Into<Bytes>) {
        self.send.send_data(bytes.into(), false).unwrap();
    }

    pub async fn status(&mut self) -> StatusCode {
        let response = self.response.take().unwrap().await.unwrap();
        let status = response.status();
        self.body = Some(response.into_body());
        status
    }

    /// The next message, or how the stream ended.
    pub async fn next<M: Message + Default>(&mut self) -> Result<M, Ended> {
        if let Some(response) = self.response.take() {
            let response = response.await.unwrap();
            if let Some(ended) = ended(response.headers()) {
                return Err(ended);
            }
            self.body = Some(response.into_body());
        }
        let body = self.body.as_mut().unwrap();
        loop {
            if let Some(message) = self.decoder.next().unwrap() {
                *self.frames.last_mut().unwrap() += 1;
                return Ok(M::decode(message).unwrap());
            }
            let Some(frame) = body.data().await else {
                let trailers = body.trailers().await.unwrap().unwrap();
                return Err(ended(&trailers).unwrap());
            };
            let frame = frame.unwrap();
            body.flow_control().release_capacity(frame.len()).unwrap();
            self.decoder.feed(frame);
            self.frames.push(0);
        }
    }
}

fn ended(headers: &HeaderMap) -> Option<Ended> {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    let code = text("grpc-status")?;
    Some(Ended { code, message: text("grpc-message").unwrap_or_default() })
}

/// A POST in the given body mode for both directions.
pub(super) fn request_headers(mode: i32) -> ProcessingRequest {
    let fields =
        [(":method", "POST"), (":scheme", "http"), (":authority", "example"), (":path", "/x")];
    let headers = fields.map(|(key, value)| HeaderValue {
        key: key.into(),
        raw_value: value.into(),
        ..HeaderValue::default()
    });
    ProcessingRequest {
        request: Some(Kind::RequestHeaders(HttpHeaders {
            headers: Some(Fields { headers: headers.into() }),
            end_of_stream: false,
        })),
        protocol_config: Some(ProtocolConfiguration {
            request_body_mode: mode,
            response_body_mode: mode,
            ..ProtocolConfiguration::default()
        }),
        ..ProcessingRequest::default()
    }
}

pub(super) fn request_body(body: impl Into<Bytes>, end_of_stream: bool) -> ProcessingRequest {
    let body = HttpBody { body: body.into(), end_of_stream };
    ProcessingRequest { request: Some(Kind::RequestBody(body)), ..ProcessingRequest::default() }
}
