//! A real browser, driven over its own protocol: Debian's Chromium, in which no name but loopback resolves.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::fs;
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tungstenite::{Message, WebSocket};

/// How long a browser may take for anything here.
const PATIENCE: Duration = Duration::from_secs(30);

/// A browser with one page.
pub struct Browser {
    child: Child,
    socket: WebSocket<TcpStream>,
    session: String,
    last: u64,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Starts it, with an empty page.
    pub fn start() -> Self {
        let profile = tempfile::tempdir().unwrap();
        let mut command = Command::new("chromium");
        command.args(["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]);
        command.args(["--disable-background-networking", "--disable-component-update", "--no-proxy-server"]);
        command.args(["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--remote-debugging-port=0"]);
        command.arg(format!("--user-data-dir={}", profile.path().display())).arg("about:blank");
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let child = child.expect("chromium is installed: tests/run does that");
        let at = profile.path().join("DevToolsActivePort");
        let text = until("the browser listens", || fs::read_to_string(&at).ok().filter(|text| text.contains('\n')));
        let (port, path) = text.trim().split_once('\n').unwrap();
        let stream = TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let (socket, _) = tungstenite::client(format!("ws://127.0.0.1:{port}{path}"), stream).unwrap();
        let mut browser = Self { child, socket, session: String::new(), last: 0, _profile: profile };
        let targets = browser.asks("Target.getTargets", &json!({}));
        let page = targets["targetInfos"].as_array().unwrap().iter().find(|target| target["type"] == "page").unwrap();
        let attach = json!({ "targetId": page["targetId"], "flatten": true });
        let attached = browser.asks("Target.attachToTarget", &attach);
        attached["sessionId"].as_str().unwrap().clone_into(&mut browser.session);
        browser
    }

    fn asks(&mut self, method: &str, params: &Value) -> Value {
        let session = self.session.clone();
        self.asks_as(&session, method, params)
    }

    /// Asks the page of that session, or the browser itself where there is none.
    fn asks_as(&mut self, session: &str, method: &str, params: &Value) -> Value {
        self.last += 1;
        let mut message = json!({ "id": self.last, "method": method, "params": params });
        if !session.is_empty() {
            message["sessionId"] = json!(session);
        }
        self.socket.send(Message::text(message.to_string())).unwrap();
        loop {
            let Message::Text(text) = self.socket.read().unwrap() else { continue };
            let answer: Value = serde_json::from_str(&text).unwrap();
            if answer["id"] == self.last {
                assert!(answer["error"].is_null(), "{method}: {answer}");
                return answer["result"].clone();
            }
        }
    }

    pub fn opens(&mut self, url: &str) {
        let answer = self.asks("Page.navigate", &json!({ "url": url }));
        assert!(answer["errorText"].is_null(), "{url}: {answer}");
    }

    /// Another tab comes in front of the page, until [`Self::comes_back`].
    pub fn goes_away(&mut self) {
        self.asks_as("", "Target.createTarget", &json!({ "url": "about:blank" }));
        self.sees("document.visibilityState === 'hidden'");
    }

    pub fn comes_back(&mut self) {
        self.asks("Page.bringToFront", &json!({}));
    }

    /// What a script in the page comes to; a promise is waited for.
    pub fn evaluates(&mut self, script: &str) -> Value {
        let params = json!({ "expression": script, "awaitPromise": true, "returnByValue": true });
        let answer = self.asks("Runtime.evaluate", &params);
        assert!(answer["exceptionDetails"].is_null(), "{script:.200}: {answer}");
        answer["result"]["value"].clone()
    }

    /// Waits until a script in the page comes to true.
    pub fn sees(&mut self, script: &str) {
        let began = Instant::now();
        while self.evaluates(&format!("document.readyState === 'complete' && Boolean({script})")) != true {
            let is_late = began.elapsed() > PATIENCE;
            assert!(!is_late, "never true: {script}\n{}", self.evaluates("document.body.innerText"));
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// A screen of that width and height, in CSS pixels, whose user likes `light` or `dark`.
    pub fn looks_like(&mut self, (width, height): (u32, u32), scheme: &str) {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.asks("Emulation.setDeviceMetricsOverride", &metrics);
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.asks("Emulation.setEmulatedMedia", &media);
    }

    /// The whole page as a PNG.
    pub fn picture(&mut self) -> Vec<u8> {
        use base64::Engine as _;
        let answer = self.asks("Page.captureScreenshot", &json!({ "captureBeyondViewport": true }));
        base64::engine::general_purpose::STANDARD.decode(answer["data"].as_str().unwrap()).unwrap()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn until<T>(what: &str, look: impl Fn() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "{what}: never");
        std::thread::sleep(Duration::from_millis(20));
    }
}
