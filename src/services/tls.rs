//! One provider of cryptography for the whole process.
//!
//! Two are compiled in: the AWS client brings aws-lc, MySQL and Kubernetes bring ring. A library that asks
//! rustls for "the" provider panics while there is none in force, so every adapter that opens a TLS
//! connection calls [`ready`] first.

use std::sync::Once;

static READY: Once = Once::new();

/// Puts ring in force, unless a provider is in force already. Cheap to call again.
pub fn ready() {
    READY.call_once(|| {
        // An error says that somebody was first: then there is a provider, which is all that is wanted.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_provider_is_in_force_afterwards() {
        super::ready();
        super::ready();
        assert!(rustls::crypto::CryptoProvider::get_default().is_some());
    }
}
