//! AWS's request signature, version 4: checked, not only looked for.

use axum::http::{HeaderMap, Method, Uri};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use sha2::{Digest, Sha256};

use super::response::Refused;

/// How far a client's clock may be off, in seconds.
const SKEW: i64 = 300;

/// Checks that the request was signed with `key_id` and `secret`, lately.
pub fn check(
    (method, uri, headers, body): (&Method, &Uri, &HeaderMap, &[u8]),
    key_id: &str,
    secret: &str,
) -> Result<(), Refused> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let missing = || Refused::forbidden("MissingAuthenticationToken", "Missing Authentication Token");
    let incomplete =
        |what: &str| Refused::forbidden("IncompleteSignature", format!("the Authorization header has no {what}"));

    let authorization =
        header("authorization").and_then(|text| text.strip_prefix("AWS4-HMAC-SHA256")).ok_or_else(missing)?;
    let part = |name: &str| {
        authorization.split(',').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('=')).map(str::trim)
    };
    let credential = part("Credential").ok_or_else(|| incomplete("Credential"))?;
    let signed_headers = part("SignedHeaders").ok_or_else(|| incomplete("SignedHeaders"))?;
    let signature = part("Signature").ok_or_else(|| incomplete("Signature"))?;
    let date = header("x-amz-date").ok_or_else(|| incomplete("date (X-Amz-Date)"))?;

    let scope: Vec<&str> = credential.split('/').collect();
    let &[id, day, region, "route53", "aws4_request"] = scope.as_slice() else {
        return Err(Refused::forbidden(
            "SignatureDoesNotMatch",
            format!("Credential should be scoped to route53: {credential}"),
        ));
    };
    if id != key_id {
        return Err(Refused::forbidden(
            "InvalidClientTokenId",
            "The security token included in the request is invalid",
        ));
    }
    check_date(date, day)?;
    if !signed_headers.split(';').any(|name| name == "host") {
        return Err(Refused::forbidden("SignatureDoesNotMatch", "'Host' must be a signed header"));
    }

    let mut query: Vec<&str> = uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty()).collect();
    query.sort_unstable();
    let mut canonical = format!("{method}\n{}\n{}\n", uri.path(), query.join("&"));
    for name in signed_headers.split(';') {
        let value = header(name).ok_or_else(|| incomplete("signed header that it names"))?;
        let value = value.split_whitespace().collect::<Vec<_>>().join(" ");
        canonical = format!("{canonical}{name}:{value}\n");
    }
    let canonical = format!("{canonical}\n{signed_headers}\n{}", hex::encode(Sha256::digest(body)));

    let scope = format!("{day}/{region}/route53/aws4_request");
    let to_sign = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", hex::encode(Sha256::digest(canonical)));
    let key = [day, region, "route53", "aws4_request"]
        .iter()
        .fold(format!("AWS4{secret}").into_bytes(), |key, part| hmac(&key, part.as_bytes()).to_vec());
    if hex::encode(hmac(&key, to_sign.as_bytes())) == signature {
        Ok(())
    } else {
        Err(Refused::forbidden(
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access \
             Key and signing method.",
        ))
    }
}

fn check_date(date: &str, day: &str) -> Result<(), Refused> {
    let expired = |why: &str| Refused::forbidden("SignatureDoesNotMatch", format!("Signature expired: {date} {why}"));
    let at = DateTime::strptime("%Y%m%dT%H%M%SZ", date)
        .ok()
        .and_then(|at| at.to_zoned(TimeZone::UTC).ok())
        .ok_or_else(|| expired("is no date"))?;
    if !date.starts_with(day) {
        return Err(expired("is not in its scope"));
    }
    let off = (jiff::Timestamp::now().as_second() - at.timestamp().as_second()).abs();
    if off > SKEW { Err(expired("is too far from this clock")) } else { Ok(()) }
}

/// HMAC-SHA256 (RFC 2104).
fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut block = [0_u8; 64];
    if key.len() > block.len() {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let inner = Sha256::new().chain_update(block.map(|byte| byte ^ 0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(block.map(|byte| byte ^ 0x5c)).chain_update(inner).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, test case 2.
    #[test]
    fn the_mac_is_the_standards() {
        assert_eq!(
            hex::encode(hmac(b"Jefe", b"what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }
}
