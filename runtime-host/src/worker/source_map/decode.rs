//! The source map format, ECMA-426.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::super::resolve::{self, Target};
use super::{Mapping, SourceMap};

#[derive(Deserialize)]
struct File<'a> {
    #[serde(borrow, default)]
    sources: Vec<Option<Cow<'a, str>>>,
    #[serde(rename = "sourceRoot")]
    source_root: Option<String>,
    /// Index maps have `sections` instead; bundlers for Workers do not write them.
    mappings: String,
}

/// The content of a `data:` URL after the scheme, when it is in base64 as bundlers write it.
pub fn data_url(data: &str) -> Option<Vec<u8>> {
    let (media, content) = data.split_once(',')?;
    media.ends_with(";base64").then(|| STANDARD.decode(content).ok()).flatten()
}

/// `map_path` is the map's path in the Worker's directory, which its sources are relative to.
pub fn decode(json: &[u8], map_path: &str) -> Option<SourceMap> {
    let file: File<'_> = serde_json::from_slice(json).ok()?;
    let root = file.source_root.unwrap_or_default();
    let sources = file.sources.iter().map(|source| {
        let source = format!("{root}{}", source.as_deref().unwrap_or("<unknown>"));
        match resolve::target(map_path, &format!("./{source}")) {
            // The Worker's directory itself is no file.
            Ok(Target::Path(path)) if !path.is_empty() && !source.contains("://") => path,
            _ => source,
        }
    });
    Some(SourceMap::new(sources.collect(), mappings(&file.mappings)?))
}

fn mappings(text: &str) -> Option<Vec<Mapping>> {
    let mut all = Vec::new();
    // Every field is relative to the one before; the generated column starts anew on each line.
    let (mut source, mut source_line, mut source_column) = (0_i64, 0_i64, 0_i64);
    for (line, segments) in text.split(';').enumerate() {
        let mut column = 0_i64;
        for segment in segments.split(',').filter(|segment| !segment.is_empty()) {
            let mut fields = segment.bytes();
            column += vlq(&mut fields)?;
            // A segment of one field alone belongs to no source.
            if fields.len() == 0 {
                continue;
            }
            source += vlq(&mut fields)?;
            source_line += vlq(&mut fields)?;
            source_column += vlq(&mut fields)?;
            all.push(Mapping {
                line: u32::try_from(line).ok()?,
                column: u32::try_from(column).ok()?,
                source: u32::try_from(source).ok()?,
                source_line: u32::try_from(source_line).ok()?,
                source_column: u32::try_from(source_column).ok()?,
            });
        }
    }
    Some(all)
}

/// One number: groups of five bits, the lowest first, the sign in the lowest bit of all.
fn vlq(bytes: &mut std::str::Bytes<'_>) -> Option<i64> {
    let (mut value, mut shift) = (0_i64, 0_u32);
    loop {
        let digit = i64::from(match bytes.next()? {
            byte @ b'A'..=b'Z' => byte - b'A',
            byte @ b'a'..=b'z' => byte - b'a' + 26,
            byte @ b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        });
        // The format has 32 bits.
        if shift > 30 {
            return None;
        }
        value |= (digit & 31) << shift;
        shift += 5;
        if digit & 32 == 0 {
            break;
        }
    }
    Some(if value & 1 == 1 { -(value >> 1) } else { value >> 1 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        let number = |text: &str| vlq(&mut text.bytes());
        assert_eq!(number("A"), Some(0));
        assert_eq!(number("C"), Some(1));
        assert_eq!(number("D"), Some(-1));
        assert_eq!(number("gB"), Some(16));
        assert_eq!(number("2HwcqxB"), Some(123));
        assert_eq!(number("g"), None);
        assert_eq!(number("!"), None);
        assert_eq!(number("ggggggggA"), None);
    }

    #[test]
    fn broken_maps_are_none() {
        assert!(decode(b"{}", "a.map").is_none());
        assert!(decode(br#"{"sources":["a"],"mappings":"D"}"#, "a.map").is_some());
        assert!(decode(br#"{"sources":["a"],"mappings":"DAAA"}"#, "a.map").is_none());
        assert!(decode(br#"{"sources":["a"],"mappings":"AA"}"#, "a.map").is_none());
    }

    #[test]
    fn a_source_always_has_a_name() {
        let map = decode(br#"{"sources":["../"],"mappings":"AAAA"}"#, "d/a.js.map");
        assert_eq!(map.expect("a map").lookup(0, 0), Some(("../", 0, 0)));
    }

    #[test]
    fn data_urls() {
        let json = br#"{"sources":["webpack://x/a.ts"],"mappings":"AAAA"}"#;
        let url = format!("application/json;base64,{}", STANDARD.encode(json));
        let map = decode(&data_url(&url).unwrap(), "a.js").unwrap();
        assert_eq!(map.lookup(0, 0), Some(("webpack://x/a.ts", 0, 0)));
        assert!(data_url("application/json,{}").is_none());
    }
}
