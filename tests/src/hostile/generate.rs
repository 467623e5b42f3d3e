//! Files of a case that are made when it is run: thousands of modules, links that lead out of the
//! directory, bytes that are no text.

use std::fmt::Write as _;
use std::path::Path;

use serde::Deserialize;

use crate::{Error, Result};

/// One thing to make, in the Worker's directory.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "make", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Generate {
    /// `head`, `times` times `repeat` (with `{n}` counting from 0), `tail`.
    File {
        path: String,
        #[serde(default)]
        head: String,
        #[serde(default)]
        repeat: String,
        #[serde(default)]
        times: usize,
        #[serde(default)]
        tail: String,
    },
    /// Bytes, in hexadecimal.
    Bytes { path: String, hex: String },
    /// `count` modules `m0.js` … in the directory `path`: each imports the next one.
    Chain { path: String, count: usize },
    /// The same, and `all.js` that imports each of them.
    Fan { path: String, count: usize },
    /// A WebAssembly module of so many functions, of a hundred bytes each.
    WasmCode { path: String, functions: usize },
    /// A symbolic link.
    Link { path: String, to: String },
}

impl Generate {
    /// What it makes, relative to the Worker's directory.
    pub fn path(&self) -> &str {
        match self {
            Self::File { path, .. }
            | Self::Bytes { path, .. }
            | Self::Chain { path, .. }
            | Self::Fan { path, .. }
            | Self::WasmCode { path, .. }
            | Self::Link { path, .. } => path,
        }
    }

    pub fn make(&self, directory: &Path) -> Result<()> {
        let at = directory.join(self.path());
        match self {
            Self::File { head, repeat, times, tail, .. } => {
                let middle = if repeat.contains("{n}") {
                    (0..*times).map(|n| repeat.replace("{n}", &n.to_string())).collect()
                } else {
                    repeat.repeat(*times)
                };
                write(&at, format!("{head}{middle}{tail}").as_bytes())
            }
            Self::Bytes { hex, .. } => write(&at, &unhex(hex)?),
            Self::Chain { count, .. } => modules(&at, *count, |i| {
                let next = (i + 1 < *count).then(|| format!("import \"./m{}.js\";\n", i + 1));
                format!("{}export const n = {i};\n", next.unwrap_or_default())
            }),
            Self::Fan { count, .. } => {
                modules(&at, *count, |i| format!("export const n = {i};\n"))?;
                let mut all = String::new();
                for i in 0..*count {
                    // Writing to a String can't fail.
                    let _ = writeln!(all, "import \"./m{i}.js\";");
                }
                write(&at.join("all.js"), all.as_bytes())
            }
            Self::WasmCode { functions, .. } => write(&at, &wasm(*functions)),
            Self::Link { to, .. } => std::os::unix::fs::symlink(to, &at)
                .map_err(Error::during(format!("can't link {}", at.display()))),
        }
    }
}

fn modules(directory: &Path, count: usize, text: impl Fn(usize) -> String) -> Result<()> {
    for i in 0..count {
        write(&directory.join(format!("m{i}.js")), text(i).as_bytes())?;
    }
    Ok(())
}

/// The WebAssembly binary format, version 1: types, functions, code.
fn wasm(functions: usize) -> Vec<u8> {
    // `i32.const 1; drop`, as often as makes a hundred bytes.
    let mut body = vec![0];
    body.extend([0x41, 1, 0x1a].repeat(33));
    body.push(0x0b);
    let mut code = unsigned(functions);
    for _ in 0..functions {
        code.extend(unsigned(body.len()));
        code.extend_from_slice(&body);
    }
    let section = |id: u8, content: &[u8]| [&[id][..], &unsigned(content.len()), content].concat();
    let declared = [unsigned(functions), vec![0; functions]].concat();
    [
        b"\0asm\x01\0\0\0".to_vec(),
        section(1, &[1, 0x60, 0, 0]),
        section(3, &declared),
        section(10, &code),
    ]
    .concat()
}

/// LEB128.
fn unsigned(mut value: usize) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let failed =
        |what: std::io::Error| Error::new(format!("can't write {}: {what}", path.display()));
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(failed)?;
    }
    std::fs::write(path, bytes).map_err(failed)
}

/// Bytes that are written in hexadecimal, with spaces where they help.
pub fn unhex(text: &str) -> Result<Vec<u8>> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    digits
        .chunks(2)
        .map(|pair| {
            let pair = std::str::from_utf8(pair).unwrap_or_default();
            u8::from_str_radix(pair, 16).map_err(Error::during(format!("{pair:?} is no byte")))
        })
        .collect()
}

/// Copies a directory as it is.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    let failed =
        |what: std::io::Error| Error::new(format!("can't copy {}: {what}", from.display()));
    std::fs::create_dir_all(to).map_err(failed)?;
    for entry in std::fs::read_dir(from).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let target = to.join(entry.file_name());
        if entry.file_type().map_err(failed)?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), &target).map_err(failed)?;
        }
    }
    Ok(())
}
