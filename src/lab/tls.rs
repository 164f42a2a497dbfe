//! The lab's certificate authority and the service's certificate, made once with `rcgen`.

use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};

use super::files;
use super::site::fault;
use crate::services::Result;

/// The name that tenants use; the certificate is for it.
pub const SERVICE_NAME: &str = "app.lab.example";

/// Makes `ca.crt`, `app.crt` and `app.key` in `directory` unless all three are there.
pub fn ensure(directory: &Path) -> Result<()> {
    let names = ["ca.crt", "app.crt", "app.key"];
    if names.iter().all(|name| directory.join(name).is_file()) {
        return Ok(());
    }
    let all = make().map_err(|why| fault(directory, "make the certificates").because(why))?;
    for (name, content) in names.iter().zip([&all.authority, &all.certificate, &all.key]) {
        let path = directory.join(name);
        let mode = if *name == "app.key" { 0o600 } else { 0o644 };
        files::write(&path, content.as_bytes(), mode).map_err(|why| fault(&path, "keep it").because(why))?;
    }
    Ok(())
}

struct Made {
    authority: String,
    certificate: String,
    key: String,
}

fn make() -> std::result::Result<Made, rcgen::Error> {
    let root_key = KeyPair::generate()?;
    let mut authority = CertificateParams::default();
    authority.distinguished_name.push(DnType::CommonName, "cutover lab authority");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let signed_by_itself = authority.self_signed(&root_key)?;
    let issuer = Issuer::new(authority, root_key);

    let key = KeyPair::generate()?;
    let mut service = CertificateParams::new(vec![SERVICE_NAME.to_owned()])?;
    service.distinguished_name.push(DnType::CommonName, SERVICE_NAME);
    service.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    service.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let signed = service.signed_by(&key, &issuer)?;
    Ok(Made { authority: signed_by_itself.pem(), certificate: signed.pem(), key: key.serialize_pem() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_are_made_once() {
        let directory = tempfile::tempdir().unwrap();
        ensure(directory.path()).unwrap();
        let first = std::fs::read(directory.path().join("app.crt")).unwrap();
        ensure(directory.path()).unwrap();
        assert_eq!(std::fs::read(directory.path().join("app.crt")).unwrap(), first);
        assert!(std::fs::read_to_string(directory.path().join("app.key")).unwrap().contains("PRIVATE KEY"));
    }
}
