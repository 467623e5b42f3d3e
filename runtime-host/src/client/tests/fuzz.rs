//! Servers that answer anything: a fetch ends, with a body or with an error.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_compression::tokio::bufread::{BrotliEncoder, GzipEncoder, ZlibEncoder};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::server::{Server, raw};
use super::{FetchError, FetchRequest, client, read};
use crate::fuzz;

/// How long a fetch of some hundred bytes may take, however busy the machine is.
const LIMIT: Duration = Duration::from_secs(30);

/// Each connection gets these bytes for its first request, and then its end.
async fn server(bytes: &Arc<Mutex<Vec<u8>>>) -> Server {
    let bytes = Arc::clone(bytes);
    raw(move |mut stream| {
        let answer = bytes.lock().unwrap_or_else(PoisonError::into_inner).clone();
        async move {
            let mut head = [0; 4096];
            // A client that is gone needs no answer.
            let _ = stream.read(&mut head).await;
            let _ = stream.write_all(&answer).await;
        }
    })
    .await
}

async fn coded(coding: &str, plain: &[u8]) -> Vec<u8> {
    let mut all = Vec::new();
    let done = match coding {
        "gzip" => GzipEncoder::new(plain).read_to_end(&mut all).await,
        "br" => BrotliEncoder::new(plain).read_to_end(&mut all).await,
        "deflate" => ZlibEncoder::new(plain).read_to_end(&mut all).await,
        _ => return plain.to_vec(),
    };
    done.expect("encoded");
    all
}

async fn fetched(server: &Server) -> Result<Vec<u8>, FetchError> {
    let fetch = async {
        let mut response = client().fetch(FetchRequest::get(server.url("/"))).await?;
        read(&mut response.body).await
    };
    tokio::time::timeout(LIMIT, fetch).await.expect("an end")
}

fn changes(most: usize) -> impl Strategy<Value = Vec<(Index, usize, Vec<u8>)>> {
    let change = (any::<Index>(), 0_usize..4, prop::collection::vec(any::<u8>(), 0..4));
    prop::collection::vec(change, 0..most)
}

fn changed(mut bytes: Vec<u8>, changes: Vec<(Index, usize, Vec<u8>)>) -> Vec<u8> {
    for (at, taken, put) in changes {
        let at = at.index(bytes.len() + 1);
        let end = (at + taken).min(bytes.len());
        bytes.splice(at..end, put);
    }
    bytes
}

#[test]
fn any_encoded_body_is_decoded_or_an_error() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let answer = Arc::default();
    let server = runtime.block_on(server(&answer));
    let codings = select(vec!["gzip", "br", "deflate", "identity", "x-none"]);
    let plain = prop::collection::vec(prop_oneof![3 => Just(b'a'), 1 => any::<u8>()], 0..400);
    fuzz::check(25, &(codings, plain, changes(3)), |(coding, plain, changes)| {
        let untouched = changes.is_empty();
        let body = changed(runtime.block_on(coded(coding, &plain)), changes);
        let length = body.len();
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-encoding: {coding}\r\ncontent-length: {length}\r\n\r\n"
        );
        *answer.lock().unwrap_or_else(PoisonError::into_inner) = [head.into_bytes(), body].concat();
        let seen = runtime.block_on(fetched(&server));
        if untouched {
            assert_eq!(seen, Ok(plain));
        }
    });
}

#[test]
fn any_answer_is_a_response_or_an_error() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let answer = Arc::default();
    let server = runtime.block_on(server(&answer));
    let valid = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nset-cookie: a=b; c\r\nlocation: /x\r\n\
                 transfer-encoding: chunked\r\nconnection: keep-alive\r\n\r\n3\r\nabc\r\n0\r\nx: y\r\n\r\n";
    let first = valid.as_bytes().to_vec();
    let with = move |changes| changed(first.clone(), changes);
    let answers = prop_oneof![
        4 => changes(5).prop_map(with),
        1 => prop::collection::vec(any::<u8>(), 0..100),
        // The frames of HTTP/2, which nobody asked for.
        1 => Just(b"\0\0\0\x04\0\0\0\0\0\0\0\0\x04\x01\0\0\0\0".to_vec()),
    ];
    fuzz::check(25, &answers, |bytes| {
        *answer.lock().unwrap_or_else(PoisonError::into_inner) = bytes;
        if let Err(error) = runtime.block_on(fetched(&server)) {
            assert!(!error.message.is_empty());
        }
    });
}
