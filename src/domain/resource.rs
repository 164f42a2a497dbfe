//! The name of one thing in the outside world, the same wherever it is said.
//!
//! An effect names what it touches, the inventory names what it finds, and both go through the constructors
//! here: so a change is explained by an effect exactly when the two names meet. The text form is
//! `SERVICE/KIND/NAME`.

use std::fmt::{self, Display};
use std::path::Path;

use serde::{Deserialize, Serialize};

/// One thing in the outside world: `docker/image/shop:1`, `kubernetes/Deployment/shop/web`,
/// `target-mysql/table/shop.orders`, `route53/record/Z1/app.lab.example. A`, `file/etc/hosts`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Resource(String);

/// One of the two sides of a migration, each with a MySQL server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The one that tenants come from.
    Source,
    /// The one that they go to.
    Target,
}

/// The old side's server, as failures, fences and identities name it.
pub const SOURCE: &str = "source MySQL";
/// The new side's.
pub const TARGET: &str = "target MySQL";

/// What a database holds, as kinds of resource.
const INSIDE_A_DATABASE: &[&str] = &["table", "view", "procedure", "function", "trigger", "event"];

impl Resource {
    fn new(service: &str, kind: &str, name: impl Display) -> Self {
        Self(format!("{service}/{kind}/{name}"))
    }

    /// A container of the Docker engine, by name.
    pub fn container(name: &str) -> Self {
        Self::new("docker", "container", name)
    }

    /// An image of the Docker engine: its reference with tag, or its id where it has none.
    pub fn image(reference: &str) -> Self {
        Self::new("docker", "image", reference)
    }

    /// A volume of the Docker engine.
    pub fn volume(name: &str) -> Self {
        Self::new("docker", "volume", name)
    }

    /// A network of the Docker engine.
    pub fn network(name: &str) -> Self {
        Self::new("docker", "network", name)
    }

    /// A service as a whole, such as a server that was stopped: it explains everything that it would tell of.
    pub fn whole(service: &str) -> Self {
        Self::new(service, "service", "itself")
    }

    /// An API object. The group is part of the kind only where it is not one of Kubernetes' own: those
    /// share no kind among them, except Event.
    pub fn object(api_version: &str, kind: &str, namespace: Option<&str>, name: &str) -> Self {
        let kind = match api_version.split_once('/') {
            Some((group, _)) if group.contains('.') && !group.ends_with(".k8s.io") => format!("{kind}.{group}"),
            _ => kind.to_owned(),
        };
        match namespace {
            Some(namespace) => Self::new("kubernetes", &kind, format_args!("{namespace}/{name}")),
            None => Self::new("kubernetes", &kind, name),
        }
    }

    /// A tag in the registry.
    pub fn tag(repository: &str, tag: &str) -> Self {
        Self::new("registry", "tag", format_args!("{repository}:{tag}"))
    }

    /// A hosted zone, by id; it explains its record sets.
    pub fn zone(id: &str) -> Self {
        Self::new("route53", "zone", zone_id(id))
    }

    /// A record set: absolute name, type, and the identifier that sets of one name and type differ by.
    pub fn record(zone: &str, name: &str, kind: impl Display, identifier: Option<&str>) -> Self {
        let name = name.trim_end_matches('.').to_lowercase();
        let identifier = identifier.map(|identifier| format!(" {identifier}")).unwrap_or_default();
        Self::new("route53", "record", format_args!("{}/{name}. {kind}{identifier}", zone_id(zone)))
    }

    /// Which way the front at the old address passes requests, and where to.
    pub fn front() -> Self {
        Self::new("front", "setting", "way")
    }

    /// A file or a directory by its absolute path; a directory explains what is in it.
    pub fn file(path: &Path) -> Self {
        Self(format!("file/{}", path.display().to_string().trim_matches('/')))
    }

    /// The text form.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The service that it is asked of.
    pub fn service(&self) -> &str {
        self.0.split('/').next().unwrap_or_default()
    }

    /// Whether who touched this one touched the other as well: the same thing, or one that lies within it. A
    /// service as a whole explains all that is in it, a database its tables and routines, an account its
    /// grants, a variable its persisted value, a channel its filter, a zone its records, a directory its
    /// files. A namespace explains nothing but itself: anybody may put objects into it.
    pub fn explains(&self, other: &Self) -> bool {
        if self == other {
            return true;
        }
        if let (Some(directory), Some(path)) = (self.0.strip_prefix("file/"), other.0.strip_prefix("file/")) {
            return path.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'));
        }
        let (Some((service, kind, name)), Some((others, inner, inside))) = (self.parts(), other.parts()) else {
            return false;
        };
        let follows = |by: &str| inside.strip_prefix(name).is_some_and(|rest| rest.starts_with(by));
        service == others
            && match kind {
                "service" => true,
                "database" => INSIDE_A_DATABASE.contains(&inner) && follows("."),
                "user" => inner == "grant" && follows(" on "),
                "variable" => inner == "persisted" && inside == name,
                "channel" => inner == "filter" && inside == name,
                "zone" => inner == "record" && follows("/"),
                _ => false,
            }
    }

    fn parts(&self) -> Option<(&str, &str, &str)> {
        let mut parts = self.0.splitn(3, '/');
        Some((parts.next()?, parts.next()?, parts.next()?))
    }
}

impl Side {
    /// The service's name in resources.
    pub fn service(self) -> &'static str {
        match self {
            Self::Source => "source-mysql",
            Self::Target => "target-mysql",
        }
    }

    fn resource(self, kind: &str, name: impl Display) -> Resource {
        Resource::new(self.service(), kind, name)
    }

    /// The server as a whole; it explains everything in it.
    pub fn server(self) -> Resource {
        Resource::whole(self.service())
    }

    /// A database; it explains what is in it.
    pub fn database(self, name: &str) -> Resource {
        self.resource("database", part(name))
    }

    /// What a database holds, by its kind: `table`, `view`, `procedure`, `function`, `trigger`, `event`.
    pub fn inside(self, kind: &str, database: &str, name: &str) -> Resource {
        self.resource(kind, format_args!("{}.{}", part(database), part(name)))
    }

    /// A table's definition.
    pub fn table(self, database: &str, name: &str) -> Resource {
        self.inside("table", database, name)
    }

    /// An account, `'user'@'host'`; it explains its grants.
    pub fn user(self, account: impl Display) -> Resource {
        self.resource("user", account)
    }

    /// What an account may do on one scope: `*.*`, a database's `shop.*`, a table's `shop.orders`.
    pub fn grant(self, account: impl Display, scope: &str) -> Resource {
        self.resource("grant", format_args!("{account} on {scope}"))
    }

    /// What an account may do in one database.
    pub fn grant_in(self, account: impl Display, database: &str) -> Resource {
        self.grant(account, &format!("{}.*", part(database)))
    }

    /// A global variable, its persisted value included.
    pub fn variable(self, name: &str) -> Resource {
        self.resource("variable", name)
    }

    /// A variable's persisted value alone.
    pub fn persisted(self, name: &str) -> Resource {
        self.resource("persisted", name)
    }

    /// A replication channel with its filter; the channel without a name is `default`.
    pub fn channel(self, name: &str) -> Resource {
        self.resource("channel", channel_name(name))
    }

    /// A replication channel's filter alone.
    pub fn filter(self, channel: &str) -> Resource {
        self.resource("filter", channel_name(channel))
    }

    /// A setting that the platform keeps for a managed server, such as `binlog retention hours`.
    pub fn setting(self, name: &str) -> Resource {
        self.resource("setting", name)
    }
}

impl Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A database's or table's name; quoted where a dot in it could be taken for the one between two names.
pub fn part(name: &str) -> String {
    if name.contains(['.', '`']) { format!("`{}`", name.replace('`', "``")) } else { name.to_owned() }
}

fn channel_name(name: &str) -> &str {
    if name.is_empty() { "default" } else { name }
}

/// The API gives ids as `/hostedzone/ID`.
fn zone_id(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_has_one_name_however_it_was_said() {
        let said = [
            Resource::object("apps/v1", "Deployment", Some("shop"), "web"),
            Resource::object("k8s.nginx.org/v1", "Policy", Some("shop"), "web"),
            Resource::object("v1", "Namespace", None, "shop"),
            Resource::record("/hostedzone/Z1", "App.lab.example", "A", None),
            Resource::record("Z1", "app.lab.example.", "A", Some("blue")),
            Side::Target.channel(""),
            Side::Source.table("a.b", "c"),
            Resource::file(Path::new("/etc/hosts/")),
        ];
        let read: Vec<&str> = said.iter().map(Resource::as_str).collect();
        assert_eq!(
            read,
            [
                "kubernetes/Deployment/shop/web",
                "kubernetes/Policy.k8s.nginx.org/shop/web",
                "kubernetes/Namespace/shop",
                "route53/record/Z1/app.lab.example. A",
                "route53/record/Z1/app.lab.example. A blue",
                "target-mysql/channel/default",
                "source-mysql/table/`a.b`.c",
                "file/etc/hosts",
            ]
        );
    }

    #[test]
    fn what_lies_within_is_explained_and_nothing_else() {
        let database = Side::Target.database("shop");
        assert!(database.explains(&Side::Target.table("shop", "orders")));
        assert!(!database.explains(&Side::Source.table("shop", "orders")));
        assert!(!database.explains(&Side::Target.table("shopping", "orders")));
        assert!(!Side::Target.database("a").explains(&Side::Target.table("a.b", "c")));
        assert!(Side::Source.user("'a'@'%'").explains(&Side::Source.grant("'a'@'%'", "*.*")));
        assert!(Side::Source.variable("gtid_mode").explains(&Side::Source.persisted("gtid_mode")));
        assert!(!Side::Source.persisted("gtid_mode").explains(&Side::Source.variable("gtid_mode")));
        assert!(Side::Source.channel("").explains(&Side::Source.filter("")));
        assert!(Side::Source.server().explains(&Side::Source.table("shop", "orders")));
        assert!(Resource::zone("Z1").explains(&Resource::record("Z1", "a.b", "A", None)));
        assert!(Resource::file(Path::new("/tmp/a")).explains(&Resource::file(Path::new("/tmp/a/b"))));
        assert!(!Resource::file(Path::new("/tmp/a")).explains(&Resource::file(Path::new("/tmp/ab"))));
        let namespace = Resource::object("v1", "Namespace", None, "shop");
        assert!(!namespace.explains(&Resource::object("v1", "ConfigMap", Some("shop"), "planted")));
    }
}
