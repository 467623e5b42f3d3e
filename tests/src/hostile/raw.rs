//! Bytes on a TCP connection, as no proper client would send them.

use std::time::Duration;

use futures_util::future::{Either, select};
use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::arena::Arena;
use super::generate::unhex;
use crate::{Error, Result};

/// One script, run on each of `connections` connections at once.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawAttack {
    pub to: Peer,
    #[serde(default = "once")]
    pub connections: u32,
    pub send: Vec<Piece>,
    /// How long to read what comes back, in milliseconds.
    #[serde(default = "read_ms")]
    pub read_ms: u64,
    /// The peer must have closed the connection by then.
    #[serde(default)]
    pub closed: bool,
    /// What came back must have these parts (bytes that are no UTF-8 read as U+FFFD).
    #[serde(default)]
    pub contains: Vec<String>,
    #[serde(default)]
    pub lacks: Vec<String>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Peer {
    /// Envoy's listener of mode lazy.
    Envoy,
    /// The runtime host's gRPC port.
    Host,
    /// The runtime host's admin port.
    Admin,
}

/// A part of what is sent.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Piece {
    #[serde(default)]
    pub text: String,
    /// After the text: bytes in hexadecimal.
    #[serde(default)]
    pub hex: String,
    #[serde(default = "once")]
    pub times: u32,
    /// The pause after each time.
    #[serde(default)]
    pub wait_ms: u64,
}

fn once() -> u32 {
    1
}

fn read_ms() -> u64 {
    300
}

/// A peer that takes nothing for so long has had enough.
const WRITE_LIMIT: Duration = Duration::from_secs(2);

impl RawAttack {
    pub async fn run(&self, arena: &Arena) -> Result<()> {
        let mut connections = JoinSet::new();
        for _ in 0..self.connections.max(1) {
            let (attack, arena) = (self.clone(), arena.clone());
            connections.spawn(async move { attack.once(&arena).await });
        }
        while let Some(done) = connections.join_next().await {
            done.map_err(Error::during("a connection failed"))??;
        }
        Ok(())
    }

    async fn once(&self, arena: &Arena) -> Result<()> {
        let address = match self.to {
            Peer::Envoy => arena.envoy(),
            Peer::Host => arena.grpc(),
            Peer::Admin => arena.admin(),
        };
        let stream = TcpStream::connect(address)
            .await
            .map_err(Error::during(format!("can't connect to {:?}", self.to)))?;
        let (mut reader, mut writer) = stream.into_split();
        let reading = async {
            let mut came = Vec::new();
            let mut buffer = vec![0; 16 * 1024];
            // A reset is an end as well.
            while let Ok(count @ 1..) = reader.read(&mut buffer).await {
                came.extend_from_slice(&buffer[..count]);
            }
            came
        };
        let writing = async {
            for piece in &self.send {
                let mut bytes = arena.fill(&piece.text).into_bytes();
                bytes.extend(unhex(&piece.hex)?);
                for _ in 0..piece.times.max(1) {
                    let written = tokio::time::timeout(WRITE_LIMIT, writer.write_all(&bytes)).await;
                    // The peer has closed it, or takes no more.
                    if !matches!(written, Ok(Ok(()))) {
                        return Ok(());
                    }
                    if piece.wait_ms > 0 {
                        tokio::time::sleep(Duration::from_millis(piece.wait_ms)).await;
                    }
                }
            }
            Ok::<_, Error>(())
        };
        let mut reading = Box::pin(reading);
        let ended = match select(Box::pin(writing), &mut reading).await {
            Either::Left((written, _)) => {
                written?;
                None
            }
            Either::Right((came, _)) => Some(came),
        };
        let closed = match ended {
            Some(came) => Some(came),
            None => {
                tokio::time::timeout(Duration::from_millis(self.read_ms), &mut reading).await.ok()
            }
        };
        // Of a connection that stays open nothing can be said but that it does.
        self.judge(closed.as_deref())
    }

    fn judge(&self, came: Option<&[u8]>) -> Result<()> {
        let Some(came) = came else {
            return if self.closed || !self.contains.is_empty() {
                Err(Error::new(format!("{:?} did not close the connection", self.to)))
            } else {
                Ok(())
            };
        };
        let text = String::from_utf8_lossy(came);
        let shown: String = text.chars().take(300).collect();
        if let Some(part) = self.contains.iter().find(|part| !text.contains(part.as_str())) {
            return Err(Error::new(format!("expected {part:?} from {:?}, got {shown:?}", self.to)));
        }
        if let Some(part) = self.lacks.iter().find(|part| text.contains(part.as_str())) {
            return Err(Error::new(format!("{part:?} came from {:?}: {shown:?}", self.to)));
        }
        Ok(())
    }
}
