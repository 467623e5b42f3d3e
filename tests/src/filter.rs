//! The proxy-wasm filter before `ext_proc`: its module, and the configuration that
//! `nano-host envoy-config` prints.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::listeners::HostAddress;
use crate::{Error, Result, host, stack};

/// How Envoy is configured with the filter.
#[derive(Clone, Copy, Debug)]
pub struct Filtered {
    /// Whether the two filters are put into `envoy/envoy.yaml`; else Envoy has what is printed.
    pub shipped: bool,
    /// Whether the filter panics for requests with `x-nano-fault: panic`.
    pub faulty: bool,
    /// What is changed of the printed configuration.
    pub change: fn(&mut Value),
}

/// Where a listener is described that Envoy reads again when the file is replaced.
pub const LISTENER_FILE: &str = "lds/listener.json";

/// The filter's module: `NANO_FILTER_WASM`, else what `cargo xtask filter` left in `target`.
pub fn module(faulty: bool) -> Result<PathBuf> {
    let built = || stack::root().join("target/filter/nano_filter.wasm");
    let shipped = std::env::var_os("NANO_FILTER_WASM").map_or_else(built, PathBuf::from);
    let path = if faulty { shipped.with_file_name("nano_filter_fault.wasm") } else { shipped };
    if path.is_file() {
        return Ok(path);
    }
    let path = path.display();
    Err(Error::new(format!(
        "there is no {path}: run `cargo xtask filter`, or set NANO_FILTER_WASM"
    )))
}

/// What `nano-host envoy-config` prints for a configuration.
pub fn envoy_config(config: &Path, arguments: &[String]) -> Result<String> {
    let mut command = Command::new(host::find()?);
    command.arg("envoy-config").arg("--config").arg(config).args(arguments);
    let output = command.output().map_err(Error::during("can't run nano-host envoy-config"))?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        return Err(Error::new(format!("nano-host envoy-config: {}\n{text}", output.status)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The arguments for where the parts of a stack are.
pub fn places(
    module: &Path,
    admin: SocketAddr,
    listen: SocketAddr,
    upstream: SocketAddr,
    host: &HostAddress,
) -> Vec<String> {
    let host = match host {
        HostAddress::Tcp(address) => address.to_string(),
        HostAddress::Unix(path) => format!("unix:{}", path.display()),
    };
    let words = [
        ("--wasm", module.display().to_string()),
        ("--admin", admin.to_string()),
        ("--listen", listen.to_string()),
        ("--upstream", upstream.to_string()),
        ("--host", host),
    ];
    words.into_iter().flat_map(|(name, value)| [name.to_owned(), value]).collect()
}

/// Takes the listener out of a bootstrap into a file, and returns both.
pub fn separate(mut bootstrap: Value, file: &Path) -> (Value, Value) {
    let listener = bootstrap["static_resources"]["listeners"][0].take();
    bootstrap["static_resources"]["listeners"] = json!([]);
    // Envoy wants to know who asks, also of a file.
    bootstrap["node"] = json!({ "id": "test", "cluster": "test" });
    bootstrap["dynamic_resources"] =
        json!({ "lds_config": { "path_config_source": { "path": file } } });
    (bootstrap, listener)
}

/// Puts a listener where Envoy sees that it is another one: files are moved into their place.
pub fn publish(directory: &Path, listener: &Value) -> Result<()> {
    let mut resource = listener.clone();
    resource["@type"] = "type.googleapis.com/envoy.config.listener.v3.Listener".into();
    let file = directory.join(LISTENER_FILE);
    let scratch = file.with_extension("new");
    let failed = || Error::during(format!("can't write {}", file.display()));
    if let Some(parent) = file.parent() {
        std::fs::create_dir_all(parent).map_err(failed())?;
    }
    std::fs::write(&scratch, json!({ "resources": [resource] }).to_string()).map_err(failed())?;
    std::fs::rename(&scratch, &file).map_err(failed())
}

/// The HTTP filters of a listener.
pub fn http_filters(listener: &mut Value) -> &mut Vec<Value> {
    match &mut manager(listener)["http_filters"] {
        Value::Array(filters) => filters,
        other => panic!("no HTTP filters: {other}"),
    }
}

/// The settings of a listener's HTTP connection manager.
pub fn manager(listener: &mut Value) -> &mut Value {
    &mut listener["filter_chains"][0]["filters"][0]["typed_config"]
}

/// Changes the filter's configuration in a listener.
pub fn change_rules(listener: &mut Value, change: impl FnOnce(&mut Value)) {
    let text = &mut http_filters(listener)[0]["typed_config"]["config"]["configuration"]["value"];
    let rules = text.as_str().and_then(|text| serde_json::from_str(text).ok());
    let mut rules = rules.unwrap_or_else(|| panic!("no configuration of the filter: {text}"));
    change(&mut rules);
    *text = rules.to_string().into();
}

/// Adds routes to the filter's configuration in a listener.
pub fn add_routes<const N: usize>(listener: &mut Value, routes: [Value; N]) {
    change_rules(listener, |rules| match &mut rules["routes"] {
        Value::Array(all) => all.extend(routes),
        other => panic!("no routes: {other}"),
    });
}

/// `envoy/envoy.yaml` with `filters` in the place of those before the router.
pub fn into_shipped(text: &str, filters: &Value) -> Result<String> {
    let (begin, end) = (
        "                http_filters:\n",
        "                  - name: envoy.filters.http.router\n",
    );
    let find = |part: &str| {
        text.find(part).ok_or_else(|| Error::new(format!("envoy.yaml has no `{}`", part.trim())))
    };
    let (begin, end) = (find(begin)? + begin.len(), find(end)?);
    let lines = filters.as_array().into_iter().flatten();
    // JSON is YAML.
    let lines: Vec<_> = lines.map(|filter| format!("                  - {filter}\n")).collect();
    let lines = lines.concat();
    Ok(format!("{}{lines}{}", &text[..begin], &text[end..]))
}
