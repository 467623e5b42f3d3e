//! What the origin saw, by the request's `x-test-id`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// How a request body came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upload {
    /// Nobody has read to its end (yet).
    Open,
    Complete,
    /// The client, or a proxy between, broke it off.
    Broken,
}

/// One request as the origin saw it.
#[derive(Clone, Debug)]
pub struct Record {
    pub method: String,
    pub path: String,
    pub headers: http::HeaderMap,
    pub body_bytes: u64,
    pub upload: Upload,
    /// Bytes of the response body that were handed over so far.
    pub sent_bytes: u64,
    /// The response body was handed over to its end.
    pub answered: bool,
    /// The response body was dropped before its end: whoever asked for it went away.
    pub abandoned: bool,
}

#[derive(Debug, Default)]
pub struct Records(Mutex<HashMap<String, Vec<Shared>>>);

/// A record that is still written to.
#[derive(Clone, Debug)]
pub struct Shared(Arc<Mutex<Record>>);

impl Records {
    pub fn of(&self, id: &str) -> Vec<Record> {
        let map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        map.get(id).map(|list| list.iter().map(Shared::get).collect()).unwrap_or_default()
    }

    /// Begins a record; it is kept only when the request carries an id.
    pub fn begin<B>(&self, request: &http::Request<B>) -> Shared {
        let record = Shared(Arc::new(Mutex::new(Record {
            method: request.method().to_string(),
            path: request.uri().path_and_query().map_or_else(String::new, ToString::to_string),
            headers: request.headers().clone(),
            body_bytes: 0,
            upload: Upload::Open,
            sent_bytes: 0,
            answered: false,
            abandoned: false,
        })));
        if let Some(id) = request.headers().get("x-test-id").and_then(|id| id.to_str().ok()) {
            let mut map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            map.entry(id.to_owned()).or_default().push(record.clone());
        }
        record
    }
}

impl Shared {
    pub fn get(&self) -> Record {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn change(&self, change: impl FnOnce(&mut Record)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
