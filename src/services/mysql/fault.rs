//! What a driver's or server's error means for the caller: try again, ask a person, or look first.

use mysql_async::{DriverError, Error as Mysql};

use super::endpoint::Endpoint;
use crate::services::error::{Error, Kind};

/// What the statement that failed was for: a lost answer to a write may have taken effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intent {
    /// It changes nothing outside its session.
    Read,
    /// It may change something.
    Write,
}

/// `ER_PARSE_ERROR`.
const PARSE_ERROR: u16 = 1064;

/// The server's error number, if it was the server that spoke.
#[must_use]
pub fn code(error: &Error) -> Option<u16> {
    match error.why.as_deref()?.downcast_ref::<Mysql>()? {
        Mysql::Server(server) => Some(server.code),
        _ => None,
    }
}

/// What the server says when it cannot read a statement quotes the statement, from wherever it stopped.
pub(super) fn without_statement(mut error: Mysql) -> Mysql {
    if let Mysql::Server(server) = &mut error
        && server.code == PARSE_ERROR
    {
        "the server cannot read this statement; what it quotes is left out, because a password stands in it"
            .clone_into(&mut server.message);
    }
    error
}

/// A fault while opening a session.
pub(super) fn connecting(endpoint: &Endpoint, error: Mysql) -> Error {
    let kind = match &error {
        Mysql::Server(server) => of_code(server.code).unwrap_or(Kind::Permanent),
        Mysql::Io(mysql_async::IoError::Io(_))
        | Mysql::Driver(DriverError::ConnectionClosed | DriverError::UnexpectedPacket { .. }) => Kind::Transient,
        _ => Kind::Permanent,
    };
    let next = advice(endpoint, &error);
    let fault = endpoint.error(format!("open a session as '{}'", endpoint.user), kind).because(error);
    match next {
        Some(next) => fault.next(next),
        None => fault,
    }
}

/// A fault of a statement.
pub(super) fn of_statement(endpoint: &Endpoint, doing: &str, intent: Intent, error: Mysql) -> Error {
    let kind = match &error {
        Mysql::Server(server) => match of_code(server.code) {
            // The session was ended: its statement may or may not have been carried out.
            Some(Kind::Transient) if ends_session(server.code) && intent == Intent::Write => Kind::Unknown,
            Some(kind) => kind,
            None => Kind::Permanent,
        },
        Mysql::Io(_) | Mysql::Driver(DriverError::ConnectionClosed | DriverError::PacketOutOfOrder) => match intent {
            Intent::Read => Kind::Transient,
            Intent::Write => Kind::Unknown,
        },
        _ => Kind::Permanent,
    };
    let next = advice(endpoint, &error);
    let fault = endpoint.error(doing, kind).because(error);
    match next {
        Some(next) => fault.next(next),
        None => fault,
    }
}

/// The kind of a server's error; `None` where nothing is known of it.
fn of_code(code: u16) -> Option<Kind> {
    match code {
        // Lock wait timeout, deadlock, too many connections (of the server, of the account), shutting down, killed,
        // statement timeout, nowait.
        1205 | 1213 | 1040 | 1203 | 1226 | 1053 | 1317 | 3024 | 3168 | 3572 | 4031 | 1927 => Some(Kind::Transient),
        // No such schema, table, account, routine, event, trigger.
        1049 | 1146 | 1141 | 1305 | 1539 | 1360 => Some(Kind::NotFound),
        // There already: schema, table, key.
        1007 | 1050 | 1062 => Some(Kind::Conflict),
        _ => None,
    }
}

const fn ends_session(code: u16) -> bool {
    matches!(code, 1053 | 1927 | 3168 | 4031)
}

/// A way out, for the faults that people meet.
fn advice(endpoint: &Endpoint, error: &Mysql) -> Option<String> {
    let Mysql::Server(server) = error else {
        return match error {
            Mysql::Io(mysql_async::IoError::Io(_)) => {
                Some(format!("is MySQL running at {}, and may this machine reach it?", endpoint.address()))
            }
            Mysql::Io(mysql_async::IoError::Tls(_)) => Some(
                "the server's certificate was not accepted: give its authority (`ca`), or `tls = \"required\"`"
                    .to_owned(),
            ),
            Mysql::Driver(DriverError::NoClientSslFlagFromServer) => Some(
                "the server offers no TLS: switch it on there, or set `tls = \"off\"` on a protected network"
                    .to_owned(),
            ),
            _ => None,
        };
    };
    Some(match server.code {
        1045 => format!(
            "check the password of '{user}' and from which hosts '{user}' may log in (SELECT user, host FROM mysql.user)",
            user = endpoint.user
        ),
        1044 | 1142 | 1143 | 1227 | 1370 => format!("grant '{}' what the message names", endpoint.user),
        1040 | 1203 | 1226 => "too many connections: fewer workers, or wait until some are closed".to_owned(),
        1205 => "another transaction holds the lock: look at SHOW PROCESSLIST for an old one".to_owned(),
        1418 | 1419 => "set log_bin_trust_function_creators = 1 on the server (RDS: in its parameter group)".to_owned(),
        3948 => "set local_infile = 1 on the server, or let the rows be loaded by INSERT".to_owned(),
        1290 => "the server is read-only: is it fenced, or a replica?".to_owned(),
        1153 => "max_allowed_packet of the server is smaller than the largest row: raise it there".to_owned(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use mysql_async::ServerError;

    use super::*;

    #[test]
    fn what_a_server_quotes_of_a_statement_with_a_password_is_left_out_and_nothing_else() {
        let said = |code, message: &str| {
            let (message, state) = (message.to_owned(), "42000".to_owned());
            without_statement(Mysql::Server(ServerError { code, message, state })).to_string()
        };
        let unread =
            said(PARSE_ERROR, "You have an error in your SQL syntax; ... near ''open sesame' REQUIRE SSL' at line 1");
        assert!(!unread.contains("sesame") && unread.contains("1064"), "{unread}");
        assert!(said(1819, "Your password does not satisfy the policy").contains("the policy"));
    }
}
