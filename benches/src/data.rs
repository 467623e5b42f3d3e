//! What the origin serves and what becomes of it: known to both ends, so that every byte can be
//! compared.

use bytes::Bytes;
use serde_json::{Value, json};

/// Bytes of the large bodies.
pub const LARGE: usize = 10_000_000;
/// The word that `text-replace` replaces, and by what.
pub const WORDS: (&str, &str) = ("colour", "color");

/// The body of `/`.
pub const SMALL: &[u8] = b"sixty-four bytes of plain text from the origin, and no more...\r\n";

/// Text of that many ASCII bytes; every hundredth or so is the beginning of a [`WORDS`].
pub fn text(len: usize) -> String {
    let line = "The colour of the sky is what each observer says it is; a second colour is for \
                the sea, and the third one remains without any name at all.\n";
    let mut text = line.repeat(len / line.len() + 1);
    text.truncate(len);
    text
}

/// JSON of about that many bytes: what a shop's interface may answer.
pub fn products(bytes: usize) -> String {
    let mut items: Vec<Value> = Vec::new();
    let mut size = 0;
    while size < bytes {
        let id = items.len() + 1;
        let item = json!({
            "id": id, "name": format!("Product number {id}"), "price_cents": 1000 + id * 7 % 9000,
            "internal_note": format!("supplier {}", id % 13), "tags": ["new", "blue", "large"],
            "stock": { "berlin": id % 20, "lisbon": id % 7 },
        });
        size += item.to_string().len() + 1;
        items.push(item);
    }
    json!({ "items": items }).to_string()
}

/// What the Workers `json-2k` and `json-100k` make of [`products`].
///
/// # Panics
/// When it is not that text: a mistake in this crate.
pub fn rewritten(products: &str) -> String {
    let mut data: Value = serde_json::from_str(products).expect("made by this module");
    let items = data["items"].as_array_mut().expect("made by this module");
    for item in &mut *items {
        let item = item.as_object_mut().expect("made by this module");
        item.shift_remove("internal_note");
        item.insert("currency".into(), "EUR".into());
    }
    let count = items.len();
    data["count"] = count.into();
    data.to_string()
}

/// The body at a path of the origin, with its type.
#[derive(Clone, Debug)]
pub struct Page {
    pub content_type: &'static str,
    pub body: Bytes,
}

/// All paths that the origin serves, made once.
pub fn pages() -> Vec<(&'static str, Page)> {
    let page = |content_type, body: String| Page { content_type, body: body.into() };
    vec![
        ("/", Page { content_type: "text/plain", body: Bytes::from_static(SMALL) }),
        ("/json/2k", page("application/json", products(2_000))),
        ("/json/100k", page("application/json", products(100_000))),
        ("/text/10m", page("text/plain", text(LARGE))),
        ("/api/0", page("application/json", part(0))),
        ("/api/1", page("application/json", part(1))),
        ("/api/2", page("application/json", part(2))),
        ("/api/3", page("application/json", part(3))),
        ("/new", page("text/plain", "the new page, for group b\n".into())),
    ]
}

/// What `/api/N` serves to the `subrequest-…` Workers.
pub fn part(number: usize) -> String {
    json!({ "part": number, "value": 10 * (number + 1) }).to_string()
}
