//! Where the parser writes.

use std::rc::Rc;

use lol_html::OutputSink;

use super::channel::{Channel, Event, Port};

/// Bytes of output that wait before JavaScript has to take them.
pub const OUTPUT_BYTES: usize = 64 * 1024;

pub struct Sink {
    port: Port,
    channel: Rc<Channel>,
}

impl Sink {
    pub fn new(port: Port, channel: Rc<Channel>) -> Self {
        Self { port, channel }
    }
}

impl OutputSink for Sink {
    fn handle_chunk(&mut self, mut chunk: &[u8]) {
        self.channel.set_went_on(true);
        while !chunk.is_empty() {
            let room = OUTPUT_BYTES.saturating_sub(self.channel.waiting());
            let (now, later) = chunk.split_at(room.min(chunk.len()));
            if self.channel.write(now) >= OUTPUT_BYTES {
                self.port.suspend(Event::Output);
            }
            chunk = later;
        }
    }
}
