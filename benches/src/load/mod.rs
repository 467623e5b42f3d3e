//! The load generator: HTTP/1.1 over connections that stay open, on the calling thread. Every
//! answer is verified; the first that is wrong ends the run.

mod connection;
mod exchange;
mod pattern;
mod reader;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use nano_tests::{Error, Result};
use rustix::event::{Timespec, epoll};
use rustix::fd::OwnedFd;

use crate::ending;
use connection::Connection;
pub use exchange::Exchange;
pub use pattern::{Closed, Open, each_once};

/// A server that says nothing for this long is broken.
const SILENCE: Duration = Duration::from_secs(30);

/// Connections to one address and the exchanges that go over them, in turn.
pub struct Load {
    epoll: OwnedFd,
    connections: Vec<Connection>,
    idle: Vec<usize>,
    exchanges: Vec<Exchange>,
    next: usize,
    events: Vec<epoll::Event>,
    heard: Instant,
}

impl Load {
    pub fn open(target: SocketAddr, exchanges: &[Exchange], connections: usize) -> Result<Self> {
        let epoll =
            epoll::create(epoll::CreateFlags::CLOEXEC).map_err(Error::during("no epoll"))?;
        let connections: Vec<_> = (0..connections)
            .map(|id| Connection::open(target, &epoll, id as u64))
            .collect::<Result<_>>()?;
        Ok(Self {
            epoll,
            idle: (0..connections.len()).rev().collect(),
            exchanges: exchanges.to_vec(),
            next: 0,
            events: Vec::with_capacity(connections.len()),
            connections,
            heard: Instant::now(),
        })
    }

    /// Sends the next request over an idle connection; false when there is none.
    fn begin(&mut self, due: Instant) -> Result<bool> {
        let Some(id) = self.idle.pop() else { return Ok(false) };
        let index = self.next % self.exchanges.len();
        self.next += 1;
        let exchange = (index, &self.exchanges[index]);
        self.connections[id].begin(&self.epoll, id as u64, exchange, due)?;
        Ok(true)
    }

    fn all_idle(&self) -> bool {
        self.idle.len() == self.connections.len()
    }

    /// Waits until something happens or `until` has come; calls `done` with the time at which
    /// each completed exchange was due.
    fn wait(&mut self, until: Instant, mut done: impl FnMut(Instant)) -> Result<()> {
        ending::check()?;
        let wait = until.saturating_duration_since(Instant::now()).min(Duration::from_millis(200));
        let wait =
            Timespec { tv_sec: wait.as_secs() as i64, tv_nsec: i64::from(wait.subsec_nanos()) };
        self.events.clear();
        let events = rustix::buffer::spare_capacity(&mut self.events);
        match epoll::wait(&self.epoll, events, Some(&wait)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(Error::new(format!("epoll: {error}"))),
        }
        for index in 0..self.events.len() {
            let id = self.events[index].data.u64();
            let connection = &mut self.connections[id as usize];
            if let Some(due) = connection.advance(&self.epoll, id, &self.exchanges)? {
                self.idle.push(id as usize);
                done(due);
            }
        }
        if !self.events.is_empty() || self.all_idle() {
            self.heard = Instant::now();
        } else if self.heard.elapsed() > SILENCE {
            return Err(Error::new(format!("no answer for {SILENCE:?}")));
        }
        Ok(())
    }

    /// Waits for the exchanges that still run.
    fn drain(&mut self, mut done: impl FnMut(Instant)) -> Result<()> {
        while !self.all_idle() {
            self.wait(Instant::now() + SILENCE, &mut done)?;
        }
        Ok(())
    }
}
