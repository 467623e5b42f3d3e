//! Takes exports out of the filter's module.
//!
//! The SDK exports a function for everything that Envoy could tell a filter. Envoy calls each one
//! that is there, some ten times a request, and the filter has something to do in one of them:
//! what is not exported is not called.

use anyhow::{Context, Result, bail};

/// Of the functions that Envoy calls (`proxy_on_…`), those that the filter needs.
const NEEDED: [&str; 5] = [
    "proxy_on_vm_start",
    "proxy_on_configure",
    "proxy_on_context_create",
    "proxy_on_request_headers",
    "proxy_on_delete",
];

/// The id of the section with the exports (WebAssembly 2.0, section 5.5.10).
const EXPORTS: u8 = 7;

/// The module without the exports that only cost time.
pub fn trim(module: &[u8]) -> Result<Vec<u8>> {
    let mut rest = Reader(module);
    let header = rest.take(8)?;
    if !header.starts_with(b"\0asm") {
        bail!("it is no WebAssembly");
    }
    let mut out = header.to_vec();
    let mut found = false;
    while !rest.0.is_empty() {
        let id = rest.byte()?;
        let size = rest.number()?;
        let content = rest.take(size)?;
        let content = if id == EXPORTS {
            found = true;
            exports(content)?
        } else {
            content.to_vec()
        };
        out.push(id);
        number(&mut out, content.len());
        out.extend_from_slice(&content);
    }
    if !found {
        bail!("it exports nothing");
    }
    Ok(out)
}

fn exports(content: &[u8]) -> Result<Vec<u8>> {
    let mut rest = Reader(content);
    let count = rest.number()?;
    let (mut kept, mut needed) = (Vec::new(), 0);
    let mut entries = 0;
    for _ in 0..count {
        let before = rest.0;
        let length = rest.number()?;
        let name = std::str::from_utf8(rest.take(length)?)?;
        rest.byte()?;
        rest.number()?;
        let entry = &before[..before.len() - rest.0.len()];
        let is_needed = NEEDED.contains(&name);
        needed += usize::from(is_needed);
        if is_needed || !name.starts_with("proxy_on_") {
            kept.extend_from_slice(entry);
            entries += 1;
        }
    }
    if needed != NEEDED.len() {
        bail!("it lacks one of {}", NEEDED.join(", "));
    }
    let mut out = Vec::new();
    number(&mut out, entries);
    out.extend(kept);
    Ok(out)
}

struct Reader<'m>(&'m [u8]);

impl<'m> Reader<'m> {
    fn take(&mut self, count: usize) -> Result<&'m [u8]> {
        let (taken, rest) = self.0.split_at_checked(count).context("it ends too early")?;
        self.0 = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8> {
        Ok(self.take(1)?[0])
    }

    /// LEB128, unsigned.
    fn number(&mut self) -> Result<usize> {
        let mut value = 0;
        for shift in (0..32).step_by(7) {
            let byte = self.byte()?;
            value |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        bail!("it has a number that is too long")
    }
}

fn number(out: &mut Vec<u8>, mut value: usize) {
    while value > 0x7f {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn module(names: &[&str]) -> Vec<u8> {
        let mut exports = Vec::new();
        number(&mut exports, names.len());
        for (index, name) in names.iter().enumerate() {
            number(&mut exports, name.len());
            exports.extend(name.as_bytes());
            exports.push(0);
            number(&mut exports, index * 100);
        }
        let mut module = b"\0asm\x01\0\0\0".to_vec();
        module.extend([1, 1, 0]);
        module.push(EXPORTS);
        number(&mut module, exports.len());
        module.extend(exports);
        module.extend([10, 1, 0]);
        module
    }

    #[test]
    fn only_what_is_needed_stays() {
        let mut names = NEEDED.to_vec();
        names.extend(["memory", "malloc"]);
        let wanted = module(&names);
        names.extend(["proxy_on_response_headers", "proxy_on_log"]);
        let trimmed = trim(&module(&names)).unwrap();
        assert_eq!(trimmed, wanted);
        assert_eq!(trim(&trimmed).unwrap(), trimmed);
    }

    #[test]
    fn what_is_not_the_filter_is_refused() {
        assert!(trim(b"").is_err());
        assert!(trim(b"\x7fELF\x01\0\0\0").is_err());
        assert!(trim(&module(&["memory"])).is_err());
        let whole = module(&NEEDED);
        assert!(trim(&whole[..whole.len() - 2]).is_err());
    }
}
