//! What a rewriter's memory is charged to.
//!
//! The parser has a limit, but does not tell how much it holds. Between two calls it holds what it
//! could not parse yet, which is at most what it was given since it last finished a token, and one
//! entry for each open element, of which there are at most as many as start tags.

use std::sync::Arc;

use crate::isolate::memory::{BufferMeter, Charge};
use crate::limits::HTML_PARSER_BYTES_MAX;

/// What each rewriter has: the touched part of its stack, a chunk of input, its output.
const BASE_BYTES: usize = 192 * 1024;

/// What is charged at once.
const STEP_BYTES: usize = 64 * 1024;

/// An open element's entry in the parser, with what a growing vector has to spare.
const ELEMENT_BYTES: usize = 400;

pub struct Account {
    meter: Arc<BufferMeter>,
    allowance: Arc<BufferMeter>,
    /// Bytes that may be unparsed.
    unparsed: usize,
    /// Bytes that the charges for what is unparsed cover; the parser gives nothing back.
    buffer: usize,
    start_tags: usize,
    elements: usize,
    charges: Vec<Charge>,
}

const DOES_NOT_FIT: &str = "the document does not fit into the Worker's memory limit";

impl Account {
    /// `None` when the Worker's memory limit forbids it.
    pub fn new(meter: &Arc<BufferMeter>, allowance: &Arc<BufferMeter>) -> Option<Self> {
        Some(Self {
            charges: vec![BufferMeter::charge(meter, BASE_BYTES)?],
            meter: Arc::clone(meter),
            allowance: Arc::clone(allowance),
            unparsed: 0,
            buffer: 0,
            start_tags: 0,
            elements: 0,
        })
    }

    /// The parser is about to get input.
    pub fn input(&mut self, chunk: &[u8]) -> Result<(), String> {
        self.unparsed = self.unparsed.saturating_add(chunk.len());
        // What is in the chunk itself is in the base.
        let needed = self.unparsed.saturating_sub(STEP_BYTES).min(HTML_PARSER_BYTES_MAX);
        while self.buffer < needed {
            let charge = BufferMeter::charge(&self.meter, STEP_BYTES).ok_or(DOES_NOT_FIT)?;
            self.charges.push(charge);
            self.buffer += STEP_BYTES;
        }
        self.start_tags += count_start_tags(chunk);
        let needed = self.start_tags.saturating_mul(ELEMENT_BYTES).min(HTML_PARSER_BYTES_MAX);
        while self.elements < needed.saturating_sub(STEP_BYTES) {
            let charge = BufferMeter::charge(&self.allowance, STEP_BYTES)
                .or_else(|| BufferMeter::charge(&self.meter, STEP_BYTES))
                .ok_or(DOES_NOT_FIT)?;
            self.charges.push(charge);
            self.elements += STEP_BYTES;
        }
        Ok(())
    }

    /// The parser finished a token: what it can't parse yet began in the last chunk.
    pub fn went_on(&mut self) {
        self.unparsed = self.unparsed.min(STEP_BYTES);
    }

    /// Counts content that is inserted, for as long as the charge lives.
    pub fn content(&self, bytes: usize) -> Option<Charge> {
        BufferMeter::charge(&self.meter, bytes)
    }
}

/// At least as many as start tags begin in the chunk, one that was cut in two excepted.
fn count_start_tags(chunk: &[u8]) -> usize {
    let begins = |pair: &&[u8]| pair[0] == b'<' && pair[1].is_ascii_alphabetic();
    let cut = usize::from(chunk.last() == Some(&b'<'));
    chunk.windows(2).filter(begins).count() + cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unfinished_token_is_charged_until_the_limit() {
        let meter = BufferMeter::new(100 * 1024 * 1024);
        let mut account = Account::new(&meter, &BufferMeter::new(0)).expect("room");
        let chunk = vec![b'x'; STEP_BYTES];
        for _ in 0..4 {
            account.input(&chunk).expect("room");
            account.went_on();
        }
        assert_eq!(meter.used(), BASE_BYTES + STEP_BYTES);
        for _ in 0..100 {
            account.input(&chunk).expect("room");
        }
        assert_eq!(meter.used(), BASE_BYTES + HTML_PARSER_BYTES_MAX);
        drop(account);
        assert_eq!(meter.used(), 0);
        let small = BufferMeter::new(BASE_BYTES + STEP_BYTES);
        let mut account = Account::new(&small, &meter).expect("room");
        account.input(&chunk).expect("room");
        account.input(&chunk).expect("room");
        assert_eq!(account.input(&chunk), Err(DOES_NOT_FIT.to_owned()));
    }

    #[test]
    fn elements_use_the_allowance_first() {
        let (meter, allowance) = (BufferMeter::new(10_000_000), BufferMeter::new(STEP_BYTES * 8));
        let mut account = Account::new(&meter, &allowance).expect("room");
        let chunk = b"<a></a>\n<b>".repeat(500);
        assert_eq!(count_start_tags(&chunk), 1000);
        account.input(&chunk).expect("room");
        assert_eq!((allowance.used() > 0, meter.used()), (true, BASE_BYTES));
        account.went_on();
        account.input(&chunk).expect("room");
        account.went_on();
        assert!(meter.used() > BASE_BYTES);
        assert_eq!(count_start_tags(b"< <1<!<<a<"), 2);
    }
}
