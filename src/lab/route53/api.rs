//! The HTTP side: Route 53's operations under `/2013-04-01`, and the lab's own under `/lab`.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use super::batch;
use super::listing::{self, Start};
use super::request;
use super::response::{Refused, answer, change_info, element, hosted_zone, record_set, wire_name};
use super::service::{Service, lock};
use super::signature;
use super::world::{Accepted, Seed, now};
use crate::services::route53::canonical_name;

type Answer = Result<Response, Refused>;

/// All paths.
pub fn router(service: Arc<Service>) -> Router {
    Router::new()
        .route("/lab/changes", get(changes))
        .route("/lab/reset", post(reset))
        .route("/lab/status", get(status))
        .fallback(route53)
        .with_state(service)
}

/// One request of the real API: signature, allowance, then the operation.
async fn route53(
    State(service): State<Arc<Service>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let (id, secret) = service.keys();
    let allowed = signature::check((&method, &uri, &headers, &body), id, secret).and_then(|()| service.throttle());
    match allowed {
        Ok(()) => operation(&service, &method, &uri, &body).await.unwrap_or_else(IntoResponse::into_response),
        Err(refused) => refused.into_response(),
    }
}

async fn operation(service: &Service, method: &Method, uri: &Uri, body: &[u8]) -> Answer {
    let path: Vec<&str> = uri.path().trim_matches('/').split('/').collect();
    let query = parameters(uri)?;
    match (method.as_str(), path.as_slice()) {
        ("GET", ["2013-04-01", "hostedzone"]) => Ok(list_zones(service)),
        ("GET", ["2013-04-01", "hostedzonesbyname"]) => list_zones_by_name(service, &query),
        ("GET", ["2013-04-01", "hostedzone", id]) => get_zone(service, id),
        ("GET", ["2013-04-01", "hostedzone", id, "rrset"]) => list_sets(service, id, &query),
        ("POST", ["2013-04-01", "hostedzone", id, "rrset"]) => change_sets(service, id, body).await,
        ("GET", ["2013-04-01", "change", id]) => get_change(service, id),
        _ => Err(Refused::missing("UnknownOperationException", format!("{method} {} is not served here", uri.path()))),
    }
}

fn parameters(uri: &Uri) -> Result<HashMap<String, String>, Refused> {
    let mut parameters = HashMap::new();
    for pair in uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = decode(value)
            .ok_or_else(|| Refused::bad("InvalidInput", format!("'{value}' is not percent-encoded text")))?;
        parameters.insert(key.to_owned(), value);
    }
    Ok(parameters)
}

fn decode(text: &str) -> Option<String> {
    let mut out = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digits = [bytes.next()?, bytes.next()?];
            out.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
        } else {
            out.push(byte);
        }
    }
    String::from_utf8(out).ok()
}

fn list_zones(service: &Service) -> Response {
    let world = service.world();
    let zones: String = world.zones().filter(|zone| zone.owned).map(hosted_zone).collect();
    answer(
        "ListHostedZonesResponse",
        &format!("<HostedZones>{zones}</HostedZones>{}{}", element("IsTruncated", false), element("MaxItems", 100)),
    )
}

fn list_zones_by_name(service: &Service, query: &HashMap<String, String>) -> Answer {
    if query.contains_key("hostedzoneid") && !query.contains_key("dnsname") {
        return Err(Refused::bad("InvalidInput", "HostedZoneId needs DNSName"));
    }
    let start = query.get("dnsname").map(|name| canonical_name(name));
    let world = service.world();
    let mut zones: Vec<_> = world.zones().filter(|zone| zone.owned).collect();
    zones.sort_by_key(|zone| listing::reversed(&zone.name));
    zones.retain(|zone| start.as_ref().is_none_or(|start| listing::reversed(&zone.name) >= listing::reversed(start)));
    let zones: String = zones.into_iter().map(hosted_zone).collect();
    let asked = start.map(|name| element("DNSName", name)).unwrap_or_default();
    Ok(answer(
        "ListHostedZonesByNameResponse",
        &format!(
            "<HostedZones>{zones}</HostedZones>{asked}{}{}",
            element("IsTruncated", false),
            element("MaxItems", 100)
        ),
    ))
}

fn no_zone(id: &str) -> Refused {
    Refused::missing("NoSuchHostedZone", format!("No hosted zone found with ID: {id}"))
}

fn get_zone(service: &Service, id: &str) -> Answer {
    let world = service.world();
    let zone = world.owned(id).ok_or_else(|| no_zone(id))?;
    let servers: String = zone.name_servers.iter().map(|server| element("NameServer", server)).collect();
    let set = format!("<DelegationSet><NameServers>{servers}</NameServers></DelegationSet>");
    Ok(answer("GetHostedZoneResponse", &format!("{}{set}", hosted_zone(zone))))
}

fn list_sets(service: &Service, id: &str, query: &HashMap<String, String>) -> Answer {
    let start = Start::read(query).map_err(|message| Refused::bad("InvalidInput", message))?;
    let world = service.world();
    let zone = world.owned(id).ok_or_else(|| no_zone(id))?;
    let (page, next) = listing::page(&zone.sets, &start);
    let sets: String = page.iter().map(|set| record_set(set)).collect();
    let mut tail = element("IsTruncated", next.is_some());
    if let Some(next) = next {
        tail.push_str(&element("NextRecordName", wire_name(&next.name)));
        tail.push_str(&element("NextRecordType", &next.kind));
        tail.push_str(&next.set_identifier.as_ref().map(|id| element("NextRecordIdentifier", id)).unwrap_or_default());
    }
    tail.push_str(&element("MaxItems", start.most));
    Ok(answer("ListResourceRecordSetsResponse", &format!("<ResourceRecordSets>{sets}</ResourceRecordSets>{tail}")))
}

async fn change_sets(service: &Service, id: &str, body: &[u8]) -> Answer {
    let text =
        std::str::from_utf8(body).map_err(|_| Refused::bad("InvalidInput", "Invalid XML ; the body is not UTF-8"))?;
    let batch = request::parse(text).map_err(|message| Refused::bad("InvalidInput", message))?;
    if service.world().owned(id).is_none() {
        return Err(no_zone(id));
    }
    // One change of a zone at a time: whoever comes in between is sent away, as on the real service.
    let _turn = service.take_zone(id).await?;
    let mut world = service.world();
    let zone = world.owned(id).ok_or_else(|| no_zone(id))?;
    let after = batch::apply(zone, &batch.edits, |id| world.zone(id))
        .map_err(|faults| Refused::bad("InvalidChangeBatch", format!("[{}]", faults.join(", "))))?;
    let submitted_at = now();
    let change = Accepted {
        id: format!("C{}", hex::encode_upper(rand::random::<[u8; 10]>())),
        zone: id.to_owned(),
        submitted_at,
        insync_at: submitted_at.saturating_add(service.pending_ms()),
        comment: batch.comment,
        by: service.keys().0.to_owned(),
        edits: batch.edits,
        after: Some(after),
    };
    let info = change_info(&change, submitted_at);
    let before = world.clone();
    world.accept(change);
    if let Err(error) = service.save(&world) {
        *world = before;
        return Err(Refused::broken(format!("keep the zone on disk: {error}")));
    }
    Ok(answer("ChangeResourceRecordSetsResponse", &info))
}

fn get_change(service: &Service, id: &str) -> Answer {
    let world = service.world();
    let change = world
        .changes()
        .iter()
        .find(|change| change.id == id)
        .ok_or_else(|| Refused::missing("NoSuchChange", format!("Could not find resource with ID: {id}")))?;
    Ok(answer("GetChangeResponse", &change_info(change, now())))
}

/// Every accepted change, one JSON object a line, the oldest first.
async fn changes(State(service): State<Arc<Service>>) -> Response {
    let mut lines = String::new();
    for change in service.world().changes() {
        let line = serde_json::json!({
            "id": change.id, "zone": change.zone, "submitted_at": change.submitted_at, "insync_at": change.insync_at,
            "comment": change.comment, "by": change.by, "edits": change.edits,
        });
        lines.push_str(&line.to_string());
        lines.push('\n');
    }
    ([("content-type", "application/jsonl")], lines).into_response()
}

/// A fresh zone, from the seed in the body or the last one given; an empty body keeps the last.
async fn reset(State(service): State<Arc<Service>>, body: Bytes) -> Response {
    let seed = if body.is_empty() {
        Ok(service.world().seed().clone())
    } else {
        serde_json::from_slice::<Seed>(&body).map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))
    };
    let reset = seed
        .and_then(|seed| service.reset(seed).map_err(|error| (StatusCode::INTERNAL_SERVER_ERROR, error.to_string())));
    match reset {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(refused) => refused.into_response(),
    }
}

/// Where DNS is answered, and from what a reset starts.
async fn status(State(service): State<Arc<Service>>) -> Response {
    let dns: Vec<String> = lock(&service.bound).iter().map(ToString::to_string).collect();
    axum::Json(serde_json::json!({ "pid": std::process::id(), "dns": dns, "seed": service.world().seed() }))
        .into_response()
}
