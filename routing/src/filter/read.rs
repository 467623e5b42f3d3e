//! From JSON to [`Rules`].

use serde_json::Value;

use super::answer::{Answer, Location, Maintenance};
use super::condition::{Condition, Test};
use super::json::{self, Place, Problem, Problems, Section};
use super::rate::Rate;
use super::split::{POINTS, Part, Source, Split};
use super::{Action, FailureMode, Rule, Rules, Sizes, Tenant, Worker};
use crate::Pattern;

/// Requests per second that a limit may allow.
const RATE_MAX: f64 = 1_000_000.0;
/// The least: one in about three hours.
const RATE_MIN: f64 = 0.0001;
/// Tokens of a bucket.
const BURST_MAX: u32 = 1_000_000;
/// Bytes of a body that is answered.
const BODY_MAX_BYTES: usize = 65_536;
/// Bytes of a path and of headers: what Envoy takes at all is less.
const SIZE_MAX_BYTES: u32 = 16 * 1024 * 1024;

impl Rules {
    /// Reads a configuration's text.
    pub fn parse(text: &[u8]) -> Result<Self, Vec<Problem>> {
        let value = json::parse(text).map_err(|problem| vec![problem])?;
        Self::read(&value)
    }

    /// Reads a configuration; all that is wrong with it is reported.
    pub fn read(value: &Value) -> Result<Self, Vec<Problem>> {
        let problems = Problems::default();
        let mut rules = Self::default();
        if let Some(top) = Section::new(&problems, &Place::Top, value) {
            rules.read_top(top);
        }
        let problems = problems.into_inner();
        if problems.is_empty() { Ok(rules) } else { Err(problems) }
    }

    fn read_top(&mut self, top: Section<'_>) {
        self.read_tenants(&top);
        self.read_workers(&top);
        self.read_sizes(&top);
        self.default = top.string("default").and_then(|name| self.known(&top, "default", name));
        self.blocked_methods = top.strings("blocked_methods", method);
        self.strip_headers = top.strings("strip_headers", |text| {
            let name = text.strip_suffix('*').unwrap_or(text);
            if super::is_header_name(name) {
                Ok(text.to_ascii_lowercase())
            } else {
                Err("is not the name of a header, or one that ends in *")
            }
        });
        self.reroute = top.boolean("reroute").unwrap_or(false);
        if let Some(value) = top.get("maintenance") {
            let place = Place::Key(top.place, "maintenance");
            self.maintenance = Section::new(top.problems, &place, value).map(|section| {
                let maintenance = Maintenance {
                    answer: read_answer(&section, 503),
                    unless: read_conditions(&section, "unless"),
                };
                section.finish();
                maintenance
            });
        }
        let above = Place::Key(top.place, "routes");
        for (index, value) in top.array("routes").unwrap_or_default().iter().enumerate() {
            let place = Place::Index(&above, index);
            if let Some(section) = Section::new(top.problems, &place, value) {
                self.read_route(section);
            }
        }
        top.finish();
    }

    fn read_tenants(&mut self, top: &Section<'_>) {
        let Some(value) = top.get("tenants") else { return };
        let above = Place::Key(top.place, "tenants");
        let Some(tenants) = Section::new(top.problems, &above, value) else { return };
        for (name, value) in tenants.entries() {
            let place = Place::Key(&above, name);
            if !is_name(name) {
                top.problems.add(&place, NAME_RULE);
            }
            let Some(section) = Section::new(top.problems, &place, value) else { continue };
            let rate = section.number("requests_per_second", RATE_MIN, RATE_MAX);
            let burst = section.integer("burst", 1, BURST_MAX);
            if section.get("requests_per_second").is_none() {
                top.problems.add(&place, "needs `requests_per_second`");
            }
            section.finish();
            if let Some(rate) = rate {
                let burst = burst.unwrap_or_else(|| rate.ceil().max(1.0) as u32);
                self.tenants.push(Tenant { name: name.clone(), rate: Rate::new(rate, burst) });
            }
        }
    }

    fn read_workers(&mut self, top: &Section<'_>) {
        let Some(value) = top.get("workers") else { return };
        let above = Place::Key(top.place, "workers");
        let Some(workers) = Section::new(top.problems, &above, value) else { return };
        for (name, value) in workers.entries() {
            let place = Place::Key(&above, name);
            if !is_name(name) {
                top.problems.add(&place, NAME_RULE);
            }
            let Some(section) = Section::new(top.problems, &place, value) else { continue };
            let failure_mode = match section.string("failure_mode") {
                None => None,
                Some("open") => Some(FailureMode::Open),
                Some("closed") => Some(FailureMode::Closed),
                Some(_) => {
                    section.problem("failure_mode", "must be \"open\" or \"closed\"");
                    None
                }
            };
            let tenant = section.string("tenant").and_then(|wanted| {
                let found = self.tenants.iter().position(|tenant| tenant.name == wanted);
                // One that is not valid itself has been reported.
                let named = top.get("tenants").is_some_and(|all| all.get(wanted).is_some());
                if !named {
                    section.problem("tenant", format!("\"{wanted}\" is not in `tenants`"));
                }
                found
            });
            let version = section.string("version").map(ToOwned::to_owned);
            section.finish();
            self.workers.push(Worker { name: name.clone(), version, failure_mode, tenant });
        }
    }

    fn read_sizes(&mut self, top: &Section<'_>) {
        let Some(value) = top.get("sizes") else { return };
        let place = Place::Key(top.place, "sizes");
        let Some(section) = Section::new(top.problems, &place, value) else { return };
        let size = |key| section.integer(key, 1, SIZE_MAX_BYTES).unwrap_or(0) as usize;
        self.sizes = Sizes {
            path_bytes: size("path_bytes"),
            header_bytes: size("header_bytes"),
            headers: size("headers"),
        };
        section.finish();
    }

    /// A Worker by its name, which has to be in `workers`: a mistyped one would be a request's
    /// error instead of the configuration's.
    fn known(&self, section: &Section<'_>, key: &'static str, name: &str) -> Option<usize> {
        let found = self.workers.iter().position(|worker| worker.name == name);
        if found.is_none() {
            section.problem(key, format!("\"{name}\" is not in `workers`"));
        }
        found
    }

    fn read_route(&mut self, section: Section<'_>) {
        let pattern = match section.string("pattern") {
            Some(text) => match Pattern::parse(text) {
                Ok(pattern) => Some(pattern),
                Err(why) => {
                    section.problem("pattern", format!("\"{text}\" {why}"));
                    None
                }
            },
            None => {
                if section.get("pattern").is_none() {
                    let message = "needs `pattern`, like \"example.com/*\"";
                    section.problems.add(section.place, message);
                }
                None
            }
        };
        let methods = section.strings("methods", method);
        let headers = read_conditions(&section, "headers");
        let action = self.read_action(&section);
        let place = section.place;
        let problems = section.problems;
        section.finish();
        let (Some(pattern), Some(then)) = (pattern, action) else { return };
        let rules = self.routes.get_or_insert_with(pattern, Vec::new);
        if rules.iter().any(|rule| rule.methods.is_empty() && rule.headers.is_empty()) {
            let message = "is never reached: an earlier route has this pattern, for all requests";
            problems.add(place, message);
        }
        rules.push(Rule { methods, headers, then });
    }

    fn read_action(&self, section: &Section<'_>) -> Option<Action> {
        let nested = |key: &'static str, read: &dyn Fn(&Section<'_>) -> Option<Action>| {
            let value = section.get(key)?;
            let place = Place::Key(section.place, key);
            let inner = Section::new(section.problems, &place, value)?;
            let action = read(&inner);
            inner.finish();
            action
        };
        let worker = section
            .string("worker")
            .and_then(|name| self.known(section, "worker", name))
            .map(Action::Worker);
        let pass = section.boolean("pass").map(|pass| {
            if !pass {
                section.problem("pass", "must be true, or left out");
            }
            Action::Pass
        });
        let split = nested("split", &|inner| Some(Action::Split(self.read_split(inner))));
        let answer = nested("answer", &|inner| Some(Action::Answer(read_answer(inner, 200))));
        let redirect = nested("redirect", &|inner| read_redirect(inner).map(Action::Answer));
        let named = ["worker", "pass", "split", "answer", "redirect"]
            .iter()
            .filter(|key| section.entries().contains_key(**key))
            .count();
        if named != 1 {
            let message = "needs one of `worker`, `pass`, `split`, `answer` and `redirect`";
            section.problems.add(section.place, message);
        }
        worker.or(pass).or(split).or(answer).or(redirect)
    }

    fn read_split(&self, section: &Section<'_>) -> Split {
        let mut by = Vec::new();
        // Parsed twice, to have the problems where the strings are.
        for text in section.strings("by", |text| Source::parse(text).map(|_| text.to_owned())) {
            by.extend(Source::parse(&text));
        }
        if section.array("by").is_none_or(<[Value]>::is_empty) {
            let message = "needs `by`, like [\"cookie:session\", \"address\"]";
            section.problems.add(section.place, message);
        }
        let salt = section.string("salt").unwrap_or_default().to_owned();
        let above = Place::Key(section.place, "parts");
        let (mut parts, mut end, mut sound) = (Vec::new(), 0, true);
        for (index, value) in section.array("parts").unwrap_or_default().iter().enumerate() {
            let place = Place::Index(&above, index);
            let Some(part) = Section::new(section.problems, &place, value) else { continue };
            let worker = part.string("worker");
            let pass = part.boolean("pass").unwrap_or(false);
            if part.entries().contains_key("worker") == pass {
                part.problems.add(part.place, "needs either `worker` or \"pass\": true");
            }
            let percent = part.number("percent", 0.0, 100.0);
            if part.get("percent").is_none() {
                part.problems.add(part.place, "needs `percent`");
            }
            sound &= percent.is_some();
            let hundredths = percent.unwrap_or(0.0) * 100.0;
            if (hundredths - hundredths.round()).abs() > 1e-6 {
                part.problem("percent", "may have two decimals");
            }
            end += hundredths.round() as u32;
            parts.push(Part {
                worker: worker.and_then(|name| self.known(&part, "worker", name)),
                end,
            });
            part.finish();
        }
        if sound && end != POINTS {
            let sum = f64::from(end) / 100.0;
            section.problem("parts", format!("must add up to 100 percent, not {sum}"));
        }
        Split { by, salt, parts }
    }
}

fn read_answer(section: &Section<'_>, status: u32) -> Answer {
    let status = section.integer("status", 200, 599).unwrap_or(status) as u16;
    let body = section.string("body").unwrap_or_default().to_owned();
    if body.len() > BODY_MAX_BYTES {
        section.problem("body", format!("may have {BODY_MAX_BYTES} bytes"));
    }
    if !body.is_empty() && matches!(status, 204 | 205 | 304) {
        section.problem("body", format!("a response with status {status} has none"));
    }
    let mut headers = read_headers(section);
    if !body.is_empty() && !headers.iter().any(|(name, _)| name == "content-type") {
        headers.push(("content-type".into(), "text/plain; charset=utf-8".into()));
    }
    Answer { status, headers, body, location: None }
}

fn read_redirect(section: &Section<'_>) -> Option<Answer> {
    let status = section.integer("status", 301, 308).unwrap_or(302) as u16;
    if !matches!(status, 301 | 302 | 303 | 307 | 308) {
        section.problem("status", "must be 301, 302, 303, 307 or 308");
    }
    let headers = read_headers(section);
    let Some(to) = section.string("to") else {
        if section.get("to").is_none() {
            let message = "needs `to`, like \"https://www.example.com{path}\"";
            section.problems.add(section.place, message);
        }
        return None;
    };
    match Location::parse(to) {
        Ok(to) => Some(Answer { status, headers, body: String::new(), location: Some(to) }),
        Err(why) => {
            section.problem("to", format!("\"{to}\" {why}"));
            None
        }
    }
}

fn read_headers(section: &Section<'_>) -> Vec<(String, String)> {
    let Some(value) = section.get("headers") else { return Vec::new() };
    let place = Place::Key(section.place, "headers");
    let Some(headers) = Section::new(section.problems, &place, value) else { return Vec::new() };
    let mut all = Vec::new();
    for (name, value) in headers.entries() {
        let good = |text: &str| text.bytes().all(|byte| byte == b'\t' || byte >= b' ');
        if !super::is_header_name(name) || name.starts_with(':') {
            headers.problem(name, "is not the name of a header");
        } else if name.eq_ignore_ascii_case("content-length") {
            headers.problem(name, "is set by Envoy");
        }
        match value.as_str() {
            Some(text) if good(text) => all.push((name.to_ascii_lowercase(), text.to_owned())),
            _ => headers.problem(name, "must be a string without control characters"),
        }
    }
    all
}

fn read_conditions(section: &Section<'_>, key: &'static str) -> Vec<Condition> {
    let above = Place::Key(section.place, key);
    let mut all = Vec::new();
    for (index, value) in section.array(key).unwrap_or_default().iter().enumerate() {
        let place = Place::Index(&above, index);
        let Some(condition) = Section::new(section.problems, &place, value) else { continue };
        let name = condition.string("name").unwrap_or_default();
        if !super::is_header_name(name) {
            condition.problems.add(condition.place, "needs `name`, a header's name");
        }
        let text = |key| condition.string(key).map(ToOwned::to_owned);
        let present = condition.boolean("present");
        let tests = [
            text("exact").map(Test::Exact),
            text("prefix").map(Test::Prefix),
            text("suffix").map(Test::Suffix),
            text("contains").map(Test::Contains),
            present.map(|_| Test::Present),
        ];
        let mut tests = tests.into_iter().flatten();
        let invert = condition.boolean("invert").unwrap_or(false) != (present == Some(false));
        let (first, second) = (tests.next(), tests.next());
        if second.is_some() || first.is_none() {
            let message = "needs one of `exact`, `prefix`, `suffix`, `contains` and `present`";
            condition.problems.add(condition.place, message);
        }
        if let Some(test) = first {
            all.push(Condition { name: name.to_ascii_lowercase(), test, invert });
        }
        condition.finish();
    }
    all
}

/// Methods are compared as they are written (RFC 9110, section 9.1).
fn method(text: &str) -> Result<String, &'static str> {
    if super::is_header_name(text) && !text.bytes().any(|byte| byte.is_ascii_lowercase()) {
        Ok(text.to_owned())
    } else {
        Err("is not a method in upper case")
    }
}

const NAME_RULE: &str = "a name has up to 63 letters, digits, - and _";

/// Names as wrangler accepts them.
fn is_name(name: &str) -> bool {
    (1..=63).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}
