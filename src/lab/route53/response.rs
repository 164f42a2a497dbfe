//! Writing the service's XML: answers and errors, in its namespace and its order of elements.

use std::fmt::Display;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use quick_xml::escape::escape;

use super::request::NAMESPACE;
use super::world::{Accepted, HostedZone};
use crate::services::route53::{Body, Policy, RecordSet};

/// An error as the service answers it.
#[derive(Debug)]
pub struct Refused {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl Refused {
    /// HTTP 400 with the service's word for it.
    pub fn bad(code: &'static str, message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code, message: message.into() }
    }

    /// HTTP 403.
    pub fn forbidden(code: &'static str, message: impl Into<String>) -> Self {
        Self { status: StatusCode::FORBIDDEN, code, message: message.into() }
    }

    /// HTTP 404.
    pub fn missing(code: &'static str, message: impl Into<String>) -> Self {
        Self { status: StatusCode::NOT_FOUND, code, message: message.into() }
    }

    /// HTTP 500: a fault of the stand-in itself.
    pub fn broken(message: impl Into<String>) -> Self {
        Self { status: StatusCode::INTERNAL_SERVER_ERROR, code: "InternalFailure", message: message.into() }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let body = format!(
            "<ErrorResponse xmlns=\"{NAMESPACE}\"><Error><Type>Sender</Type><Code>{}</Code><Message>{}</Message></Error>\
             <RequestId>{}</RequestId></ErrorResponse>",
            self.code,
            escape(&self.message),
            request_id()
        );
        (self.status, xml(&body)).into_response()
    }
}

/// An answer with this root element around `inner`.
pub fn answer(root: &str, inner: &str) -> Response {
    xml(&format!("<{root} xmlns=\"{NAMESPACE}\">{inner}</{root}>")).into_response()
}

fn xml(body: &str) -> impl IntoResponse + use<> {
    let id = HeaderValue::from_str(&request_id()).unwrap_or(HeaderValue::from_static("none"));
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/xml")),
        (header::HeaderName::from_static("x-amzn-requestid"), id),
    ];
    (headers, format!("<?xml version=\"1.0\"?>\n{body}"))
}

fn request_id() -> String {
    hex::encode(rand::random::<[u8; 16]>())
}

/// One element around escaped text.
pub fn element(name: &str, text: impl Display) -> String {
    format!("<{name}>{}</{name}>", escape(format!("{text}")))
}

fn optional(name: &str, text: Option<&String>) -> String {
    text.map(|text| element(name, text)).unwrap_or_default()
}

/// A zone's description.
pub fn hosted_zone(zone: &HostedZone) -> String {
    format!(
        "<HostedZone>{}{}{}<Config>{}</Config>{}</HostedZone>",
        element("Id", format!("/hostedzone/{}", zone.id)),
        element("Name", &zone.name),
        element("CallerReference", format!("lab-{}", zone.id)),
        element("PrivateZone", false),
        element("ResourceRecordSetCount", zone.sets.len())
    )
}

/// A change's progress at `now`, in milliseconds of Unix time.
pub fn change_info(change: &Accepted, now: u64) -> String {
    let at =
        i64::try_from(change.submitted_at).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok()).unwrap_or_default();
    format!(
        "<ChangeInfo>{}{}{}{}</ChangeInfo>",
        element("Id", format!("/change/{}", change.id)),
        element("Status", if change.insync_at <= now { "INSYNC" } else { "PENDING" }),
        element("SubmittedAt", format!("{at:.3}")),
        optional("Comment", change.comment.as_ref())
    )
}

/// A name as the service writes it: `*` as `\052`.
pub fn wire_name(name: &str) -> String {
    name.replace('*', "\\052")
}

/// One set.
pub fn record_set(set: &RecordSet) -> String {
    let mut out = format!("<ResourceRecordSet>{}{}", element("Name", wire_name(&set.name)), element("Type", &set.kind));
    out.push_str(&optional("SetIdentifier", set.set_identifier.as_ref()));
    match &set.policy {
        Some(Policy::Weighted(weight)) => out.push_str(&element("Weight", weight)),
        Some(Policy::Latency(region)) => out.push_str(&element("Region", region)),
        Some(Policy::Failover(role)) => out.push_str(&element("Failover", role)),
        Some(Policy::Multivalue(on)) => out.push_str(&element("MultiValueAnswer", on)),
        Some(Policy::Geolocation { continent, country, subdivision }) => {
            out.push_str("<GeoLocation>");
            out.push_str(&optional("ContinentCode", continent.as_ref()));
            out.push_str(&optional("CountryCode", country.as_ref()));
            out.push_str(&optional("SubdivisionCode", subdivision.as_ref()));
            out.push_str("</GeoLocation>");
        }
        // The request's reader lets neither of these in.
        Some(Policy::Geoproximity { .. } | Policy::Cidr { .. }) | None => {}
    }
    match &set.body {
        Body::Values { ttl, values } => {
            out.push_str(&element("TTL", ttl));
            out.push_str("<ResourceRecords>");
            for value in values {
                out.push_str("<ResourceRecord>");
                out.push_str(&element("Value", value));
                out.push_str("</ResourceRecord>");
            }
            out.push_str("</ResourceRecords>");
        }
        Body::Alias(alias) => {
            out.push_str("<AliasTarget>");
            out.push_str(&element("HostedZoneId", &alias.zone_id));
            out.push_str(&element("DNSName", crate::services::route53::canonical_name(&alias.dns_name)));
            out.push_str(&element("EvaluateTargetHealth", alias.evaluate_health));
            out.push_str("</AliasTarget>");
        }
    }
    out.push_str(&optional("HealthCheckId", set.health_check.as_ref()));
    out.push_str("</ResourceRecordSet>");
    out
}
