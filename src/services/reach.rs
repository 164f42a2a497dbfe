//! Whether an address takes connections from this machine, and how long that takes.

use std::time::{Duration, Instant};

use tokio::net::TcpStream;

use super::{Error, Kind, Result};

/// How long an address may take to answer before it counts as not reached.
pub const PATIENCE: Duration = Duration::from_secs(3);

/// Opens a TCP connection to `address` (`host:port`), closes it again, and says how long it took, the look-up
/// of the name included.
pub async fn dial(service: &str, address: &str) -> Result<Duration> {
    let began = Instant::now();
    let fault = |why: String| {
        Error::new(service, address, "connect", Kind::Transient)
            .because(why)
            .next(format!("let this machine reach {address}: firewall, security group, VPN or an SSH tunnel"))
    };
    match tokio::time::timeout(PATIENCE, TcpStream::connect(address)).await {
        Ok(Ok(_)) => Ok(began.elapsed()),
        Ok(Err(why)) => Err(fault(why.to_string())),
        Err(_) => Err(fault(format!("no answer within {} s", PATIENCE.as_secs()))),
    }
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn a_closed_port_is_not_reached_and_an_open_one_is() {
        let open = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = open.local_addr().unwrap().to_string();
        assert!(super::dial("test", &address).await.is_ok());
        drop(open);
        let error = super::dial("test", &address).await.unwrap_err();
        assert!(error.next.unwrap().contains(&address));
    }
}
