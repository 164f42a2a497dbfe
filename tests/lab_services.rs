//! The lab's own services, up for real: how strict the managed server is, what the front promises, what a
//! reset leaves. One test, because it works on the one lab of this machine, step after step.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by ending")]

use std::time::{Duration, Instant};

use cutover::lab::{Lab, Part, State, UpOptions, directory, managed_mysql, registry, rev1};
use cutover::services::docker::Engine;
use cutover::services::front::{Front, Mode, Side, Transport};
use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, OptsBuilder, SslOpts};
use serde_json::Value;

const PARTS: &[Part] = &[Part::Rev1, Part::ManagedMysql, Part::Registry];
/// `ER_SPECIFIC_ACCESS_DENIED_ERROR`: a privilege is missing.
const NO_PRIVILEGE: u16 = 1227;
/// `ER_SIGNAL_EXCEPTION`: a procedure of the platform refused.
const REFUSED: u16 = 1644;

fn secret(name: &str) -> String {
    std::fs::read_to_string(directory().join("secrets").join(name)).unwrap()
}

async fn connect(address: &str, user: &str, secret_name: &str) -> Conn {
    cutover::services::tls::ready();
    let options = OptsBuilder::default()
        .ip_or_hostname(address)
        .user(Some(user))
        .pass(Some(secret(secret_name)))
        .ssl_opts(Some(SslOpts::default().with_danger_accept_invalid_certs(true)));
    Conn::new(options).await.unwrap()
}

/// The error's number, or 0 where the server did it.
async fn code(conn: &mut Conn, sql: &str) -> u16 {
    match conn.query_drop(sql).await {
        Ok(()) => 0,
        Err(mysql_async::Error::Server(error)) => error.code,
        Err(other) => panic!("{sql}: {other}"),
    }
}

async fn one(conn: &mut Conn, sql: &str) -> String {
    conn.query_first(sql).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lab_is_real_and_strict_and_begins_anew() {
    let lab = Lab::open(directory()).unwrap();
    let options = UpOptions { rows: Some(2000), only: PARTS.to_vec(), install: false };
    lab.up(&options, &|news| eprintln!("{:?} {}", news.part, news.text)).await.unwrap();

    let again = Instant::now();
    lab.up(&options, &|_| ()).await.unwrap();
    assert!(again.elapsed() < Duration::from_secs(10), "a second `up` took {:?}", again.elapsed());
    for (part, state) in lab.status().await.unwrap() {
        assert!(!PARTS.contains(&part) || state == State::Ready, "{part}: {state:?}");
    }

    // Another test may have worked on this lab before.
    lab.reset(&|_| ()).await.unwrap();
    let before = identities().await;

    rev1_is_as_found_in_the_wild().await;
    the_managed_admin_may_little().await;
    the_platforms_procedures_check_what_they_are_given().await;
    the_platform_minds_its_own_business().await;
    the_front_holds_and_goes_on().await;
    the_registry_wants_its_password().await;

    lab.reset(&|_| ()).await.unwrap();
    assert_eq!(identities().await, before, "a server's UUID does not change with the world");
    let mut source = connect(rev1::ADDRESS, rev1::ADMIN, "rev1-admin").await;
    assert_eq!(one(&mut source, "SELECT COUNT(*) FROM shop.writes").await, "0", "a fresh world has no writes");
    assert_eq!(one(&mut source, "SELECT COUNT(*) FROM shop.tenants").await, "6000");
}

async fn identities() -> (String, String) {
    let mut source = connect(rev1::ADDRESS, rev1::ADMIN, "rev1-admin").await;
    let mut target = connect(managed_mysql::ADDRESS, managed_mysql::ADMIN, "managed-admin").await;
    let pair = (one(&mut source, "SELECT @@server_uuid").await, one(&mut target, "SELECT @@server_uuid").await);
    assert_ne!(pair.0, pair.1);
    pair
}

async fn rev1_is_as_found_in_the_wild() {
    let mut source = connect(rev1::ADDRESS, rev1::ADMIN, "rev1-admin").await;
    assert_eq!(one(&mut source, "SELECT @@gtid_mode").await, "OFF");
    assert_eq!(one(&mut source, "SELECT CONCAT(@@log_bin, @@performance_schema)").await, "11");
    assert!(one(&mut source, "SELECT VERSION()").await.starts_with("9.7"));
    let unbalanced = "SELECT COUNT(*) FROM (SELECT order_id FROM shop.ledger GROUP BY order_id \
                      HAVING SUM(IF(side = 'credit', amount, -amount)) <> 0) x";
    assert_eq!(one(&mut source, unbalanced).await, "0", "double entry");
    assert_ne!(one(&mut source, "SELECT COUNT(*) FROM shop.orders").await, "0");

    let mut app = connect(rev1::ADDRESS, rev1::APP, "rev1-app").await;
    assert_eq!(code(&mut app, "CREATE TABLE shop.x (i INT)").await, 1142);
}

async fn the_managed_admin_may_little() {
    let mut admin = connect(managed_mysql::ADDRESS, managed_mysql::ADMIN, "managed-admin").await;
    for sql in [
        "SET GLOBAL super_read_only = ON",
        "SET PERSIST max_connections = 10",
        "SET SESSION sql_log_bin = 0",
        "SET GLOBAL gtid_purged = '+00000000-0000-0000-0000-00000000000a:1'",
        "FLUSH TABLES WITH READ LOCK",
        "CHANGE REPLICATION SOURCE TO SOURCE_HOST = '172.30.77.10'",
        "START REPLICA",
        "STOP REPLICA",
        "RESET BINARY LOGS AND GTIDS",
        "PURGE BINARY LOGS BEFORE NOW()",
        "LOCK INSTANCE FOR BACKUP",
        "ALTER USER rdsadmin@localhost ACCOUNT LOCK",
    ] {
        assert_eq!(code(&mut admin, sql).await, NO_PRIVILEGE, "{sql}");
    }
    assert_eq!(code(&mut admin, "UPDATE mysql.user SET user = 'x'").await, 1142);
    assert_eq!(code(&mut admin, "DROP PROCEDURE mysql.rds_kill").await, 1370);

    // Other people's sessions end through the procedure only.
    admin.query_drop("CREATE USER IF NOT EXISTS victim@'%' IDENTIFIED BY 'victim'").await.unwrap();
    let options = OptsBuilder::default()
        .ip_or_hostname(managed_mysql::ADDRESS)
        .user(Some("victim"))
        .pass(Some("victim"))
        .ssl_opts(Some(SslOpts::default().with_danger_accept_invalid_certs(true)));
    let mut victim = Conn::new(options).await.unwrap();
    let id = one(&mut victim, "SELECT CONNECTION_ID()").await;
    assert_eq!(code(&mut admin, &format!("KILL {id}")).await, 1095);
    assert_eq!(code(&mut admin, &format!("CALL mysql.rds_kill({id})")).await, 0);
    assert!(victim.query_drop("SELECT 1").await.is_err());
    admin.query_drop("DROP USER victim@'%'").await.unwrap();
}

async fn the_platforms_procedures_check_what_they_are_given() {
    let mut admin = connect(managed_mysql::ADDRESS, managed_mysql::ADMIN, "managed-admin").await;
    let purged = "CALL mysql.rds_set_external_source_gtid_purged";
    let other = "'00000000-0000-0000-0000-00000000000b'";
    for sql in [
        "CALL mysql.rds_kill(999999999)".to_owned(),
        "CALL mysql.rds_start_replication()".to_owned(),
        "CALL mysql.rds_set_configuration('no such thing', 1)".to_owned(),
        "CALL mysql.rds_set_configuration('binlog retention hours', 169)".to_owned(),
        "CALL mysql.rds_set_external_source_with_auto_position('', 3306, 'u', 'p', 1, 0)".to_owned(),
        "CALL mysql.rds_set_external_source_with_auto_position('h', 0, 'u', 'p', 1, 0)".to_owned(),
        "CALL mysql.rds_set_external_source_with_auto_position('h', 3306, 'u', 'p', 2, 0)".to_owned(),
        format!("{purged}(@@server_uuid, 1, 2)"),
        format!("{purged}('not a uuid', 1, 2)"),
        format!("{purged}({other}, 3, 2)"),
    ] {
        assert_eq!(code(&mut admin, &sql).await, REFUSED, "{sql}");
    }
    assert_eq!(code(&mut admin, &format!("{purged}({other}, 1, 5)")).await, 0);
    assert_eq!(code(&mut admin, &format!("{purged}({other}, 5, 8)")).await, REFUSED, "an overlap");
    assert_eq!(code(&mut admin, &format!("{purged}({other}, 6, 8)")).await, 0);
    assert!(one(&mut admin, "SELECT @@gtid_purged").await.contains("00000000000b:1-8"));

    // A channel to an address where nobody answers replicates all the same, as far as the checks go.
    let source = "CALL mysql.rds_set_external_source_with_auto_position('172.30.77.254', 3306, 'u', 'p', 1, 0)";
    assert_eq!(code(&mut admin, source).await, 0);
    assert_eq!(code(&mut admin, "CALL mysql.rds_start_replication()").await, 0);
    assert_eq!(code(&mut admin, source).await, REFUSED, "while replicating");
    assert_eq!(code(&mut admin, &format!("{purged}({other}, 9, 9)")).await, REFUSED, "while replicating");
    assert_eq!(code(&mut admin, "CALL mysql.rds_stop_replication()").await, 0);
    assert_eq!(code(&mut admin, "CALL mysql.rds_reset_external_source()").await, 0);
}

async fn the_platform_minds_its_own_business() {
    let mut admin = connect(managed_mysql::ADDRESS, managed_mysql::ADMIN, "managed-admin").await;
    assert_eq!(one(&mut admin, "SELECT @@performance_schema").await, "0");
    let beat = "SELECT CAST(value AS CHAR) FROM mysql.rds_heartbeat2";
    let first = one(&mut admin, beat).await;
    let deadline = Instant::now() + Duration::from_secs(10);
    while one(&mut admin, beat).await == first {
        assert!(Instant::now() < deadline, "no heartbeat in 10 s");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // Without a retention binary logs are gone soon.
    let oldest = "SELECT GTID_SUBTRACT(@@gtid_purged, '')";
    let purged = one(&mut admin, oldest).await;
    let deadline = Instant::now() + Duration::from_mins(1);
    while one(&mut admin, oldest).await == purged {
        assert!(Instant::now() < deadline, "binary logs are kept without a retention");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

async fn the_front_holds_and_goes_on() {
    let engine = Engine::connect(None).await.unwrap();
    let front = Front::over(Transport::Container(Box::new(engine), rev1::CONTAINER.to_owned()));
    assert_eq!(front.status().await.unwrap().mode, Mode::Direct);
    let address = format!("http://{}", rev1::ADDRESS);
    let client = reqwest::Client::new();
    let read = async || client.get(format!("{address}/t/7/balance")).send().await.unwrap();
    let write = async |attempt: u32| {
        let body = format!("{{\"attempt\":\"00000000-0000-4000-8000-{attempt:012}\",\"amount\":5}}");
        let request = client.post(format!("{address}/t/7/payments")).header("Content-Type", "application/json");
        request.body(body).send().await.unwrap()
    };
    let mode = |response: &reqwest::Response| response.headers()["x-front-mode"].to_str().unwrap().to_owned();

    let answer = read().await;
    assert_eq!((answer.status().as_u16(), mode(&answer).as_str()), (200, "direct"));
    assert_eq!(answer.headers()["x-app-build"], "rev1");
    assert_eq!(client.get(format!("{address}/t/6001/balance")).send().await.unwrap().status(), 404);
    let balance = |answer: &str| serde_json::from_str::<Value>(answer).unwrap()["balance"].as_i64().unwrap();
    let before = balance(&answer.text().await.unwrap());
    assert_eq!(write(1).await.status(), 201);
    assert_eq!(balance(&read().await.text().await.unwrap()), before + 5);

    front.hold().await.unwrap();
    front.drained(Side::Old, Duration::from_secs(5)).await.unwrap();
    let held = write(2).await;
    assert_eq!((held.status().as_u16(), mode(&held).as_str()), (503, "hold"));
    assert_eq!(held.headers()["retry-after"], "1");
    assert_eq!(read().await.status(), 200, "reads go on");
    front.direct(Duration::from_secs(5)).await.unwrap();

    // The backend itself stands in for the new side: the front's way there is what is tried.
    let new = format!("{}:8080", rev1::ADDRESS);
    front.stage(&new, &new).await.unwrap();
    assert_eq!(read().await.headers()["x-front-mode"], "direct", "staging changes nothing");
    front.relay(Duration::from_secs(5)).await.unwrap();
    let relayed = write(3).await;
    assert_eq!((relayed.status().as_u16(), mode(&relayed).as_str()), (201, "relay"));
    assert_eq!(front.hits().await.unwrap(), 1);
    front.direct(Duration::from_secs(5)).await.unwrap();
    assert_eq!(write(4).await.headers()["x-front-mode"], "direct");

    let mut source = connect(rev1::ADDRESS, rev1::ADMIN, "rev1-admin").await;
    let attempts = "SELECT GROUP_CONCAT(RIGHT(attempt, 1) ORDER BY id) FROM shop.writes";
    assert_eq!(one(&mut source, attempts).await, "1,3,4", "what was acknowledged is there, what was held is not");
}

async fn the_registry_wants_its_password() {
    let client = reqwest::Client::new();
    let catalog = format!("http://{}/v2/_catalog", registry::PUSH_ADDRESS);
    assert_eq!(client.get(&catalog).send().await.unwrap().status(), 401);
    let asked = client.get(&catalog).basic_auth(registry::USER, Some(secret("registry")));
    assert_eq!(asked.send().await.unwrap().status(), 200);
}
