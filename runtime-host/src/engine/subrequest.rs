//! A subrequest's task: the request, its upload, and the delivery of its response's body.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio::task::AbortHandle;

use super::actor::Actor;
use crate::client::{
    self, Client, Connection, FetchBody, FetchError, FetchRequest, FetchResponse, MAX_REDIRECTS,
    Origin, Override, Redirect, ResponseBody, UploadSender,
};
use crate::egress::loops;
use crate::exchange::{BODY_WINDOW_BYTES, has_authority};
use crate::isolate::body::UploadFlow;
use crate::isolate::message::{
    self, BodyId, LeavingId, Message, OWN_AUTHORITY_NEEDS_ORIGIN, Subrequest, SubrequestHead,
    Upload,
};
use crate::limits::Limit;

/// Part of an upload, on its way from a turn to the client.
#[derive(Debug)]
pub(crate) enum Part {
    Chunk(Bytes),
    End,
    Failed(String),
}

/// How far JavaScript is with a response's body.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    begun: Notify,
    waiting: AtomicUsize,
    room: Notify,
}

impl Reading {
    pub fn begin(&self) {
        self.begun.notify_one();
    }

    pub(super) async fn begun(&self) {
        self.begun.notified().await;
    }

    pub fn consumed(&self, bytes: usize) {
        self.waiting.fetch_sub(bytes, Ordering::AcqRel);
        self.room.notify_one();
    }

    /// Counts a chunk that is about to be delivered; waits first while too much is under way.
    pub(super) async fn admit(&self, bytes: usize) {
        while self.waiting.load(Ordering::Acquire) >= BODY_WINDOW_BYTES {
            self.room.notified().await;
        }
        self.waiting.fetch_add(bytes, Ordering::AcqRel);
    }
}

/// What controls a launched subrequest.
pub(crate) struct Launched {
    pub task: AbortHandle,
    pub reading: Arc<Reading>,
    pub parts: Option<mpsc::UnboundedSender<Part>>,
}

pub(crate) fn launch(
    actor: &Arc<Actor>,
    subrequest: Subrequest,
    connections: Arc<Semaphore>,
) -> Launched {
    if let Some(metrics) = actor.metrics() {
        metrics.subrequests.inc();
    }
    let runtime = &actor.services().runtime;
    let (body, parts) = match subrequest.upload {
        Upload::Empty => (FetchBody::Empty, None),
        Upload::Full(ref bytes) => (FetchBody::Full(bytes.clone()), None),
        Upload::Stream { leaving, ref flow, length } => {
            let (sender, upload) = client::upload(length);
            let (parts, received) = mpsc::unbounded_channel();
            runtime.spawn(forward(Arc::clone(actor), leaving, Arc::clone(flow), received, sender));
            (FetchBody::Stream(upload), Some(parts))
        }
    };
    let reading = Arc::new(Reading::default());
    let client = actor.worker().map(|worker| worker.client(actor.services()));
    let run = run(Arc::clone(actor), client, subrequest, body, Arc::clone(&reading), connections);
    let task = runtime.spawn(run).abort_handle();
    Launched { task, reading, parts }
}

async fn run(
    actor: Arc<Actor>,
    client: Option<Client>,
    subrequest: Subrequest,
    body: FetchBody,
    reading: Arc<Reading>,
    connections: Arc<Semaphore>,
) {
    let (id, op, body_id) = (subrequest.id, subrequest.op, subrequest.body);
    // Redirects keep this method.
    let to_head = subrequest.method == "HEAD";
    let socket = subrequest.socket;
    // Held until the response's head is there, as Workers count connections.
    let permit = match Arc::clone(&connections).try_acquire_owned() {
        Ok(permit) => Ok(permit),
        Err(_) => {
            if let Some(metrics) = actor.metrics() {
                metrics.reached(Limit::Connections);
            }
            tracing::debug!(
                worker = actor.bundle().name,
                url = %subrequest.url,
                "a subrequest waits: limits.connections are in use"
            );
            connections.acquire_owned().await
        }
    };
    let result = match client {
        Some(client) => match fetch_request(&actor, subrequest, body) {
            Ok(request) => ask(&client, request, socket != 0).await.map_err(|e| e.to_string()),
            Err(text) => Err(text),
        },
        None => Err("the Worker was removed".into()),
    };
    drop(permit);
    match result {
        Err(text) => {
            actor.io().forget_body(body_id);
            let _ = actor.post(Message::Subrequest { id, op, result: Err(text) });
        }
        Ok((mut response, connection)) => {
            // `response.url` is "serialized with exclude fragment set to true".
            response.url.set_fragment(None);
            // Known before JavaScript can ask for it.
            let talk = connection.map(|c| actor.io().adopt_socket(&actor, socket, c));
            let head = SubrequestHead {
                body: body_id,
                status: response.status,
                status_text: response.status_text,
                headers: response.headers,
                url: response.url.into(),
                redirected: response.redirected,
                length: response.body.length(),
                has_body: !to_head,
            };
            let _ = actor.post(Message::Subrequest { id, op, result: Ok(head) });
            if let Some(talk) = talk {
                actor.io().forget_body(body_id);
                talk.await;
                return actor.io().forget_socket(socket);
            }
            deliver(&actor, body_id, response.body, &reading).await;
            actor.io().forget_body(body_id);
        }
    }
}

/// The request, or the opening handshake of a WebSocket.
async fn ask(
    client: &Client,
    request: FetchRequest,
    for_socket: bool,
) -> Result<(FetchResponse, Option<Connection>), FetchError> {
    if for_socket {
        return client.websocket(request).await;
    }
    client.fetch(request).await.map(|response| (response, None))
}

fn fetch_request(
    actor: &Actor,
    subrequest: Subrequest,
    body: FetchBody,
) -> Result<FetchRequest, String> {
    let own = subrequest.own_authority;
    let override_target = match &actor.bundle().settings.origin {
        Some(origin) => Some(Override {
            authority: own.clone(),
            target: Origin::of(origin).map_err(|error| error.to_string())?,
        }),
        None => None,
    };
    let has_origin = override_target.is_some();
    let sent = subrequest.sent;
    let metrics = actor.metrics().cloned();
    Ok(FetchRequest {
        method: subrequest.method,
        url: subrequest.url,
        headers: subrequest.headers,
        body,
        redirect: match subrequest.redirect {
            message::Redirect::Follow => Redirect::Follow,
            message::Redirect::Manual => Redirect::Manual,
            message::Redirect::Error => Redirect::Error,
        },
        max_redirects: MAX_REDIRECTS,
        override_target,
        on_hop: Some(Box::new(move |url, headers| {
            if !has_origin && has_authority(url, &own) {
                return Err(OWN_AUTHORITY_NEEDS_ORIGIN.into());
            }
            if !sent.count() {
                if let Some(metrics) = &metrics {
                    metrics.reached(Limit::Subrequests);
                }
                return Err("Too many subrequests by single Worker invocation.".into());
            }
            if let Ok(value) = HeaderValue::from_maybe_shared(Bytes::from(sent.header())) {
                headers.insert(HeaderName::from_static(loops::HEADER), value);
            }
            Ok(())
        })),
    })
}

/// Delivers the body once it is read, never more than a window ahead.
async fn deliver(actor: &Arc<Actor>, body: BodyId, mut source: ResponseBody, reading: &Reading) {
    reading.begun.notified().await;
    loop {
        let message = match source.chunk().await {
            Some(Ok(chunk)) => {
                reading.admit(chunk.len()).await;
                Message::Chunk { body, chunk }
            }
            Some(Err(error)) => Message::Failed { body, reason: error.to_string() },
            None => Message::End { body },
        };
        let last = !matches!(message, Message::Chunk { .. });
        if actor.post(message).is_err() || last {
            return;
        }
    }
}

/// Takes an upload from turns to the client, at the pace of the client.
async fn forward(
    actor: Arc<Actor>,
    leaving: LeavingId,
    flow: Arc<UploadFlow>,
    mut parts: mpsc::UnboundedReceiver<Part>,
    sender: UploadSender,
) {
    loop {
        match parts.recv().await {
            Some(Part::Chunk(chunk)) => {
                let size = chunk.len();
                let sent = sender.send(chunk).await;
                if flow.release(size) || sent.is_err() {
                    let _ = actor.post(Message::UploadRoom { leaving });
                }
            }
            Some(Part::End) => return sender.finish(),
            Some(Part::Failed(reason)) => return sender.abort(reason),
            // The isolate died.
            None => return sender.abort("the Worker ended"),
        }
    }
}
