//! The page itself, built in: one document with its style and its script, and what every answer says about itself.

use axum::body::Body;
use axum::http::{HeaderValue, Request};
use axum::middleware::Next;
use axum::response::Response;

/// Nothing from elsewhere, nothing inline, in nobody's frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
    img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What every answer carries.
const HEADERS: [(&str, &str); 6] = [
    ("cache-control", "no-store"),
    ("content-security-policy", POLICY),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
];

/// Puts the headers on every answer.
pub(super) async fn said_of_every_answer(request: Request<Body>, next: Next) -> Response {
    let mut answer = next.run(request).await;
    for (name, value) in HEADERS {
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    answer
}

/// The page's files: where each is served, its type and its text.
pub(super) const FILES: [(&str, &str, &str); 10] = [
    ("/", HTML, include_str!("../../assets/page/index.html")),
    ("/base.css", CSS, include_str!("../../assets/page/base.css")),
    ("/page.css", CSS, include_str!("../../assets/page/page.css")),
    ("/page.js", SCRIPT, include_str!("../../assets/page/page.js")),
    ("/draw.js", SCRIPT, include_str!("../../assets/page/draw.js")),
    ("/step.js", SCRIPT, include_str!("../../assets/page/step.js")),
    ("/preview.js", SCRIPT, include_str!("../../assets/page/preview.js")),
    ("/elements.js", SCRIPT, include_str!("../../assets/page/elements.js")),
    ("/figures.js", SCRIPT, include_str!("../../assets/page/figures.js")),
    ("/icon.svg", "image/svg+xml", include_str!("../../assets/page/icon.svg")),
];

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
