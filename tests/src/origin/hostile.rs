//! Answers that are meant to hurt whoever asked for them.

use std::io;

use async_compression::Level;
use async_compression::tokio::write::{BrotliEncoder, GzipEncoder};
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderValue, Response};
use http_body::Frame;
use tokio::io::AsyncWriteExt;

use super::behaviour::Answer;
use super::body;

const MIB: usize = 1 << 20;

/// `mb` MiB of zeros in some hundred bytes each: as many gzip members, or one Brotli stream.
pub async fn bomb(mb: u64, brotli: bool) -> Answer {
    let zeros = vec![0; MIB];
    let (coding, body) = if brotli {
        let mut encoder = BrotliEncoder::with_quality(Vec::new(), Level::Fastest);
        for _ in 0..mb {
            encoder.write_all(&zeros).await?;
        }
        encoder.shutdown().await?;
        ("br", body::full(encoder.into_inner()))
    } else {
        let mut encoder = GzipEncoder::new(Vec::new());
        encoder.write_all(&zeros).await?;
        encoder.shutdown().await?;
        let member = Bytes::from(encoder.into_inner());
        let members = (0..mb).map(move |_| Ok(Frame::data(member.clone())));
        ("gzip", body::stream(stream::iter(members)))
    };
    Response::builder()
        .header("content-encoding", coding)
        .header("content-type", "application/octet-stream")
        .body(body)
        .map_err(io::Error::other)
}

pub fn redirect(to: &str) -> Answer {
    Response::builder()
        .status(302)
        .header("location", to)
        .body(body::full(""))
        .map_err(io::Error::other)
}

pub fn headers(count: u64, bytes: u64) -> Answer {
    let mut response = Response::new(body::full("many headers\n"));
    let value = HeaderValue::try_from("x".repeat(bytes as usize)).map_err(io::Error::other)?;
    for i in 0..count {
        let name = format!("x-bomb-{i}").parse::<http::HeaderName>().map_err(io::Error::other)?;
        response.headers_mut().insert(name, value.clone());
    }
    Ok(response)
}
