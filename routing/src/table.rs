//! Tables that find what belongs to a request by its host and path.

use std::collections::HashMap;

use crate::pattern::{HostPattern, PathPattern, Pattern, normalise};

/// Paths of one host pattern, most specific first, with the value of each.
type Paths<V> = Vec<(PathPattern, V)>;

/// A value for each pattern. Most specific first: an exact host before a wildcard, a longer
/// wildcard before a shorter one, then the longer path.
#[derive(Clone, Debug)]
pub struct PatternMap<V> {
    exact: HashMap<String, Paths<V>>,
    /// By what the host ends with.
    suffixes: HashMap<String, Paths<V>>,
    /// The lengths of these, each once, longest first: a look-up for each length takes as long for
    /// ten thousand wildcards as for one.
    suffix_lengths: Vec<usize>,
    any: Paths<V>,
}

impl<V> Default for PatternMap<V> {
    fn default() -> Self {
        Self {
            exact: HashMap::new(),
            suffixes: HashMap::new(),
            suffix_lengths: Vec::new(),
            any: Paths::new(),
        }
    }
}

impl<V> PatternMap<V> {
    /// The value of exactly this pattern; `make` gives it when there is none yet.
    pub fn get_or_insert_with(&mut self, pattern: Pattern, make: impl FnOnce() -> V) -> &mut V {
        let paths = self.paths_mut(pattern.host);
        let at = match paths.iter().position(|(path, _)| *path == pattern.path) {
            Some(at) => at,
            None => {
                let rank = pattern.path.specificity();
                let at = paths.partition_point(|(path, _)| path.specificity() >= rank);
                paths.insert(at, (pattern.path, make()));
                at
            }
        };
        &mut paths[at].1
    }

    fn paths_mut(&mut self, host: HostPattern) -> &mut Paths<V> {
        match host {
            HostPattern::Any => &mut self.any,
            HostPattern::Exact(host) => self.exact.entry(host).or_default(),
            HostPattern::Suffix(suffix) => {
                let longest_first = |length: &usize| suffix.len().cmp(length);
                if let Err(at) = self.suffix_lengths.binary_search_by(longest_first) {
                    self.suffix_lengths.insert(at, suffix.len());
                }
                self.suffixes.entry(suffix).or_default()
            }
        }
    }

    /// What `choose` makes of the most specific value that it does not refuse. `host` is the
    /// authority as it came (its port is ignored), `target` the path with its query.
    pub fn find<'m, T>(
        &'m self,
        host: &str,
        target: &str,
        mut choose: impl FnMut(&'m V) -> Option<T>,
    ) -> Option<T> {
        let host = normalise(host);
        let ending = |length: &usize| host.get(host.len().checked_sub(*length)?..);
        let suffixes = self
            .suffix_lengths
            .iter()
            .filter_map(ending)
            .filter_map(|suffix| self.suffixes.get(suffix));
        self.exact
            .get(host.as_ref())
            .into_iter()
            .chain(suffixes)
            .chain([&self.any])
            .flatten()
            .filter(|(path, _)| path.matches(target))
            .find_map(|(_, value)| choose(value))
    }

    pub fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.suffixes.is_empty() && self.any.is_empty()
    }
}

/// All routes of all Workers.
#[derive(Clone, Debug, Default)]
pub struct RouteTable {
    workers: Vec<String>,
    /// Where each is in `workers`.
    ids: HashMap<String, usize>,
    routes: PatternMap<usize>,
}

/// Two Workers claim the same requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    pub pattern: String,
    /// The Worker that keeps the route: the one added first.
    pub kept: String,
    pub refused: String,
}

impl RouteTable {
    /// Adds the patterns of a Worker; those that are not valid are left out (the loader has
    /// reported them), those that another Worker has already are returned.
    pub fn add<'p>(
        &mut self,
        worker: &str,
        patterns: impl IntoIterator<Item = &'p String>,
    ) -> Vec<Conflict> {
        let id = self.ids.get(worker).copied().unwrap_or_else(|| {
            self.workers.push(worker.to_owned());
            self.ids.insert(worker.to_owned(), self.workers.len() - 1);
            self.workers.len() - 1
        });
        let mut conflicts = Vec::new();
        for text in patterns {
            let Ok(pattern) = Pattern::parse(text) else { continue };
            let owner = *self.routes.get_or_insert_with(pattern, || id);
            if owner != id {
                conflicts.push(Conflict {
                    pattern: text.clone(),
                    kept: self.workers.get(owner).cloned().unwrap_or_default(),
                    refused: worker.to_owned(),
                });
            }
        }
        conflicts
    }

    /// The Worker whose route is the most specific for this request. `host` is the authority as
    /// it came (its port is ignored), `target` the path with its query.
    pub fn find(&self, host: &str, target: &str) -> Option<&str> {
        self.routes.find(host, target, |id| self.workers.get(*id)).map(String::as_str)
    }

    pub fn is_empty(&self) -> bool {
        self.routes.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(routes: &[(&str, &str)]) -> RouteTable {
        let mut table = RouteTable::default();
        for (worker, pattern) in routes {
            assert!(table.add(worker, [&(*pattern).to_owned()]).is_empty());
        }
        table
    }

    fn matches(pattern: &str, url: &str) -> bool {
        let (host, path) = url.split_at(url.find('/').unwrap());
        table(&[("w", pattern)]).find(host, path).is_some()
    }

    #[test]
    fn patterns_match_as_documented() {
        for (pattern, url, expected) in [
            ("example.com/*", "example.com/", true),
            ("example.com/*", "example.com/a/b?c", true),
            ("example.com/*", "www.example.com/", false),
            ("*.example.com/*", "www.example.com/", true),
            ("*.example.com/*", "a.b.example.com/", true),
            ("*.example.com/*", "example.com/", false),
            ("*example.com/*", "example.com/", true),
            ("*example.com/*", "myexample.com/", true),
            ("example.com/api*", "example.com/api", true),
            ("example.com/api*", "example.com/apis", true),
            ("example.com/api*", "example.com/api?x=1", true),
            ("example.com/api/*", "example.com/api", false),
            ("example.com/hello", "example.com/hello", true),
            ("example.com/hello", "example.com/hello?x", false),
            ("example.com/hello", "example.com/Hello", false),
            ("example.com", "example.com/", true),
            ("example.com", "example.com/a", false),
            ("*/path*", "anything.test/path/a", true),
            ("*/path*", "anything.test/other", false),
            ("*/*", "anything.test/other", true),
            ("https://example.com/*", "example.com/a", true),
            ("EXAMPLE.com/*", "example.COM/a", true),
            ("example.com/*", "example.com:8443/a", true),
            ("example.com/*", "example.com./a", true),
            ("[::1]/*", "[::1]:80/a", true),
            ("[::1]/*", "[::1]/a", true),
        ] {
            assert_eq!(matches(pattern, url), expected, "{pattern} on {url}");
        }
    }

    #[test]
    fn the_most_specific_route_wins() {
        let table = table(&[
            ("any", "*/*"),
            ("any-path", "*/api/v1/deep/*"),
            ("suffix", "*.example.com/*"),
            ("longer-suffix", "*.b.example.com/*"),
            ("host", "example.com/*"),
            ("api", "example.com/api/*"),
            ("exact", "example.com/api/"),
        ]);
        let find = |host, path| table.find(host, path).unwrap();
        assert_eq!(find("other.test", "/"), "any");
        assert_eq!(find("other.test", "/api/v1/deep/x"), "any-path");
        assert_eq!(find("a.example.com", "/api/v1/deep/x"), "suffix");
        assert_eq!(find("a.b.example.com", "/"), "longer-suffix");
        assert_eq!(find("example.com", "/x"), "host");
        assert_eq!(find("example.com", "/api/x"), "api");
        assert_eq!(find("example.com", "/api/"), "exact");
    }

    #[test]
    fn a_host_without_the_path_falls_to_the_next_pattern() {
        let table = table(&[("a", "example.com/api/*"), ("b", "*.com/*")]);
        assert_eq!(table.find("example.com", "/other"), Some("b"));
        assert_eq!(table.find("example.net", "/"), None);
    }

    #[test]
    fn a_route_has_one_worker() {
        let mut table = table(&[("a", "example.com/*")]);
        let conflicts = table.add("b", [&"https://EXAMPLE.com/*".to_owned()]);
        assert_eq!(conflicts[0].kept, "a");
        assert_eq!(table.find("example.com", "/"), Some("a"));
        assert!(table.add("a", [&"example.com/*".to_owned()]).is_empty());
    }

    /// The table finds what trying every pattern finds, for many random tables and requests.
    #[test]
    fn agrees_with_the_definition() {
        let hosts = ["*", "a.com", "b.a.com", "*.a.com", "*a.com", "*.b.a.com"];
        let paths = ["", "/", "/*", "/x", "/x*", "/x/*", "/x/y"];
        let request_hosts = ["a.com", "b.a.com", "c.b.a.com", "za.com", "z.org"];
        let request_paths = ["/", "/x", "/x/", "/x/y", "/xy", "/y", "/x?q"];
        let mut seed = 7_u64;
        let mut random = |below: usize| {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) as usize % below
        };
        for _ in 0..2_000 {
            let mut table = RouteTable::default();
            let mut all: Vec<(Pattern, String)> = Vec::new();
            for worker in 0..random(6) {
                let text = format!("{}{}", hosts[random(hosts.len())], paths[random(paths.len())]);
                let pattern = Pattern::parse(&text).unwrap();
                let name = format!("w{worker}");
                if table.add(&name, [&text]).is_empty() {
                    all.push((pattern, name));
                }
            }
            let (host, path) = (
                request_hosts[random(request_hosts.len())],
                request_paths[random(request_paths.len())],
            );
            let rank = |pattern: &Pattern| {
                let host = match &pattern.host {
                    HostPattern::Exact(_) => usize::MAX,
                    HostPattern::Suffix(suffix) => suffix.len(),
                    HostPattern::Any => 0,
                };
                (host, pattern.path.specificity())
            };
            let expected = all
                .iter()
                .filter(|(pattern, _)| {
                    let host_matches = match &pattern.host {
                        HostPattern::Any => true,
                        HostPattern::Exact(name) => host == name,
                        HostPattern::Suffix(suffix) => host.ends_with(suffix.as_str()),
                    };
                    host_matches && pattern.path.matches(path)
                })
                .max_by_key(|(pattern, _)| rank(pattern))
                .map(|(_, worker)| worker.as_str());
            assert_eq!(table.find(host, path), expected, "{host}{path} in {all:?}");
        }
    }
}
