//! What the seat costs, beside four terminal programs that people like: `cargo bench --bench seat`. Programs that
//! are not installed are left out, and named. It prints tables with the aims; it asserts no time.

#![expect(clippy::unwrap_used, reason = "a bench says by a panic that it failed")]
#![expect(clippy::cast_precision_loss, reason = "figures to be read")]

#[path = "../support/attached.rs"]
mod attached;
mod hour;
#[path = "../support/pty.rs"]
mod pty;
#[path = "../support/screen.rs"]
mod screen;
#[path = "../support/story.rs"]
mod story;
mod terminal;
#[path = "../support/week.rs"]
mod week;

use std::process::Command;
use std::time::{Duration, Instant};

use attached::{BY_HAND, Bench, LONG};
use cutover::protocol::order::Message;
use cutover::tui::draw::draw;
use cutover::tui::update::{Answer, Input};
use pty::Pty;
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;
use ratatui::{Terminal, TerminalOptions, Viewport};
use screen::Screen;
use terminal::{Cost, Program, SIZE, cost, settle, still};

const FRAMES: usize = 2_000;
const LARGE: Rect = Rect::new(0, 0, 200, 60);

/// So many notes a second while it follows.
const NOTES: u32 = 50;
const FOLLOWING: Duration = Duration::from_secs(10);

#[tokio::main]
async fn main() {
    let (p50, p99, frame_bytes) = frames();
    let (before, after) = hour::hour(&mut mara());
    let mut bench = Bench::new(&format!("{LONG}{BY_HAND}"));
    let client = bench.start().await;
    let watching = || {
        let mut command = bench.command("watch");
        command.args(["--as", "ben"]).env("XDG_CONFIG_HOME", bench.path("config"));
        command
    };
    let ours = tokio::task::block_in_place(|| {
        let program = Program { name: "cutover", command: Box::new(&watching), keys: ["j", "k"] };
        cost(&program)
    });
    let mut pty = Pty::run(&watching(), SIZE);
    pty.sees("1 week", Duration::from_secs(20));
    pty.types("3");
    tokio::task::block_in_place(|| settle(&pty));
    let noting = tokio::spawn(async move {
        let mut ticks = tokio::time::interval(Duration::from_secs(1) / NOTES);
        for n in 0_u64.. {
            ticks.tick().await;
            let text = format!("note {n}: the copy goes on, chunk {n} of shop.orders is in the target");
            client.say(&Message::Note { text }).await.unwrap();
        }
    });
    let (follow_bytes, follow_cpu) = tokio::task::block_in_place(|| still(&pty, FOLLOWING));
    noting.abort();
    drop(pty);

    println!("\n| the screen by itself | measured | aim |\n|---|---|---|");
    println!("| a frame, 200x60, 10,000 log lines, 12 steps, p50 | {p50:.2} ms | |");
    println!("| the same, p99 | {p99:.2} ms | 4 ms |");
    println!("| the same, bytes of a frame that scrolls all of the log | {frame_bytes:.0} | |");
    println!("| following {NOTES} log lines a second, 80x24 | {:.1} KB/s | 60 KB/s |", follow_bytes / 1000.0);
    println!("| the same, processor | {follow_cpu:.1} % | |");
    println!(
        "| memory after an hour of 1,000 events/s (screen, and the engine's log) | {after:.0} MB, {:.0} more than before | 100 MB |",
        after - before
    );

    let peers: Vec<_> = tokio::task::block_in_place(|| peers().iter().map(|peer| (peer.name, cost(peer))).collect());
    let names: Vec<_> = peers.iter().map(|(name, _)| *name).collect();
    println!("\n| on a terminal of 80x24 | aim | {} |", [&["cutover"], &names[..]].concat().join(" | "));
    println!("|---|---|---{}|", "|---".repeat(peers.len()));
    let row = |what: &str, aim: &str, unit: &str, figure: fn(&Cost) -> f64| {
        let own = figure(&ours);
        let other = |cost: &Cost| match figure(cost) {
            none if none.is_nan() => "draws all the time".to_owned(),
            // Of next to nothing there is no ratio.
            other if own < 0.05 => format!("{other:.1} {unit}"),
            other => format!("{other:.1} {unit} ({:.1}x)", other / own),
        };
        let figures = std::iter::once(format!("{own:.1} {unit}")).chain(peers.iter().map(|(_, cost)| other(cost)));
        println!("| {what} | {aim} | {} |", figures.collect::<Vec<_>>().join(" | "));
    };
    row("first letter after start", "50 ms", "ms", |cost| cost.first_frame);
    row("key to last byte", "", "ms", |cost| cost.key);
    row("bytes a second, idle", "100", "B", |cost| cost.idle_bytes);
    row("processor, idle", "1 %", "%", |cost| cost.idle_cpu);
    row("memory", "100 MB", "MB", |cost| cost.memory);
}

/// The driver's screen on the day of the copy.
fn mara() -> Screen {
    let mut screen = Screen::of(week::loading().view(), "mara");
    screen.model.view.steps.truncate(12);
    screen.press("3");
    screen
}

/// How long a frame takes, in ms, and its bytes: each shows the log a line further up, and one line more.
fn frames() -> (f64, f64, f64) {
    let mut screen = mara();
    let at = screen.model.view.at;
    for page in hour::lines(at) {
        screen.input(Input::Answer(Answer::Logs(Ok(page))));
    }
    let mut written = Vec::new();
    let options = TerminalOptions { viewport: Viewport::Fixed(LARGE) };
    let mut terminal = Terminal::with_options(CrosstermBackend::new(&mut written), options).unwrap();
    let mut took = Vec::new();
    for _ in 0..FRAMES {
        screen.press("k");
        let began = Instant::now();
        terminal.draw(|frame| draw(&screen.model, frame)).unwrap();
        took.push(began.elapsed().as_secs_f64() * 1000.0);
    }
    drop(terminal);
    took.sort_by(f64::total_cmp);
    (took[FRAMES / 2], took[FRAMES * 99 / 100], written.len() as f64 / FRAMES as f64)
}

/// The others, where they are installed.
fn peers() -> Vec<Program<'static>> {
    let in_tree = |name: &'static str, words: &'static [&'static str]| -> Box<dyn Fn() -> Command> {
        Box::new(move || {
            let mut command = Command::new(name);
            command.args(words).current_dir(env!("CARGO_MANIFEST_DIR"));
            command
        })
    };
    let (down, up) = ("\u{1b}[B", "\u{1b}[A");
    let all = vec![
        Program { name: "btop", command: in_tree("btop", &["--utf-force"]), keys: [down, up] },
        Program { name: "tig", command: in_tree("tig", &[]), keys: ["j", "k"] },
        Program { name: "gitui", command: in_tree("gitui", &[]), keys: [down, up] },
        Program { name: "trip", command: in_tree("trip", &["127.0.0.1"]), keys: [down, up] },
    ];
    let (there, missing): (Vec<_>, Vec<_>) = all.into_iter().partition(|program| is_installed(program.name));
    for program in missing {
        println!("{} is not installed: left out", program.name);
    }
    there
}

fn is_installed(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(name).is_file())
}
