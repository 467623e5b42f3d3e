//! Pages and small APIs that the examples put a Worker in front of.

use http::{HeaderValue, Response};
use serde_json::{Value, json};

use super::body::{self, OriginBody};
use super::echo::json_response;

/// The page at a path, if there is one. Nothing here depends on time or chance.
pub fn page(path: &str) -> Option<Response<OriginBody>> {
    Some(match path {
        "/" => html("Demo origin", HOME),
        "/about" => html("About", "<p>A small shop that exists only in this demo.</p>"),
        "/new" => html("New site", "<p>This is the new version of the site.</p>"),
        "/story" => html("A story", STORY),
        "/eu" => html("Europe", "<p>Served from the European pages.</p>"),
        "/private" => html("Private", "<p>Only for those with a valid token.</p>"),
        "/api/user" => json_response(&user()),
        "/api/orders" => json_response(&orders()),
        "/api/products" => json_response(&json!({ "items": products(), "currency": "EUR" })),
        _ => return None,
    })
}

const HOME: &str = "<p>This page comes from the origin.</p>\
<ul><li><a href=\"/about\">/about</a></li><li><a href=\"/story\">/story</a></li>\
<li><a href=\"/api/user\">/api/user</a></li><li><a href=\"/api/orders\">/api/orders</a></li>\
<li><a href=\"/api/products\">/api/products</a></li>\
<li><a href=\"/anything\">/anything</a> (shows the request)</li></ul>";

const STORY: &str = "<p>Once there was a colour named grey.</p>\
<p>Every colour in the box was brighter, yet grey made each other colour look its best.</p>";

fn html(title: &str, content: &str) -> Response<OriginBody> {
    let text = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         </head>\n<body><h1>{title}</h1>\n{content}\n</body></html>\n"
    );
    let mut response = Response::new(body::full(text));
    let headers = response.headers_mut();
    headers.insert("content-type", HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert("x-origin", HeaderValue::from_static("demo"));
    headers.insert("x-powered-by", HeaderValue::from_static("demo-origin"));
    response
}

fn user() -> Value {
    json!({ "id": 7, "name": "Ada", "plan": "pro" })
}

fn orders() -> Value {
    json!([
        { "id": 1001, "product": "lamp", "cents": 4900 },
        { "id": 1002, "product": "desk", "cents": 19900 },
    ])
}

fn products() -> Value {
    json!([
        { "sku": "lamp", "cents": 4900, "internal_cost_cents": 2100 },
        { "sku": "desk", "cents": 19900, "internal_cost_cents": 11000 },
    ])
}
