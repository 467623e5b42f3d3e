//! What an isolate asks of the HTTP cache, and what it hears.

use v8::PinScope;

use super::dispatch::Turn;
use super::hooks::{Kind, Value};
use super::message::{BodyId, InvocationId, OpId, Upload};
use super::state;
use crate::cache::{CacheId, Head, Query, Request};

/// A call of the Cache API.
#[derive(Debug)]
pub struct CacheAsk {
    pub id: InvocationId,
    pub op: OpId,
    pub what: CacheOp,
}

#[derive(Debug)]
pub enum CacheOp {
    Open(String),
    Has(String),
    /// Deletes a cache.
    Remove(String),
    Names,
    /// The answer to a request; its body shall have this id.
    Match {
        cache: CacheId,
        asked: Request,
        query: Query,
        body: BodyId,
    },
    /// An entry that was listed.
    Get {
        entry: u64,
        body: BodyId,
    },
    List {
        cache: CacheId,
        asked: Option<(Request, Query)>,
    },
    Delete {
        cache: CacheId,
        asked: Request,
        query: Query,
    },
    Put {
        cache: CacheId,
        asked: Request,
        head: Head,
        upload: Upload,
    },
}

impl CacheOp {
    /// The id of the response's body, for those that ask for a response.
    pub fn body(&self) -> Option<BodyId> {
        match self {
            Self::Match { body, .. } | Self::Get { body, .. } => Some(*body),
            _ => None,
        }
    }
}

/// What came of it.
#[derive(Debug)]
pub enum Answered {
    /// There is none, or nothing to say.
    Nothing,
    /// JSON.
    Text(String),
    /// A response; its body is that of the question.
    Response(Box<Head>, u64),
}

impl Turn<'_> {
    /// The cache answered. `body` is the one that the question named.
    pub(super) fn answered(
        &self,
        scope: &mut PinScope<'_, '_>,
        id: InvocationId,
        op: OpId,
        body: Option<BodyId>,
        result: Result<Answered, String>,
    ) {
        state::with(scope, |s| s.puts.remove(&op));
        let found = matches!(result, Ok(Answered::Response(..)));
        if let Some(body) = body.filter(|_| !found) {
            state::with(scope, |s| s.drop_body(body, "there is no such entry"));
        }
        match result {
            Err(text) => self.settle(scope, id, op, Kind::TypeError, Value::Text(text)),
            Ok(Answered::Nothing) => self.settle(scope, id, op, Kind::End, Value::Nothing),
            Ok(Answered::Text(text)) => self.settle(scope, id, op, Kind::Ok, Value::Text(text)),
            Ok(Answered::Response(head, length)) => {
                let told = serde_json::json!({
                    "status": head.status, "statusText": head.status_text, "body": body,
                });
                let known = state::with(scope, |s| {
                    let arriving = s.bodies.get_mut(&body?)?;
                    arriving.headers = head.headers;
                    arriving.url = head.url;
                    arriving.redirected = head.redirected;
                    arriving.length = Some(length);
                    Some(())
                });
                let kind = if known.is_some() { Kind::Ok } else { Kind::End };
                self.settle(scope, id, op, kind, Value::Text(told.to_string()));
            }
        }
    }
}
