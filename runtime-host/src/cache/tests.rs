//! The cache with real files.

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;

use super::*;
use crate::exchange::HeaderList;

const LIMIT: usize = 1024 * 1024;
const ALL: Query = Query { ignore_search: false, ignore_method: false, ignore_vary: false };

fn list(fields: &[(&'static str, &'static str)]) -> HeaderList {
    let mut list = HeaderList::default();
    for (name, value) in fields {
        list.push(*name, *value);
    }
    list
}

fn request(url: &str, fields: &[(&'static str, &'static str)]) -> Request {
    Request::get(url.parse().expect("a URL"), list(fields))
}

fn head(fields: &[(&'static str, &'static str)]) -> Head {
    Head { status: 200, status_text: "OK".into(), headers: list(fields), ..Head::default() }
}

async fn put(store: &Arc<Store>, tenant: &str, url: &str, body: &[u8]) -> Result<(), PutRefused> {
    put_in(store, tenant, DEFAULT_CACHE, request(url, &[]), head(&[]), body).await
}

async fn put_in(
    store: &Arc<Store>,
    tenant: &str,
    cache: CacheId,
    request: Request,
    head: Head,
    body: &[u8],
) -> Result<(), PutRefused> {
    let mut writer = store.put(tenant, LIMIT, cache, request, head).await?;
    for piece in body.chunks(40_000) {
        writer.write(Bytes::copy_from_slice(piece)).await?;
    }
    writer.finish().await
}

async fn body(entry: Arc<Entry>, range: std::ops::Range<u64>) -> Vec<u8> {
    let mut reader = Reader::open(entry, range).await.expect("it opens");
    let mut all = Vec::new();
    while let Some(chunk) = reader.chunk().await {
        all.extend_from_slice(&chunk.expect("readable"));
    }
    all
}

async fn get(store: &Arc<Store>, tenant: &str, url: &str) -> Option<Vec<u8>> {
    let entry = store.find(tenant, DEFAULT_CACHE, &request(url, &[]), ALL).await?;
    let length = entry.length();
    Some(body(entry, 0..length).await)
}

fn numbers(count: usize) -> Vec<u8> {
    (0..count).map(|i| (i % 251) as u8).collect()
}

fn in_files(directory: &std::path::Path) -> Arc<Store> {
    let settings = Settings { directory: Some(directory.to_owned()), total_bytes: None };
    Arc::new(Store::open(&settings).expect("a store"))
}

#[tokio::test]
async fn a_body_comes_back_whole_or_in_part_from_memory_and_from_files() {
    let directory = tempfile::tempdir().expect("a directory");
    for store in [Arc::new(Store::default()), in_files(directory.path())] {
        let bytes = numbers(300_000);
        put(&store, "a", "http://x.example/1", &bytes).await.expect("stored");
        assert_eq!(get(&store, "a", "http://x.example/1#part").await.as_ref(), Some(&bytes));
        assert_eq!(get(&store, "a", "http://x.example/1?").await, None);
        let asked = request("http://x.example/1", &[("range", "bytes=70000-200000")]);
        let entry = store.find("a", DEFAULT_CACHE, &asked, ALL).await.expect("found");
        let answer = answer(&entry, &asked, SystemTime::now(), true);
        assert_eq!((answer.status, answer.range.clone()), (206, 70_000..200_001));
        let field =
            |name| answer.headers.get(name).map(|v| String::from_utf8_lossy(v).into_owned());
        assert_eq!(field("content-range").as_deref(), Some("bytes 70000-200000/300000"));
        assert_eq!(field("cf-cache-status").as_deref(), Some("HIT"));
        assert_eq!(field("age").as_deref(), Some("0"));
        assert_eq!(body(entry, answer.range).await, bytes[70_000..=200_000]);
        // Nothing at all is a body, too.
        put(&store, "a", "http://x.example/empty", b"").await.expect("stored");
        assert_eq!(get(&store, "a", "http://x.example/empty").await, Some(Vec::new()));
    }
}

#[tokio::test]
async fn nobody_sees_what_another_worker_stored() {
    let directory = tempfile::tempdir().expect("a directory");
    for store in [Arc::new(Store::default()), in_files(directory.path())] {
        put(&store, "a", "http://x.example/", b"a's").await.expect("stored");
        assert_eq!(get(&store, "b", "http://x.example/").await, None);
        let asked = request("http://x.example/", &[]);
        assert!(!store.delete("b", DEFAULT_CACHE, &asked, ALL).await);
        let id = store.list("a", DEFAULT_CACHE, None).await[0].id;
        assert!(store.get("b", id).await.is_none());
        assert!(store.list("b", DEFAULT_CACHE, None).await.is_empty());
        assert_eq!(get(&store, "a", "http://x.example/").await, Some(b"a's".to_vec()));
        store.forget("a");
        assert_eq!(get(&store, "a", "http://x.example/").await, None);
        assert_eq!(store.used(), 0);
    }
}

#[tokio::test]
async fn vary_tells_entries_apart_and_a_later_one_takes_the_place() {
    let store = Arc::new(Store::default());
    let url = "http://x.example/";
    for language in ["de", "en"] {
        let asked = request(url, &[("accept-language", language)]);
        let varying = head(&[("vary", "Accept-Language")]);
        put_in(&store, "a", DEFAULT_CACHE, asked, varying, language.as_bytes())
            .await
            .expect("stored");
    }
    for language in ["de", "en"] {
        let asked = request(url, &[("accept-language", language)]);
        let entry = store.find("a", DEFAULT_CACHE, &asked, ALL).await.expect("found");
        assert_eq!(body(entry, 0..2).await, language.as_bytes());
    }
    assert!(store.find("a", DEFAULT_CACHE, &request(url, &[]), ALL).await.is_none());
    let any = Query { ignore_vary: true, ..ALL };
    assert_eq!(store.list("a", DEFAULT_CACHE, Some((&request(url, &[]), any))).await.len(), 2);
    let asked = request(url, &[("accept-language", "de")]);
    put_in(&store, "a", DEFAULT_CACHE, asked.clone(), head(&[]), b"new").await.expect("stored");
    assert_eq!(store.list("a", DEFAULT_CACHE, None).await.len(), 2);
    assert!(store.delete("a", DEFAULT_CACHE, &asked, any).await);
    assert_eq!(store.used(), 0);
}

#[tokio::test]
async fn what_was_not_used_for_longest_makes_room() {
    let store = Arc::new(Store::default());
    let url = |i: usize| format!("http://x.example/{i}");
    for i in 0..3 {
        put(&store, "a", &url(i), &numbers(300_000)).await.expect("stored");
    }
    assert!(get(&store, "a", &url(0)).await.is_some());
    put(&store, "a", &url(3), &numbers(300_000)).await.expect("stored");
    assert!(get(&store, "a", &url(1)).await.is_none());
    for i in [0, 2, 3] {
        assert!(get(&store, "a", &url(i)).await.is_some(), "{i}");
    }
    // What does not fit at all is refused and leaves nothing behind.
    let before = store.used();
    let refused = put(&store, "a", &url(9), &numbers(2 * LIMIT)).await;
    assert_eq!(refused, Err(PutRefused::TooLarge));
    assert!(store.used() <= before && store.used() <= LIMIT);
    assert!(get(&store, "a", &url(9)).await.is_none());
    let few = store.put("a", 100, DEFAULT_CACHE, request(&url(1), &[]), head(&[])).await;
    assert!(matches!(few, Err(PutRefused::TooLarge)));
}

#[tokio::test]
async fn all_together_are_bounded_as_well() {
    let total = Settings { directory: None, total_bytes: Some(LIMIT) };
    let store = Arc::new(Store::open(&total).expect("a store"));
    for tenant in ["a", "b", "c"] {
        put(&store, tenant, "http://x.example/", &numbers(500_000)).await.expect("stored");
        assert!(store.used() <= LIMIT, "{}", store.used());
    }
    assert!(get(&store, "c", "http://x.example/").await.is_some());
    let left =
        [get(&store, "a", "http://x.example/").await, get(&store, "b", "http://x.example/").await];
    assert_eq!(left.iter().flatten().count(), 1);
}

#[tokio::test]
async fn entries_expire() {
    let store = Arc::new(Store::default());
    let asked = request("http://x.example/", &[]);
    let short = head(&[("cache-control", "max-age=1")]);
    put_in(&store, "a", DEFAULT_CACHE, asked.clone(), short, b"x").await.expect("stored");
    assert!(store.find("a", DEFAULT_CACHE, &asked, ALL).await.is_some());
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    assert!(store.find("a", DEFAULT_CACHE, &asked, ALL).await.is_none());
    let private = head(&[("cache-control", "private")]);
    let refused = put_in(&store, "a", DEFAULT_CACHE, asked, private, b"x").await;
    assert_eq!(refused, Err(PutRefused::NotAllowed));
}

#[tokio::test]
async fn caches_have_names_and_one_that_was_deleted_is_still_its_holders() {
    let store = Arc::new(Store::default());
    let first = store.cache("a", LIMIT, "x").await.expect("made");
    assert_eq!(store.cache("a", LIMIT, "x").await, Some(first));
    let asked = request("http://x.example/", &[]);
    put_in(&store, "a", first, asked.clone(), head(&[]), b"1").await.expect("stored");
    assert!(store.find("a", DEFAULT_CACHE, &asked, ALL).await.is_none());
    assert!(store.delete_cache("a", "x").await && !store.delete_cache("a", "x").await);
    assert_eq!(store.used(), 0);
    assert!(store.find("a", first, &asked, ALL).await.is_none());
    put_in(&store, "a", first, asked.clone(), head(&[]), b"2").await.expect("stored");
    let second = store.cache("a", LIMIT, "x").await.expect("made");
    assert_ne!(first, second);
    assert!(store.find("a", second, &asked, ALL).await.is_none());
    assert!(store.find("a", first, &asked, ALL).await.is_some());
    assert_eq!(store.names("a").await, ["x"]);
}

#[tokio::test]
async fn files_outlive_the_process_and_half_of_one_does_not() {
    let directory = tempfile::tempdir().expect("a directory");
    let bytes = numbers(200_000);
    {
        let store = in_files(directory.path());
        let cache = store.cache("a", LIMIT, "named").await.expect("made");
        let mut stored = head(&[("x-latin", "\u{fc}")]);
        stored.url = "http://x.example/from".into();
        put_in(&store, "a", cache, request("http://x.example/1", &[]), stored, &bytes)
            .await
            .expect("stored");
        put(&store, "a", "http://x.example/2", b"two").await.expect("stored");
        // One that is not finished when the process ends.
        let asked = request("http://x.example/3", &[]);
        let mut writer =
            store.put("a", LIMIT, DEFAULT_CACHE, asked, head(&[])).await.expect("begun");
        writer.write(Bytes::from(numbers(100_000))).await.expect("written");
        std::mem::forget(writer);
        // A second process has a part of its own.
        let other = in_files(directory.path());
        assert!(get(&other, "a", "http://x.example/2").await.is_none());
    }
    // The one that was leaked holds the lock, as a process that still ends would.
    let part = directory.path().join("engine-0");
    let moved = tempfile::tempdir().expect("a directory");
    std::fs::rename(&part, moved.path().join("engine-0")).expect("renamed");
    std::fs::remove_file(moved.path().join("engine-0/lock")).expect("removed");
    let store = in_files(moved.path());
    assert_eq!(store.names("a").await, ["named"]);
    let cache = store.existing("a", "named").await.expect("known");
    let asked = request("http://x.example/1", &[]);
    let entry = store.find("a", cache, &asked, ALL).await.expect("found");
    assert_eq!(entry.head.headers.get("x-latin").map(AsRef::as_ref), Some("\u{fc}".as_bytes()));
    assert_eq!((entry.head.url.as_str(), entry.length()), ("http://x.example/from", 200_000));
    assert_eq!(body(Arc::clone(&entry), 0..200_000).await, bytes);
    assert!(get(&store, "a", "http://x.example/3").await.is_none());
    let files = || walk(moved.path());
    assert_eq!(files().len(), 3, "two entries and the lock: {:?}", files());
    // Who reads goes on when the entry is deleted; then the file goes.
    let mut reader = Reader::open(entry, 0..200_000).await.expect("opened");
    assert!(store.delete("a", cache, &asked, ALL).await);
    let mut read = 0;
    while let Some(chunk) = reader.chunk().await {
        read += chunk.expect("readable").len();
    }
    assert_eq!(read, 200_000);
    drop(reader);
    assert_eq!(files().len(), 2);
}

fn walk(directory: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).expect("readable").flatten() {
        let path = entry.path();
        if path.is_dir() { found.extend(walk(&path)) } else { found.push(path) }
    }
    found
}

#[tokio::test]
async fn a_file_that_somebody_broke_is_a_miss() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = in_files(directory.path());
    put(&store, "a", "http://x.example/", &numbers(100_000)).await.expect("stored");
    for file in walk(directory.path()) {
        if !file.ends_with("lock") {
            std::fs::remove_file(file).expect("removed");
        }
    }
    let entry = store
        .find("a", DEFAULT_CACHE, &request("http://x.example/", &[]), ALL)
        .await
        .expect("in the index");
    assert!(Reader::open(entry, 0..100).await.is_err());
    // A directory that can't be written to refuses what is put.
    let place = directory.path().join("engine-0");
    for tenant in std::fs::read_dir(&place).expect("readable").flatten() {
        if tenant.path().is_dir() {
            std::fs::remove_dir_all(tenant.path()).expect("removed");
            std::fs::write(tenant.path(), "in the way").expect("written");
        }
    }
    assert_eq!(put(&store, "a", "http://x.example/2", b"x").await, Err(PutRefused::Disk));
}
