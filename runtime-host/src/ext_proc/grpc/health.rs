//! `grpc.health.v1.Health`: SERVING until the drain begins. Any service name is answered alike.

use super::Server;
use super::transport::{Incoming, Outgoing, Received};
use crate::ext_proc::proto::{HealthCheckRequest, HealthCheckResponse, ServingStatus};
use crate::ext_proc::status::Status;
use prost::Message;
use std::future::poll_fn;

pub(super) async fn check(mut incoming: Incoming, mut outgoing: Outgoing, server: &Server) {
    let status = match request(&mut incoming).await {
        Ok(()) => {
            outgoing.push(&response(server));
            Status::ok()
        }
        Err(status) => status,
    };
    outgoing.finish(&status).await;
}

/// Answers now, again when the drain begins, and ends with it.
pub(super) async fn watch(mut incoming: Incoming, mut outgoing: Outgoing, server: &Server) {
    if let Err(status) = request(&mut incoming).await {
        return outgoing.finish(&status).await;
    }
    outgoing.push(&response(server));
    let watching = async {
        if poll_fn(|cx| outgoing.poll_flush(cx)).await.is_err() {
            return false;
        }
        tokio::select! {
            () = server.shutdown.cancelled() => true,
            () = poll_fn(|cx| outgoing.poll_reset(cx)) => false,
        }
    };
    if watching.await {
        outgoing.push(&response(server));
        outgoing.finish(&Status::ok()).await;
    }
}

async fn request(incoming: &mut Incoming) -> Result<(), Status> {
    match incoming.message().await {
        Received::Message(message) => HealthCheckRequest::decode(message)
            .map(drop)
            .map_err(|error| Status::invalid(format!("not a HealthCheckRequest: {error}"))),
        Received::Refused(status) => Err(status),
        Received::HalfClosed | Received::Broken => {
            Err(Status::invalid("a HealthCheckRequest was expected"))
        }
    }
}

fn response(server: &Server) -> HealthCheckResponse {
    let status = if server.shutdown.is_cancelled() {
        ServingStatus::NotServing
    } else {
        ServingStatus::Serving
    };
    HealthCheckResponse { status: status.into() }
}
