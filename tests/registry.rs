//! Pushing to a real registry (distribution 2.8, password and deletion on), and asking it what arrived.
//!
//! The registry is a container of this test's own, built from Debian's packages; its password holds the
//! characters that break naive encodings of credentials.

#![expect(clippy::unwrap_used, reason = "a test says by panicking what went wrong")]

use cutover::services::Kind;
use cutover::services::docker::{BuildOptions, ContainerSpec, Context, Credentials, Engine, Labels, Port};
use cutover::services::registry::Registry;

const BASE: &str = "debian:trixie-slim";
const IMAGE: &str = "cutover-test/registry:1";
/// bcrypt of the password below: it guards nothing but this test's own container.
const HTPASSWD: &str = "tester:$2y$05$mQx9SOchW.YsFuU6NrnBwe6toY.a8UG78S0dKNqXIiojjxZQ5utbO\n";

fn credentials() -> Credentials {
    Credentials::Basic { username: "tester".into(), password: "pa~ss>wo?rd".into() }
}

fn wrong_credentials() -> Credentials {
    Credentials::Basic { username: "tester".into(), password: "guessed".into() }
}

/// A registry of one test's own; its address on the loopback.
async fn start(engine: &Engine, name: &str) -> String {
    let dockerfile = format!(
        "FROM {BASE}\nRUN apt-get update && apt-get install -y --no-install-recommends docker-registry && rm -rf /var/lib/apt/lists/*\n\
         COPY htpasswd /etc/docker/registry/htpasswd\n\
         ENV REGISTRY_AUTH=htpasswd REGISTRY_AUTH_HTPASSWD_REALM=test REGISTRY_AUTH_HTPASSWD_PATH=/etc/docker/registry/htpasswd\n\
         EXPOSE 5000\nCMD [\"docker-registry\", \"serve\", \"/etc/docker/registry/config.yml\"]\n"
    );
    let context = Context::default().with("Dockerfile", dockerfile, false).with("htpasswd", HTPASSWD, false);
    let options = BuildOptions { tag: Some(IMAGE.to_owned()), ..BuildOptions::default() };
    engine.build(context, &options, |_| ()).await.unwrap();
    let spec = ContainerSpec { ports: vec![Port::loopback(5000, 0)], ..ContainerSpec::new(name, IMAGE) };
    engine.remove_container(name).await.unwrap();
    engine.run(&spec).await.unwrap();
    let info = engine.container(name).await.unwrap().unwrap();
    format!("127.0.0.1:{}", info.ports[0].1)
}

/// Waits until the registry answers, within ten seconds.
async fn answering(registry: &Registry) {
    for _ in 0..100 {
        match registry.ping().await {
            Err(error) if error.kind == Kind::Transient => {
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
            other => return other.unwrap(),
        }
    }
    panic!("the registry did not come up");
}

#[tokio::test]
async fn what_was_pushed_is_what_the_registry_resolves_until_it_is_deleted() {
    let engine = Engine::connect(None).await.unwrap();
    let name = format!("x-cutover-test-registry-{}", std::process::id());
    let address = start(&engine, &name).await;
    let registry = Registry::new(&address, Some(credentials())).unwrap();
    answering(&registry).await;
    assert_eq!(registry.resolve("shop/backend", "v1").await.unwrap(), None);
    assert!(registry.tags("shop/backend").await.unwrap().is_empty());

    let context = Context::default().with("Dockerfile", "FROM scratch\nCOPY note /note\n", false).with(
        "note",
        name.as_bytes(),
        false,
    );
    let options =
        BuildOptions { labels: Labels::from([("made-by".into(), "a test".into())]), ..BuildOptions::default() };
    let id = engine.build(context, &options, |_| ()).await.unwrap();
    let reference = format!("{address}/shop/backend:v1");
    engine.tag(&id, &reference).await.unwrap();

    // An error inside a stream that began with 200.
    let refused = engine.push(&reference, Some(&wrong_credentials()), |_| ()).await.unwrap_err();
    assert_eq!(refused.kind, Kind::Permanent);
    assert!(refused.next.is_some(), "{refused:?}");

    let mut layers = None;
    let digest = engine.push(&reference, Some(&credentials()), |transfer| layers = Some(transfer)).await.unwrap();
    let layers = layers.unwrap();
    assert_eq!((layers.done, layers.total), (1, 1));

    // By another way than the one that pushed.
    let found = registry.resolve("shop/backend", "v1").await.unwrap().unwrap();
    assert_eq!(found.digest, digest);
    let manifest = registry.manifest("shop/backend", &digest).await.unwrap().unwrap();
    assert_eq!(manifest.config_digest(), Some(id.as_str()), "an image's id is its configuration's digest");
    let config = registry.image_config("shop/backend", &manifest).await.unwrap();
    assert_eq!(config["config"]["Labels"]["made-by"], "a test");
    assert_eq!(config["architecture"], engine.identity().await.unwrap().architecture);

    // Another tag that shares the digest is found before anything is deleted by digest.
    let second = format!("{address}/shop/backend:v2");
    engine.tag(&id, &second).await.unwrap();
    engine.push(&second, Some(&credentials()), |_| ()).await.unwrap();
    assert_eq!(registry.tags("shop/backend").await.unwrap(), ["v1", "v2"]);
    assert_eq!(registry.tags_sharing("shop/backend", "v1", &digest).await.unwrap(), ["v2"]);

    // The engine pulls by digest what the registry holds.
    for tag in [&reference, &second] {
        engine.remove_image(tag).await.unwrap();
    }
    let by_digest = format!("{address}/shop/backend@{digest}");
    assert_eq!(engine.pull(&by_digest, None, None, |_| ()).await.unwrap_err().kind, Kind::Permanent);
    engine.pull(&by_digest, None, Some(&credentials()), |_| ()).await.unwrap();
    assert_eq!(engine.image(&by_digest).await.unwrap().unwrap().id, id);
    engine.remove_image(&by_digest).await.unwrap();

    assert!(registry.delete("shop/backend", &digest).await.unwrap());
    assert!(!registry.delete("shop/backend", &digest).await.unwrap());
    assert_eq!(registry.resolve("shop/backend", "v2").await.unwrap(), None);

    let denied =
        Registry::new(&address, Some(wrong_credentials())).unwrap().resolve("shop/backend", "v1").await.unwrap_err();
    assert_eq!(denied.kind, Kind::Permanent);
    assert!(!format!("{denied:?}").contains("guessed"));
    let nobody = Registry::new(&address, None).unwrap().ping().await.unwrap_err();
    assert!(nobody.next.is_some_and(|next| next.contains("credentials")));

    engine.remove_container(&name).await.unwrap();
    let gone = registry.resolve("shop/backend", "v1").await.unwrap_err();
    assert_eq!(gone.kind, Kind::Transient, "a registry that is down may come back: {gone:?}");
}
