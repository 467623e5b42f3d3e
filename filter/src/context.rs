//! The two contexts of a proxy-wasm filter: one for each configuration, one for each request.

use std::rc::Rc;
use std::time::UNIX_EPOCH;

use nano_routing::filter::{
    Decision, Head, Reason, Reply, Rules, STATE_ANSWER, STATE_FAILURE_MODE, STATE_REQUEST_ID,
    STATE_VERSION, STATE_WORKER, Worker, admit,
};
use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, MapType};

use crate::envoy::{self, SharedData};
use crate::metrics::Metrics;

/// What the filter may write into the filter state.
const STATE_KEYS: [&str; 5] =
    [STATE_WORKER, STATE_VERSION, STATE_FAILURE_MODE, STATE_REQUEST_ID, STATE_ANSWER];

/// One configuration, in one of Envoy's threads.
#[derive(Default)]
pub struct Root {
    state: Option<Rc<State>>,
}

/// What all its requests need.
struct State {
    rules: Rules,
    metrics: Metrics,
}

impl Context for Root {}

impl RootContext for Root {
    /// With false Envoy refuses the configuration, and keeps the one it had.
    fn on_configure(&mut self, _size: usize) -> bool {
        // None at all would have every request skip the Workers, silently.
        let text = self.get_plugin_configuration().unwrap_or_default();
        if text.is_empty() {
            log::error!("nano: the configuration is empty: write {{}} for one without rules");
            return false;
        }
        match Rules::parse(&text) {
            Ok(rules) => {
                STATE_KEYS.into_iter().for_each(envoy::declare_string);
                let metrics = Metrics::define(&rules);
                self.state = Some(Rc::new(State { rules, metrics }));
                true
            }
            Err(problems) => {
                for problem in problems {
                    log::error!("nano: configuration: {problem}");
                }
                false
            }
        }
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }

    fn create_http_context(&self, _id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Request { state: self.state.clone() }))
    }
}

struct Request {
    /// `None` only without a configuration, which Envoy does not run.
    state: Option<Rc<State>>,
}

impl Context for Request {}

impl HttpContext for Request {
    fn on_http_request_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        let Some(state) = &self.state else { return Action::Continue };
        let headers = hostcalls::get_map_bytes(MapType::HttpRequestHeaders).unwrap_or_default();
        #[cfg(feature = "fault")]
        if headers.iter().any(|(name, value)| name == "x-nano-fault" && value == b"panic") {
            panic!("the request asked for it");
        }
        state.strip(&headers);
        let head = Head::new(&headers);
        let reply = match state.rules.decide(&head, envoy::client_address) {
            Decision::Pass => {
                state.metrics.skipped();
                return Action::Continue;
            }
            Decision::Worker(worker) => match state.enter(worker) {
                Ok(()) => {
                    state.choose(worker, &head);
                    return Action::Continue;
                }
                Err(wait_ns) => state.rules.limited(wait_ns),
            },
            Decision::Reply(reply) => reply,
        };
        state.answer(&reply);
        Action::Pause
    }
}

impl State {
    /// Nobody outside may speak to NANO through headers.
    fn strip(&self, headers: &[(String, Vec<u8>)]) {
        for (at, (name, _)) in headers.iter().enumerate() {
            // Removing takes all of a name at once.
            let first = || headers.iter().position(|(other, _)| other == name) == Some(at);
            if self.rules.strips(name) && first() {
                self.metrics.stripped();
                envoy::report(hostcalls::remove_map_value(MapType::HttpRequestHeaders, name));
            }
        }
    }

    /// Takes a token of the Worker's tenant. The error: nanoseconds until there is one.
    fn enter(&self, worker: &Worker) -> Result<(), u64> {
        let Some(tenant) = self.rules.tenant_of(worker) else { return Ok(()) };
        let now = hostcalls::get_current_time().unwrap_or(UNIX_EPOCH);
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let key = format!("nano/limit/{}", tenant.name);
        let admitted = admit(&SharedData, &key, &tenant.rate, now.as_nanos() as u64);
        if admitted.is_err() {
            self.metrics.limited(&tenant.name);
        }
        admitted
    }

    /// Names the Worker to `ext_proc`, and to all else that looks at the filter state.
    fn choose(&self, worker: &Worker, head: &Head<'_>) {
        envoy::set_state(STATE_WORKER, worker.name.as_bytes());
        if let Some(version) = &worker.version {
            envoy::set_state(STATE_VERSION, version.as_bytes());
        }
        if let Some(mode) = worker.failure_mode {
            envoy::set_state(STATE_FAILURE_MODE, mode.name().as_bytes());
        }
        if let Some(id) = head.header("x-request-id") {
            envoy::set_state(STATE_REQUEST_ID, id);
        }
        if self.rules.reroute() {
            let cleared = hostcalls::call_foreign_function("clear_route_cache", None);
            envoy::report(cleared.map(drop));
        }
        self.metrics.worker();
    }

    fn answer(&self, reply: &Reply<'_>) {
        if reply.reason != Reason::RateLimited {
            self.metrics.answered(reply.reason);
        }
        envoy::set_state(STATE_ANSWER, reply.reason.name().as_bytes());
        let headers = reply.headers.iter().map(|(name, value)| (*name, value.as_ref())).collect();
        let body = (!reply.body.is_empty()).then_some(reply.body.as_bytes());
        envoy::report(hostcalls::send_http_response(u32::from(reply.status), headers, body));
    }
}
