//! A small real service with the backend's contract and a mood: well, holding, slow, losing its answers.
//!
//! Spoken by hand over TCP: dropping an answer after the work is done is the point.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How the service is.
#[derive(Clone, Copy, PartialEq)]
#[repr(u8)]
pub enum Mood {
    /// Does what it is asked, as Rev1.
    Well,
    /// The same, as the new side.
    Moved,
    /// Refuses writes with 503 and Retry-After, as the front does in a hold.
    Holding,
    /// Does the write, then answers after 2 s.
    Slow,
    /// Does the write, then closes the connection.
    LosingAnswers,
}

const MOODS: [Mood; 5] = [Mood::Well, Mood::Moved, Mood::Holding, Mood::Slow, Mood::LosingAnswers];

/// What the service remembers.
#[derive(Default)]
struct Book {
    /// The ids of the writes that were done, and when.
    written: Vec<(String, Instant)>,
    /// The head of the request before, as it came.
    head: String,
}

pub struct Shop {
    pub address: SocketAddr,
    mood: Arc<AtomicU8>,
    book: Arc<Mutex<Book>>,
    closing: CancellationToken,
    everybody: TaskTracker,
}

impl Shop {
    #[allow(dead_code, reason = "each test binary uses its part")]
    pub async fn open(ip: [u8; 4], mood: Mood) -> Self {
        Self::open_at(SocketAddr::new(IpAddr::from(ip), 0), mood).await
    }

    pub async fn open_at(address: SocketAddr, mood: Mood) -> Self {
        Self::behind(address, mood, None).await
    }

    /// With HTTPS, by this certificate.
    #[allow(dead_code, reason = "each test binary uses its part")]
    pub async fn open_https(ip: [u8; 4], mood: Mood, door: TlsAcceptor) -> Self {
        Self::behind(SocketAddr::new(IpAddr::from(ip), 0), mood, Some(door)).await
    }

    async fn behind(address: SocketAddr, mood: Mood, door: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let mood = Arc::new(AtomicU8::new(mood as u8));
        let book = Arc::new(Mutex::new(Book::default()));
        let closing = CancellationToken::new();
        let (feeling, pages, end) = (mood.clone(), book.clone(), closing.clone());
        let everybody = TaskTracker::new();
        let guests = everybody.clone();
        everybody.spawn(async move {
            while let Some(Ok((stream, _))) = end.run_until_cancelled(listener.accept()).await {
                let (feeling, book, end, door) = (feeling.clone(), pages.clone(), end.clone(), door.clone());
                let visit = async move {
                    match door {
                        None => serve(stream, &feeling, &book).await,
                        // A client that does not like the certificate leaves at the door.
                        Some(door) => serve(door.accept(stream).await?, &feeling, &book).await,
                    }
                };
                guests.spawn(async move { end.run_until_cancelled(visit).await });
            }
        });
        Self { address, mood, book, closing, everybody }
    }

    pub fn is(&self, mood: Mood) {
        self.mood.store(mood as u8, Ordering::SeqCst);
    }

    /// The ids of all writes that were done.
    pub fn written(&self) -> Vec<String> {
        self.book.lock().unwrap().written.iter().map(|(id, _)| id.clone()).collect()
    }

    /// How many writes arrived after a moment.
    #[allow(dead_code, reason = "each test binary uses its part")]
    pub fn arrived_after(&self, moment: Instant) -> usize {
        self.book.lock().unwrap().written.iter().filter(|(_, at)| *at > moment).count()
    }

    /// The head of the last request, as it came: its first line, then its headers in lower case.
    #[allow(dead_code, reason = "each test binary uses its part")]
    pub fn last_head(&self) -> String {
        self.book.lock().unwrap().head.clone()
    }

    /// Closes the door: connections are refused from now on. Gives what was done until the last one inside left.
    #[allow(dead_code, reason = "each test binary uses its part")]
    pub async fn close(self) -> Vec<String> {
        self.closing.cancel();
        self.everybody.close();
        self.everybody.wait().await;
        self.written()
    }
}

/// A door with the certificate that the lab makes in `directory`.
#[allow(dead_code, reason = "each test binary uses its part")]
pub fn door(directory: &Path) -> TlsAcceptor {
    cutover::services::tls::ready();
    cutover::lab::tls::ensure(directory).unwrap();
    let chain = CertificateDer::pem_file_iter(directory.join("app.crt")).unwrap().map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_file(directory.join("app.key")).unwrap();
    TlsAcceptor::from(Arc::new(ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap()))
}

/// One connection, request after request; an error is the client's farewell.
async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    mood: &AtomicU8,
    book: &Mutex<Book>,
) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let (mut first, mut head, mut length) = (String::new(), String::new(), 0);
        if stream.read_line(&mut first).await? == 0 {
            return Ok(());
        }
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).await?;
            if line.trim().is_empty() {
                break;
            }
            head.push_str(&line.to_ascii_lowercase());
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await?;
        book.lock().unwrap().head = format!("{first}{head}");
        let mood = MOODS[mood.load(Ordering::SeqCst) as usize];
        let mut answer = ("200 OK", r#"{"balance":1}"#.to_owned());
        if first.starts_with("POST") {
            if mood == Mood::Holding {
                answer = ("503 Service Unavailable\r\nRetry-After: 1", r#"{"error":"held"}"#.to_owned());
            } else {
                let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
                let id = body["attempt"].as_str().unwrap().to_owned();
                answer = ("201 Created", format!(r#"{{"attempt":"{id}","id":1}}"#));
                book.lock().unwrap().written.push((id, Instant::now()));
            }
        }
        match mood {
            Mood::LosingAnswers => return Ok(()),
            Mood::Slow => tokio::time::sleep(Duration::from_secs(2)).await,
            Mood::Well | Mood::Moved | Mood::Holding => {}
        }
        let build = if mood == Mood::Moved { "sha256:0" } else { "rev1" };
        let (status, text) = answer;
        let head = format!("HTTP/1.1 {status}\r\nX-App-Build: {build}\r\nContent-Length: {}\r\n\r\n{text}", text.len());
        stream.get_mut().write_all(head.as_bytes()).await?;
        stream.get_mut().flush().await?;
    }
}
