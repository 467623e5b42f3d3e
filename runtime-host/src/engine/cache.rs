//! Carries out what an isolate asks of the HTTP cache.

use std::sync::Arc;
use std::time::SystemTime;

use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::actor::Actor;
use super::subrequest::{Part, Reading};
use crate::cache::{
    self, CacheId, DEFAULT_CACHE, Entry, Head, PutRefused, Query, Reader, Request, Store,
};
use crate::exchange::HeaderList;
use crate::isolate::cache::{Answered, CacheAsk, CacheOp};
use crate::isolate::message::{BodyId, Message, Upload};

/// What launching gives: the task, and where an upload's parts go.
pub(super) struct Launched {
    pub task: tokio::task::AbortHandle,
    pub reading: Arc<Reading>,
    pub parts: Option<mpsc::UnboundedSender<Part>>,
}

pub(super) fn launch(actor: &Arc<Actor>, ask: CacheAsk) -> Launched {
    let reading = Arc::new(Reading::default());
    let (sender, parts) = mpsc::unbounded_channel();
    let streamed = matches!(&ask.what, CacheOp::Put { upload: Upload::Stream { .. }, .. });
    let run = run(Arc::clone(actor), ask, Arc::clone(&reading), parts);
    let task = actor.services().runtime.spawn(run).abort_handle();
    Launched { task, reading, parts: streamed.then_some(sender) }
}

/// One Worker's way to its caches.
struct Caches {
    store: Arc<Store>,
    tenant: String,
    limit: usize,
}

async fn run(
    actor: Arc<Actor>,
    ask: CacheAsk,
    reading: Arc<Reading>,
    parts: mpsc::UnboundedReceiver<Part>,
) {
    let bundle = actor.bundle();
    let caches = Caches {
        store: Arc::clone(actor.services().cache()),
        tenant: bundle.name.clone(),
        limit: bundle.settings.limits.cache_bytes(),
    };
    let CacheAsk { id, op, what } = ask;
    let body = what.body();
    let (result, reader) = match what {
        CacheOp::Match { cache, asked, query, .. } => caches.answer(cache, &asked, query).await,
        CacheOp::Get { entry, .. } => caches.listed(entry).await,
        CacheOp::Put { cache, asked, head, upload } => {
            (caches.put(&actor, cache, asked, head, upload, parts).await, None)
        }
        other => (caches.plain(other).await, None),
    };
    // A dead actor has nobody who waits.
    let _ = actor.post(Message::Answered { id, op, body, result });
    if let (Some(body), Some(reader)) = (body, reader) {
        deliver(&actor, body, reader, &reading).await;
    }
    if let Some(body) = body {
        actor.io().forget_body(body);
    }
}

type Result = std::result::Result<Answered, String>;

impl Caches {
    async fn plain(&self, what: CacheOp) -> Result {
        let Self { store, tenant, limit } = self;
        let text = |value: Value| Ok(Answered::Text(value.to_string()));
        match what {
            CacheOp::Open(name) => match store.cache(tenant, *limit, &name).await {
                Some(cache) => text(cache.into()),
                None => Err("there is no room for one more cache (limits.cache_mb)".into()),
            },
            CacheOp::Has(name) => {
                text(store.existing(tenant, &name).await.map_or(Value::Null, Value::from))
            }
            CacheOp::Remove(name) => text(store.delete_cache(tenant, &name).await.into()),
            CacheOp::Names => text(store.names(tenant).await.into()),
            CacheOp::Delete { cache, asked, query } => {
                text(store.delete(tenant, cache, &asked, query).await.into())
            }
            CacheOp::List { cache, asked } => {
                let asked = asked.as_ref().map(|(asked, query)| (asked, *query));
                let found = store.list(tenant, cache, asked).await;
                text(found.iter().map(|entry| describe(entry)).collect())
            }
            CacheOp::Match { .. } | CacheOp::Get { .. } | CacheOp::Put { .. } => {
                Ok(Answered::Nothing)
            }
        }
    }

    /// What a request gets.
    async fn answer(
        &self,
        cache: CacheId,
        asked: &Request,
        query: Query,
    ) -> (Result, Option<Reader>) {
        let Some(entry) = self.store.find(&self.tenant, cache, asked, query).await else {
            return (Ok(Answered::Nothing), None);
        };
        // What the cache says of itself belongs to Workers' own one; others give what was put.
        let answer = cache::answer(&entry, asked, SystemTime::now(), cache == DEFAULT_CACHE);
        let head = Head {
            status: answer.status,
            status_text: answer.status_text,
            headers: answer.headers,
            url: entry.head.url.clone(),
            redirected: entry.head.redirected,
        };
        self.read(entry, head, answer.range).await
    }

    /// An entry as it is.
    async fn listed(&self, id: u64) -> (Result, Option<Reader>) {
        match self.store.get(&self.tenant, id).await {
            Some(entry) => {
                let (head, range) = (entry.head.clone(), 0..entry.length());
                self.read(entry, head, range).await
            }
            None => (Ok(Answered::Nothing), None),
        }
    }

    async fn read(
        &self,
        entry: Arc<Entry>,
        head: Head,
        range: std::ops::Range<u64>,
    ) -> (Result, Option<Reader>) {
        let id = entry.id;
        match Reader::open(entry, range).await {
            Ok(reader) => {
                let answered = Answered::Response(Box::new(head), reader.length());
                (Ok(answered), Some(reader))
            }
            Err(error) => {
                tracing::warn!(worker = self.tenant, %error, "a cached body can't be read");
                self.store.drop_entry(&self.tenant, id).await;
                (Ok(Answered::Nothing), None)
            }
        }
    }

    /// Stores a response. One that is not kept is no error to Workers: a cache may forget at any time.
    async fn put(
        &self,
        actor: &Arc<Actor>,
        cache: CacheId,
        asked: Request,
        head: Head,
        upload: Upload,
        mut parts: mpsc::UnboundedReceiver<Part>,
    ) -> Result {
        let url = asked.url.clone();
        let begun = self.store.put(&self.tenant, self.limit, cache, asked, head).await;
        let (mut writer, mut refused) = match begun {
            Ok(writer) => (Some(writer), None),
            Err(refused) => (None, Some(refused)),
        };
        let mut write = async |chunk| {
            if let Some(open) = &mut writer
                && let Err(error) = open.write(chunk).await
            {
                (writer, refused) = (None, Some(error));
            }
        };
        match upload {
            Upload::Empty => {}
            Upload::Full(bytes) => write(bytes).await,
            Upload::Stream { leaving, flow, .. } => loop {
                match parts.recv().await {
                    Some(Part::Chunk(chunk)) => {
                        let size = chunk.len();
                        write(chunk).await;
                        if flow.release(size) {
                            let _ = actor.post(Message::UploadRoom { leaving });
                        }
                    }
                    Some(Part::End) => break,
                    Some(Part::Failed(reason)) => return Err(reason),
                    None => return Err("the Worker ended".into()),
                }
            },
        }
        if let Some(writer) = writer
            && let Err(error) = writer.finish().await
        {
            refused = Some(error);
        }
        if let Some(refused) = refused {
            let why = match refused {
                PutRefused::NotAllowed => "its headers do not allow it",
                PutRefused::TooLarge => "it is larger than limits.cache_mb",
                PutRefused::Disk => "its file can't be written",
            };
            tracing::debug!(worker = self.tenant, %url, "a response is not kept in the cache: {why}");
        }
        Ok(Answered::Nothing)
    }
}

/// Bytes as the characters of their numbers.
fn latin1(list: &HeaderList) -> Value {
    let text =
        |bytes: &bytes::Bytes| bytes.iter().map(|byte| char::from(*byte)).collect::<String>();
    list.iter().flat_map(|(name, value)| [text(name), text(value)]).map(Value::from).collect()
}

fn describe(entry: &Entry) -> Value {
    json!({
        "id": entry.id,
        "url": entry.request.url.as_str(),
        "headers": latin1(&entry.request.headers),
    })
}

/// Delivers a body once it is read, never more than a window ahead.
async fn deliver(actor: &Arc<Actor>, body: BodyId, mut source: Reader, reading: &Reading) {
    reading.begun().await;
    loop {
        let message = match source.chunk().await {
            Some(Ok(chunk)) => {
                reading.admit(chunk.len()).await;
                Message::Chunk { body, chunk }
            }
            Some(Err(error)) => {
                let reason = format!("the cached response can't be read: {error}");
                Message::Failed { body, reason }
            }
            None => Message::End { body },
        };
        let last = !matches!(message, Message::Chunk { .. });
        if actor.post(message).is_err() || last {
            return;
        }
    }
}
