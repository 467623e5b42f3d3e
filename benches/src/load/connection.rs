//! One HTTP/1.1 connection of the load generator.

use std::io::{ErrorKind, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use bytes::Bytes;
use nano_tests::{Error, Result};
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::fd::OwnedFd;

use super::exchange::Exchange;
use super::reader::Reader;

#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    reader: Reader,
    /// What is still to be written.
    unsent: Bytes,
    /// Index of the exchange that runs, and when its request was due.
    running: Option<(usize, Instant)>,
}

impl Connection {
    pub fn open(target: SocketAddr, epoll: &OwnedFd, id: u64) -> Result<Self> {
        let connect = || {
            let stream = TcpStream::connect(target)?;
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            epoll::add(epoll, &stream, EventData::new_u64(id), EventFlags::IN)?;
            Ok::<_, std::io::Error>(stream)
        };
        let stream = connect().map_err(Error::during(format!("can't connect to {target}")))?;
        Ok(Self { stream, reader: Reader::new(), unsent: Bytes::new(), running: None })
    }

    /// Begins an exchange; the connection must be idle.
    pub fn begin(
        &mut self,
        epoll: &OwnedFd,
        id: u64,
        (index, exchange): (usize, &Exchange),
        due: Instant,
    ) -> Result<()> {
        self.running = Some((index, due));
        self.unsent = exchange.request.clone();
        self.write()?;
        if !self.unsent.is_empty() {
            self.watch(epoll, id, EventFlags::IN | EventFlags::OUT)?;
        }
        Ok(())
    }

    /// Goes on after an event; when the exchange is complete, when it was due.
    pub fn advance(
        &mut self,
        epoll: &OwnedFd,
        id: u64,
        exchanges: &[Exchange],
    ) -> Result<Option<Instant>> {
        if !self.unsent.is_empty() {
            self.write()?;
            if self.unsent.is_empty() {
                self.watch(epoll, id, EventFlags::IN)?;
            }
        }
        let Some((index, due)) = self.running else {
            return Err(Error::new("an idle connection was closed, or an answer came unasked"));
        };
        if !self.reader.read(&mut self.stream, &exchanges[index].expect)? {
            return Ok(None);
        }
        if !self.unsent.is_empty() {
            return Err(Error::new("an answer came before the request was sent"));
        }
        self.running = None;
        Ok(Some(due))
    }

    fn write(&mut self) -> Result<()> {
        while !self.unsent.is_empty() {
            match self.stream.write(&self.unsent) {
                Ok(count) => drop(self.unsent.split_to(count)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(Error::new(format!("sending a request: {error}"))),
            }
        }
        Ok(())
    }

    fn watch(&self, epoll: &OwnedFd, id: u64, events: EventFlags) -> Result<()> {
        epoll::modify(epoll, &self.stream, EventData::new_u64(id), events)
            .map_err(Error::during("epoll"))
    }
}
