//! The runbook of a switch, for tests: the steps around it, with what a test says of them.

use super::Terms;
use crate::old_and_new::{OldAndNew, address};
use crate::standin;

pub fn runbook(world: &OldAndNew, standin: &standin::Lab, terms: &Terms) -> String {
    let word = world.secrets.path().join("word").display().to_string();
    let (old, managed) = (address(&world.old), address(&world.managed));
    format!(
        r#"
name = "switch"
environment = "lab"
front = {{ container = "{front}" }}
[service]
name = "shop"
host = "app.lab.example"
[source]
address = "{old}"
schemas = ["shop"]
application = {{ user = "shop", password = {{ file = "{word}" }} }}
{source}
[source.mysql]
host = "{old}"
user = "cutover_admin"
password = {{ file = "{word}" }}
replication = {{ user = "cutover_repl", password = {{ file = "{word}" }} }}
[target]
application = {{ user = "shop_app", password = {{ file = "{word}" }} }}
[target.mysql]
host = "{managed}"
user = "admin"
password = {{ file = "{word}" }}
replication = {{ user = "cutover_back", password = {{ file = "{word}" }} }}
[dns]
zone = "ZLABEXAMPLE0001"
record = "app.lab.example"
resolvers = ["{dns}"]
servers = ["{dns}"]
endpoint = "{api}"
credentials = {{ id = {{ file = "{id}" }}, secret = {{ file = "{secret}" }} }}
[probe]
header = "X-App-Build"
read = {{ path = "/t/1/balance" }}
write = {{ method = "POST", path = "/t/1/payments", body = "{{\"attempt\":\"{{id}}\",\"amount\":1}}", expect = 201 }}
ca = "{ca}"
[[step]]
id = "prepare"
action = "mysql.prepare"
owner = "database"
day = 1
with = {{ binlog_retention_hours = 48 }}
[[step]]
id = "lower-ttl"
action = "dns.lower-ttl"
owner = "lead"
day = 1
with = {{ ttl = "1s" }}
[[step]]
id = "deploy"
action = "kubernetes.deploy"
owner = "platform"
day = 1
with = {{ image = "x", port = 8080, live = "/healthz", ready = "/readyz", database_env = "DATABASE_URL", build_env = "APP_BUILD" }}
[[step]]
id = "restore"
action = "mysql.restore"
owner = "database"
day = 1
with = {{ {restore} }}
[[step]]
id = "dns"
action = "dns.switch"
owner = "lead"
day = 1
with = {{ address = "{new}", budget = "{budget}" }}
[[step]]
id = "settle"
action = "settle"
owner = "lead"
day = 1
with = {{ soak = "2s", ttl = "60s", stop_source = [["docker", "exec", "{front}", "rev1-ctl", "stop", "backend", "mysql"]] }}
"#,
        front = world.old,
        source = terms.source,
        restore = terms.restore,
        budget = terms.budget,
        dns = standin.dns(),
        api = standin.standin.endpoint(),
        id = world.secrets.path().join("aws-id").display(),
        secret = world.secrets.path().join("aws-secret").display(),
        ca = world.secrets.path().join("app.crt").display(),
        new = address(&world.new),
    )
}
