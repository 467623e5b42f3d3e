//! What an import specifier means, by the rules that esbuild (and so wrangler) has for relative
//! paths. The same rules serve the loader, on files, and running Workers, on loaded modules.

use std::fmt;

/// Modules that the host itself provides.
pub const HOST_MODULES: &[&str] = &["cloudflare:workers"];

/// Tried in this order behind a path that has no file of its own (esbuild's order, with the `m`
/// forms added).
const EXTENSIONS: &[&str] = &[".tsx", ".ts", ".jsx", ".js", ".mts", ".mjs", ".json"];

/// TypeScript sources import by the names of their output: `./x.js` may be `./x.ts`.
const TYPESCRIPT_SOURCES: &[(&str, &[&str])] =
    &[(".js", &[".ts", ".tsx"]), (".mjs", &[".mts"]), (".jsx", &[".tsx"])];

/// What a specifier names, before any file was looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A path relative to the Worker's directory, with forward slashes, `.` and `..` resolved.
    Path(String),
    /// One of [`HOST_MODULES`].
    Host(&'static str),
}

/// Why an import can't be resolved. The text tells the Worker's author what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResolveError {
    /// `import "hono"`: packages are not looked up.
    Bare(String),
    /// `node:fs`, `cloudflare:sockets`.
    NotProvided(String),
    /// `https://…`, `data:…`.
    Scheme(String),
    /// `/etc/passwd`.
    Absolute(String),
    /// `../../outside.js`.
    Outside(String),
    /// Nothing has that path.
    NotFound { specifier: String, path: String },
}

impl fmt::Display for ResolveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bare(name) => write!(
                f,
                "cannot import the package \"{name}\": packages are not looked up in node_modules; \
                 bundle the Worker first: \
                 esbuild src/index.js --bundle --format=esm --conditions=workerd,worker,browser \
                 --external:cloudflare:* --outfile=dist/index.js, and name dist/index.js as main"
            ),
            Self::NotProvided(name) => write!(
                f,
                "the built-in module \"{name}\" is not supported; provided are: {}",
                HOST_MODULES.join(", ")
            ),
            Self::Scheme(name) => write!(
                f,
                "cannot import \"{name}\": only files of the Worker's directory can be imported; \
                 download the module and import it by a relative path"
            ),
            Self::Absolute(name) => write!(
                f,
                "cannot import \"{name}\": absolute paths are refused; write a path relative to \
                 the importing file, beginning with ./ or ../"
            ),
            Self::Outside(name) => write!(
                f,
                "cannot import \"{name}\": it lies outside of the Worker's directory; move the \
                 file into it, or bundle the Worker"
            ),
            Self::NotFound { specifier, path } => {
                write!(f, "cannot import \"{specifier}\": there is no {path}")
            }
        }
    }
}

impl std::error::Error for ResolveError {}

/// What `specifier` means in the module `referrer` (a path relative to the Worker's directory).
pub fn target(referrer: &str, specifier: &str) -> Result<Target, ResolveError> {
    if let Some(host) = HOST_MODULES.iter().find(|host| **host == specifier) {
        return Ok(Target::Host(host));
    }
    // `import.meta.url` of a module is file:///<path>, and URLs made from it come back here.
    if let Some(path) = specifier.strip_prefix("file:///") {
        return join("", &percent_decode(path))
            .map(Target::Path)
            .ok_or_else(|| ResolveError::Outside(specifier.into()));
    }
    if specifier.starts_with('/') || specifier.starts_with('\\') {
        return Err(ResolveError::Absolute(specifier.into()));
    }
    let relative = specifier == "."
        || specifier == ".."
        || specifier.starts_with("./")
        || specifier.starts_with("../");
    if relative {
        let folder = referrer.rsplit_once('/').map_or("", |(folder, _)| folder);
        return join(folder, strip_query(specifier))
            .map(Target::Path)
            .ok_or_else(|| ResolveError::Outside(specifier.into()));
    }
    Err(match specifier.split_once(':') {
        Some(("node" | "cloudflare" | "workerd", _)) => ResolveError::NotProvided(specifier.into()),
        Some(_) => ResolveError::Scheme(specifier.into()),
        None => ResolveError::Bare(specifier.into()),
    })
}

/// Calls `exists` with each path that may be meant by `path`, until it says yes.
pub fn first_candidate<T>(path: &str, mut exists: impl FnMut(&str) -> Option<T>) -> Option<T> {
    if let Some(found) = exists(path) {
        return Some(found);
    }
    for (output, sources) in TYPESCRIPT_SOURCES {
        if let Some(stem) = path.strip_suffix(output) {
            for source in *sources {
                if let Some(found) = exists(&format!("{stem}{source}")) {
                    return Some(found);
                }
            }
        }
    }
    let index = if path.is_empty() { "index".to_owned() } else { format!("{path}/index") };
    for stem in [path, &index] {
        for extension in EXTENSIONS {
            if let Some(found) = exists(&format!("{stem}{extension}")) {
                return Some(found);
            }
        }
    }
    None
}

/// `x.wasm?module` is the other spelling of `x.wasm`.
fn strip_query(specifier: &str) -> &str {
    specifier.strip_suffix("?module").unwrap_or(specifier)
}

/// `None` when the path leaves the directory.
fn join(folder: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

fn percent_decode(path: &str) -> String {
    let bytes = path.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let escaped = (byte == b'%')
            .then(|| path.get(at + 1..at + 3))
            .flatten()
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        decoded.push(escaped.unwrap_or(byte));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(referrer: &str, specifier: &str) -> String {
        match target(referrer, specifier) {
            Ok(Target::Path(path)) => path,
            other => panic!("{specifier} is {other:?}"),
        }
    }

    #[test]
    fn relative_paths() {
        assert_eq!(path("index.js", "./a.js"), "a.js");
        assert_eq!(path("src/index.js", "./lib//./a.js"), "src/lib/a.js");
        assert_eq!(path("src/deep/index.js", "../a.js"), "src/a.js");
        assert_eq!(path("src/index.js", ".."), "");
        assert_eq!(path("src/index.js", "./add.wasm?module"), "src/add.wasm");
        assert_eq!(path("src/index.js", "file:///lib/a%20b.js"), "lib/a b.js");
        assert_eq!(target("a.js", "cloudflare:workers"), Ok(Target::Host("cloudflare:workers")));
    }

    #[test]
    fn what_is_refused_and_why() {
        let refused = |specifier: &str| target("src/index.js", specifier).unwrap_err();
        assert_eq!(refused("hono"), ResolveError::Bare("hono".into()));
        assert_eq!(refused("@scope/x"), ResolveError::Bare("@scope/x".into()));
        assert_eq!(refused(""), ResolveError::Bare(String::new()));
        assert_eq!(refused("node:fs"), ResolveError::NotProvided("node:fs".into()));
        assert_eq!(
            refused("cloudflare:sockets"),
            ResolveError::NotProvided("cloudflare:sockets".into())
        );
        assert_eq!(refused("https://x/y.js"), ResolveError::Scheme("https://x/y.js".into()));
        assert_eq!(refused("/a.js"), ResolveError::Absolute("/a.js".into()));
        assert_eq!(refused("../../a.js"), ResolveError::Outside("../../a.js".into()));
        assert_eq!(refused("file:///../a.js"), ResolveError::Outside("file:///../a.js".into()));
        assert_eq!(
            refused("file:///%2e%2e/a.js"),
            ResolveError::Outside("file:///%2e%2e/a.js".into())
        );
        assert!(refused("hono").to_string().contains("esbuild"));
    }

    #[test]
    fn candidates_are_tried_in_order() {
        let tried = |path: &str| {
            let mut all = Vec::new();
            first_candidate::<()>(path, |candidate| {
                all.push(candidate.to_owned());
                None
            });
            all
        };
        assert_eq!(tried("a/b")[..4], ["a/b", "a/b.tsx", "a/b.ts", "a/b.jsx"]);
        assert!(tried("a/b").contains(&"a/b/index.js".to_owned()));
        assert_eq!(tried("a.js")[..3], ["a.js", "a.ts", "a.tsx"]);
        assert!(tried("").contains(&"index.js".to_owned()));
        assert_eq!(first_candidate("x", |c| (c == "x.ts").then_some(1)), Some(1));
    }
}
