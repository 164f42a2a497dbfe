//! The team's page in a real browser: it loads, follows, survives its engine, cannot command, and everybody can read it.

#![expect(clippy::unwrap_used, reason = "a test says by a panic that it failed")]

#[path = "support/attached.rs"]
mod attached;
#[path = "support/browser.rs"]
mod browser;
#[path = "support/shared.rs"]
mod shared;
#[path = "support/told.rs"]
mod told;

use std::process::Command;
use std::time::{Duration, Instant};

use attached::{BY_HAND, Bench, LONG, take, until};
use browser::Browser;
use cutover::protocol::order::{Given, Message};
use serde_json::json;
use told::HOSTILE;

fn shows(text: &str) -> String {
    format!("document.body.innerText.includes({})", json!(text))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_follows_the_run_and_survives_its_engine() {
    let mut bench = Bench::new(&format!("{LONG}{BY_HAND}"));
    let port = shared::free_port();
    let anna = shared::start(&mut bench, port).await;
    take(&anna, "").await.unwrap();
    let mut browser = Browser::start();

    browser.opens(&format!("http://127.0.0.1:{port}/"));
    browser.sees(&shows("wants a link of your own"));
    browser.opens("about:blank");
    browser.opens(&shared::link(&bench, "ben"));
    browser.sees(&shows("WAITING FOR anna: confirm long"));
    browser.sees("location.hash === ''");
    browser.evaluates("globalThis.same = 'the same page'");

    // What happens is on the page within a second, as a rule of five.
    let mut took = Vec::new();
    for n in 0..5 {
        let began = Instant::now();
        let text = format!("note number {n}");
        anna.say(&Message::Note { text: text.clone() }).await.unwrap();
        browser.sees(&shows(&text));
        took.push(began.elapsed());
    }
    took.sort();
    assert!(took[2] < Duration::from_secs(1), "{took:?}");

    // A step that is started runs on the page too.
    anna.order(&attached::start(&anna, "long", Given::default()).await).await.unwrap();
    browser.sees(&shows("● running"));

    // What its people say is in the run, and is text whatever it looks like.
    let write = |text: &str, button: &str| {
        format!(
            "document.getElementById('text').value = {}; document.querySelector('button[value={button}]').click()",
            json!(text)
        )
    };
    browser.evaluates(&write(HOSTILE, "raise_hand"));
    browser.sees(&shows("It is in the journal."));
    browser.sees(&shows("<script>alert(1)</script><img src=x"));
    let view = until(&anna, |view| !view.hands.is_empty()).await;
    assert_eq!(view.hands[0].by, "ben");
    assert_eq!(browser.evaluates("document.querySelectorAll('main script, main img').length"), 0);
    browser.evaluates(&write(&"x".repeat(501), "note"));
    browser.sees("!document.getElementById('text').checkValidity() || document.getElementById('said').textContent");

    // The engine dies, and comes back: the same page, the same session.
    bench.kill_engine();
    browser.sees(&shows("STALE"));
    let anna = shared::start(&mut bench, port).await;
    browser.sees(&format!("!({}) && {}", shows("STALE"), shows("in doubt")));
    assert_eq!(browser.evaluates("globalThis.same"), "the same page");

    // In the background a page holds no connection, and misses what it likes: back in front it has the newest view.
    browser.goes_away();
    until(&anna, |view| view.clients == 0).await;
    anna.say(&Message::Note { text: "said behind its back".to_owned() }).await.unwrap();
    until(&anna, |view| view.notes.iter().any(|note| note.text == "said behind its back")).await;
    assert_eq!(browser.evaluates(&shows("said behind its back")), false);
    browser.comes_back();
    browser.sees(&shows("said behind its back"));
    browser.sees(&shows("live"));

    assert!(bench.command("share").args(["--revoke", "ben"]).output().unwrap().status.success());
    browser.sees(&shows("this link is not good, or not any more"));
    assert_eq!(browser.evaluates("document.getElementById('window').hidden"), true);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_cannot_command_and_asks_nobody_else() {
    let mut bench = Bench::new(&format!("{LONG}{BY_HAND}"));
    let anna = shared::start(&mut bench, shared::free_port()).await;
    take(&anna, "").await.unwrap();
    let mut browser = Browser::start();
    browser.opens(&shared::link(&bench, "ben"));
    browser.sees(&shows("confirm long"));
    let order = attached::start(&anna, "long", Given::default()).await;
    let before = anna.view().await.unwrap().seq;
    for path in ["/v1/orders", "/orders", "/v1/messages", "/events", "/v1/preview/long", "/v1//orders"] {
        let script = format!(
            "fetch({}, {{ method: 'POST', headers: {{ 'content-type': 'application/json' }}, body: {} }}).then((a) => a.status)",
            json!(path),
            json!(serde_json::to_string(&order).unwrap())
        );
        let status = browser.evaluates(&script);
        assert!([404, 405].map(|refused| json!(refused)).contains(&status), "{path}: {status}");
    }
    assert_eq!(anna.view().await.unwrap().seq, before, "nothing was recorded");
    let elsewhere = "performance.getEntriesByType('resource').map((one) => one.name).filter((name) => \
        !name.startsWith(location.origin + '/'))";
    assert_eq!(browser.evaluates(elsewhere), json!([]));
    let blocked = "fetch('http://127.0.0.1:1/').then(() => 'sent', (why) => String(why))";
    assert!(browser.evaluates(blocked).as_str().unwrap().contains("Failed to fetch"));
    // Nor does what somebody could smuggle into it run, or fetch.
    let smuggled = "new Promise((done) => { \
        const refused = []; \
        document.addEventListener('securitypolicyviolation', ({ effectiveDirective }) => { \
            refused.push(effectiveDirective); if (refused.length === 2) done(refused.sort()); }); \
        const script = document.createElement('script'); script.textContent = 'globalThis.ran = true'; \
        const image = new Image(); image.src = 'http://127.0.0.1:9/seen.png'; document.body.append(script, image); })";
    assert_eq!(browser.evaluates(smuggled), json!(["img-src", "script-src-elem"]));
    assert_eq!(browser.evaluates("'ran' in globalThis"), false);
    let cookie = browser.evaluates("document.cookie");
    assert_eq!(cookie, "", "no script reads the session");
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_can_read_the_page_on_a_phone_and_on_a_desk() {
    let axe = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/axe.sh")).output().unwrap();
    assert!(axe.status.success(), "{}", String::from_utf8_lossy(&axe.stderr));
    let axe = std::fs::read_to_string(String::from_utf8(axe.stdout).unwrap().trim()).unwrap();
    let mut bench = Bench::new(&format!("{LONG}{BY_HAND}"));
    let anna = shared::start(&mut bench, shared::free_port()).await;
    take(&anna, "").await.unwrap();
    anna.say(&Message::Note { text: "The box was rebooted on Tuesday; nothing of ours".to_owned() }).await.unwrap();
    anna.order(&attached::start(&anna, "long", Given::default()).await).await.unwrap();
    let ben = bench.client("ben");
    ben.say(&Message::RaiseHand { text: "is the cron job moved?".to_owned() }).await.unwrap();
    let mut browser = Browser::start();
    browser.opens(&shared::link(&bench, "cleo"));
    browser.sees(&format!("{} && {}", shows("is the cron job moved?"), shows("● running")));
    let ahead = "document.querySelector('#step button')";
    browser.evaluates("document.querySelector('#week [data-key=by-hand]').click()");
    browser.sees(&format!("{ahead}.ariaDisabled === 'true' && {}", shows("once no step is under way")));
    browser.evaluates("document.querySelector('#week [data-key=long]').click()");
    readable(&mut browser, &axe, "running");

    // What the next step would change, looked up by the press of a button, which keeps the focus.
    std::fs::write(bench.path("go"), "").unwrap();
    browser.sees(&format!("{} && {ahead}.ariaDisabled === 'false'", shows("by-hand ⋅ not started")));
    browser.evaluates(&format!("{ahead}.focus(); {ahead}.click()"));
    browser.sees(&format!("{} && {}", shows("What it would change, looked up"), shows("turn the key")));
    assert_eq!(browser.evaluates("document.activeElement.textContent"), "Look again");
    readable(&mut browser, &axe, "ahead");
}

/// Nothing hangs over a side and axe-core finds nothing that keeps anybody from reading, on a phone and on a desk, by
/// day and by night.
fn readable(browser: &mut Browser, axe: &str, state: &str) {
    for (size, scheme) in [(360, 800), (1280, 900)].into_iter().flat_map(|size| [(size, "light"), (size, "dark")]) {
        browser.looks_like(size, scheme);
        browser.sees(&format!("innerWidth === {} && matchMedia('(prefers-color-scheme: {scheme})').matches", size.0));
        let over = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
        assert_eq!(browser.evaluates(over), 0, "nothing hangs over the side");
        // Run in the page's own world; the page's policy lets no script in but the test's own.
        browser.evaluates(&format!("{axe};0"));
        let found = browser.evaluates(
            "axe.run().then(({ passes, violations }) => [passes.length, violations.filter(({ impact }) => impact !== 'minor')\
             .map(({ id, impact, nodes }) => [id, impact, ...nodes.map(({ html, failureSummary }) => html + failureSummary)])])",
        );
        assert!(found[0].as_u64().unwrap() > 15, "it looked at the page: {found}");
        assert_eq!(found[1], json!([]), "{state}, {size:?}, {scheme}");
        if let Some(directory) = std::env::var_os("CUTOVER_PICTURES") {
            let name = std::path::Path::new(&directory).join(format!("page-{state}-{}-{scheme}.png", size.0));
            std::fs::write(name, browser.picture()).unwrap();
        }
    }
}
