//! One request's decision.

use std::borrow::Cow;

use super::answer::{Reason, Reply};
use super::rate::{self, Rate};
use super::split::{Source, Split};
use super::{Action, INTERNAL_PREFIX, Rules, Tenant, Worker};

/// A request's head as the filter has it: names in lower case, Envoy's `:authority` and so on among
/// them.
#[derive(Clone, Debug)]
pub struct Head<'h> {
    pub headers: &'h [(String, Vec<u8>)],
    pub method: Cow<'h, str>,
    pub authority: Cow<'h, str>,
    /// With the query. A byte that is not UTF-8 does not hide the text around it from a pattern.
    pub path: Cow<'h, str>,
}

impl<'h> Head<'h> {
    pub fn new(headers: &'h [(String, Vec<u8>)]) -> Self {
        let text = |wanted: &str| {
            let found = headers.iter().find(|(name, _)| name == wanted);
            found.map_or(Cow::Borrowed(""), |(_, value)| String::from_utf8_lossy(value))
        };
        let path = match text(":path") {
            // CONNECT has none.
            path if path.is_empty() => Cow::Borrowed("/"),
            path => path,
        };
        Self { headers, method: text(":method"), authority: text(":authority"), path }
    }

    /// The first value of a header; `name` is in lower case.
    pub fn header(&self, name: &str) -> Option<&'h [u8]> {
        self.headers.iter().find(|(each, _)| each == name).map(|(_, value)| value.as_slice())
    }

    fn cookie(&self, wanted: &str) -> Option<&'h [u8]> {
        let cookies = self.headers.iter().filter(|(name, _)| name == "cookie");
        let pairs = cookies.flat_map(|(_, value)| value.split(|byte| *byte == b';'));
        pairs.map(<[u8]>::trim_ascii).find_map(|pair| {
            let value = pair.strip_prefix(wanted.as_bytes())?.strip_prefix(b"=")?;
            (!value.is_empty()).then_some(value)
        })
    }
}

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision<'r> {
    /// To this Worker, if its tenant's limit allows it: [`Rules::tenant_of`], [`admit`].
    Worker(&'r Worker),
    /// On without a Worker.
    Pass,
    /// Answered here.
    Reply(Reply<'r>),
}

impl Rules {
    /// `address` is asked for the client's address when a roll-out needs it.
    pub fn decide(&self, head: &Head<'_>, address: impl Fn() -> Option<Vec<u8>>) -> Decision<'_> {
        if let Some(reply) = self.refuse(head) {
            return Decision::Reply(reply);
        }
        let chosen = self.routes.find(&head.authority, &head.path, |rules| {
            let meets = |rule: &&super::Rule| {
                (rule.methods.is_empty() || rule.methods.iter().any(|m| **m == *head.method))
                    && rule.headers.iter().all(|condition| condition.holds(head.headers))
            };
            rules.iter().find(meets)
        });
        let worker = match chosen.map(|rule| &rule.then) {
            None => self.default,
            Some(Action::Worker(worker)) => Some(*worker),
            Some(Action::Pass) => None,
            Some(Action::Split(split)) => choose(split, head, &address),
            Some(Action::Answer(answer)) => {
                return Decision::Reply(answer.reply(Reason::Rule, head));
            }
        };
        worker.and_then(|at| self.workers.get(at)).map_or(Decision::Pass, Decision::Worker)
    }

    /// What is answered whatever the rules are.
    fn refuse(&self, head: &Head<'_>) -> Option<Reply<'_>> {
        let over = |most: usize, size: usize| most > 0 && size > most;
        if over(self.sizes.path_bytes, head.path.len()) {
            return Some(Reply::plain(Reason::PathTooLong, 414, "The URL is too long.\n"));
        }
        let bytes = || head.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        if over(self.sizes.headers, head.headers.len())
            || (self.sizes.header_bytes > 0 && over(self.sizes.header_bytes, bytes()))
        {
            let text = "The request's headers are too large.\n";
            return Some(Reply::plain(Reason::HeadersTooLarge, 431, text));
        }
        if self.blocked_methods.iter().any(|method| **method == *head.method) {
            let reply =
                Reply::plain(Reason::MethodBlocked, 405, "This method is not allowed here.\n");
            return Some(reply.with("allow", self.allowed_methods()));
        }
        let maintenance = self.maintenance.as_ref()?;
        let exempt = !maintenance.unless.is_empty()
            && maintenance.unless.iter().all(|condition| condition.holds(head.headers));
        (!exempt).then(|| maintenance.answer.reply(Reason::Maintenance, head))
    }

    /// What a 405 has to name (RFC 9110, section 15.5.6): the standard methods that are left.
    fn allowed_methods(&self) -> String {
        let standard =
            ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"];
        let blocked = |method: &&str| self.blocked_methods.iter().any(|each| each == method);
        let left: Vec<&str> = standard.into_iter().filter(|method| !blocked(method)).collect();
        left.join(", ")
    }

    /// Whose limit holds for a Worker.
    pub fn tenant_of(&self, worker: &Worker) -> Option<&Tenant> {
        self.tenants.get(worker.tenant?)
    }

    /// The answer when there will be no token for so long.
    pub fn limited(&self, wait_ns: u64) -> Reply<'_> {
        let seconds = wait_ns.div_ceil(1_000_000_000).max(1);
        let text = "Too many requests: try again later.\n";
        Reply::plain(Reason::RateLimited, 429, text).with("retry-after", seconds.to_string())
    }

    /// Whether a request's header (in lower case) is to be removed: nobody outside may speak to
    /// NANO with it.
    pub fn strips(&self, name: &str) -> bool {
        name.starts_with(INTERNAL_PREFIX)
            || self.strip_headers.iter().any(|each| match each.strip_suffix('*') {
                Some(prefix) => name.starts_with(prefix),
                None => name == each,
            })
    }
}

fn choose(split: &Split, head: &Head<'_>, address: impl Fn() -> Option<Vec<u8>>) -> Option<usize> {
    split.choose(|source| match source {
        Source::Cookie(name) => head.cookie(name).map(<[u8]>::to_vec),
        Source::Header(name) => {
            head.header(name).filter(|value| !value.is_empty()).map(<[u8]>::to_vec)
        }
        Source::Address => address(),
    })
}

/// Data that all of Envoy's threads share, with the semantics of proxy-wasm's shared data.
pub trait Store {
    /// The data of a key, and the number of that state of it; `None` when there is none.
    fn get(&self, key: &str) -> Option<(Vec<u8>, u32)>;

    /// Writes the data, if it still has that number; with any number, if there is none yet. False
    /// when another thread was faster.
    fn set(&self, key: &str, data: &[u8], number: u32) -> bool;
}

/// A number that no state has: written with it, data that is there already stays.
const NO_STATE: u32 = u32::MAX;

/// Threads that write at the same time; each try that fails is another thread's success.
const TRIES: usize = 256;

/// Takes a token from a tenant's bucket, once, whatever other threads do meanwhile. Otherwise the
/// nanoseconds that there will be none for.
pub fn admit(store: &impl Store, key: &str, rate: &Rate, now_ns: u64) -> Result<(), u64> {
    for _ in 0..TRIES {
        let (state, number) = match store.get(key) {
            Some((data, number)) => (rate::decode(&data), number),
            None => (0, NO_STATE),
        };
        let next = rate.take(state, now_ns)?;
        if store.set(key, &rate::encode(next), number) {
            return Ok(());
        }
    }
    // Never more than the limit.
    Err(1)
}
