//! Pushing to a real registry (distribution 2.8, password and deletion on), and asking it what arrived.
//!
//! The registry is a container of this test's own, built from Debian's packages; its password holds the
//! characters that break naive encodings of credentials.

mod support {
    pub mod registry;
}

use cutover::services::Kind;
use cutover::services::docker::{BuildOptions, Context, Credentials, Labels};
use cutover::services::registry::Registry;
use support::registry::{Own, credentials};

fn wrong_credentials() -> Credentials {
    Credentials::Basic { username: "tester".into(), password: "guessed".into() }
}

#[tokio::test]
async fn what_was_pushed_is_what_the_registry_resolves_until_it_is_deleted() {
    let name = format!("x-cutover-test-registry-{}", std::process::id());
    let own = Own::start(&name, &[]).await;
    let (engine, address, registry) = (&own.engine, own.address(), own.client());
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

    own.remove().await;
    let gone = registry.resolve("shop/backend", "v1").await.unwrap_err();
    assert_eq!(gone.kind, Kind::Transient, "a registry that is down may come back: {gone:?}");
}
