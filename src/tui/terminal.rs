//! The terminal, taken over while the screen is drawn, and given back whatever happens.

use std::io::{Write as _, stdin, stdout};
use std::mem::ManuallyDrop;
use std::sync::Once;
use std::time::Duration;

use crossterm::cursor::{Hide, Show};
use crossterm::event::{DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EventStream};
use crossterm::execute;
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, SetTitle, disable_raw_mode, enable_raw_mode};
use nix::sys::termios::{FlushArg, tcflush};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::layout::{Position, Rect};

use super::draw;
use super::model::Model;
use crate::domain::{Failure, plain};

/// The terminal in our hands.
pub(super) struct Screen {
    /// Never dropped: where the terminal is gone, it would say there that the cursor cannot be shown, and panic.
    /// `leave` shows it.
    terminal: ManuallyDrop<Terminal<CrosstermBackend<std::io::Stdout>>>,
    title: String,
    mouse: bool,
}

/// Asks for clicks and the wheel, not for every movement: over SSH each is bytes.
const MOUSE: &[u8] = b"\x1b[?1000h\x1b[?1006h";

impl Screen {
    /// Takes the terminal over; its mouse only where that is wanted.
    pub(super) fn take(mouse: bool) -> std::io::Result<Self> {
        give_back_on_panic();
        enter(mouse)?;
        let terminal = Terminal::new(CrosstermBackend::new(stdout())).inspect_err(|_| leave())?;
        Ok(Self { terminal: ManuallyDrop::new(terminal), title: String::new(), mouse })
    }

    /// Draws, and says the one sentence in the terminal's title.
    pub(super) fn draw(&mut self, model: &Model) -> std::io::Result<()> {
        let title = plain::line(&format!("{}: {}", model.view.service, model.sentence()));
        if title != self.title {
            execute!(stdout(), SetTitle(&title))?;
            self.title = title;
        }
        self.terminal.draw(|frame| draw::draw(model, frame))?;
        Ok(())
    }

    /// Draws everything anew at the next time.
    pub(super) fn clear(&mut self) -> std::io::Result<()> {
        // Not by `Terminal::clear`: that asks the terminal for its cursor, and fails where no answer comes in 2 s,
        // as over a slow connection.
        let size = self.terminal.size()?;
        self.terminal.resize(Rect::from((Position::ORIGIN, size)))
    }

    /// Gives the terminal to the shell until it comes back with `fg`.
    pub(super) fn suspend(&mut self) -> std::io::Result<()> {
        leave();
        let stopped = nix::sys::signal::kill(nix::unistd::Pid::from_raw(0), nix::sys::signal::Signal::SIGTSTP);
        enter(self.mouse)?;
        stopped?;
        self.clear()
    }
}

/// The keys of a screen that is not drawn yet. What was typed before it is nobody's.
pub(super) fn keys() -> EventStream {
    let _ = tcflush(stdin(), FlushArg::TCIFLUSH);
    // An earlier stream of this process left a wake-up behind. The new one would take it together with its first
    // key, and the key with it: crossterm looks at the terminal no more until another one comes.
    let _ = crossterm::event::poll(Duration::ZERO);
    EventStream::new()
}

/// The terminal's bell: something waits.
pub(super) fn ring() {
    let mut out = stdout();
    let _ = out.write_all(b"\x07").and_then(|()| out.flush());
}

/// The longest text that is put into a clipboard, in bytes as they are sent: terminals drop what is longer than they
/// take, and say nothing. The least of them takes 74,994.
const CLIPBOARD: usize = 74_000;

/// Puts a text into the terminal's clipboard (OSC 52), where it is short enough; whether it was. A terminal may not
/// allow it, and says nothing then.
pub(super) fn copy(text: &str) -> bool {
    use base64::Engine as _;
    let encoded = base64::engine::general_purpose::STANDARD.encode(text);
    if encoded.len() > CLIPBOARD {
        return false;
    }
    let mut out = stdout();
    let _ = write!(out, "\x1b]52;c;{encoded}\x07").and_then(|()| out.flush());
    true
}

impl Drop for Screen {
    fn drop(&mut self) {
        leave();
    }
}

fn enter(mouse: bool) -> std::io::Result<()> {
    enable_raw_mode()?;
    execute!(stdout(), EnterAlternateScreen, EnableBracketedPaste, Hide)?;
    let mut out = stdout();
    out.write_all(if mouse { MOUSE } else { b"" }).and_then(|()| out.flush())
}

/// Each part by itself: a terminal that is gone takes none of it, and nothing hangs on it. The mouse is given back
/// whether it was taken or not: a panic does not know.
fn leave() {
    let _ = execute!(stdout(), DisableMouseCapture, DisableBracketedPaste, LeaveAlternateScreen, Show, SetTitle(""));
    let _ = disable_raw_mode();
}

/// A panic's words are read on a terminal that shows them.
fn give_back_on_panic() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            leave();
            before(panic);
        }));
    });
}

/// What came of drawing: a terminal that was closed at its other end, its window or the connection to it, is no
/// error: its person left.
pub(super) fn ended(drawn: std::io::Result<()>) -> Result<(), Failure> {
    match drawn {
        Err(why) if why.raw_os_error() != Some(nix::libc::EIO) => Err(Failure::permanent("draw on this terminal")
            .because(why.to_string())
            .next("without a terminal there are plain lines: `--plain`")),
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use nix::sys::termios::LocalFlags;
    use portable_pty::{CommandBuilder, PtySize, native_pty_system};

    use super::*;

    /// Set where this test is the program on the terminal.
    const ON_A_TERMINAL: &str = "CUTOVER_TEST_ON_A_TERMINAL";

    #[test]
    fn a_panic_gives_the_terminal_back_before_its_words() {
        if std::env::var_os(ON_A_TERMINAL).is_some() {
            let _screen = Screen::take(true);
            panic!("on purpose");
        }
        let pair = native_pty_system().openpty(PtySize::default()).unwrap();
        let mut again = CommandBuilder::new(std::env::current_exe().unwrap());
        again.args([
            "--exact",
            "tui::terminal::tests::a_panic_gives_the_terminal_back_before_its_words",
            "--nocapture",
        ]);
        again.env(ON_A_TERMINAL, "1");
        let mut program = pair.slave.spawn_command(again).unwrap();
        let mut reader = pair.master.try_clone_reader().unwrap();
        let said = std::thread::spawn(move || {
            // It ends with an error, once nobody has the terminal any more.
            let mut said = Vec::new();
            let _ = reader.read_to_end(&mut said);
            String::from_utf8_lossy(&said).into_owned()
        });
        assert!(!program.wait().unwrap().success());
        let flags = LocalFlags::from_bits_retain(pair.master.get_termios().unwrap().local_flags.bits());
        assert!(flags.contains(LocalFlags::ICANON | LocalFlags::ECHO), "{flags:?}");
        drop(pair);
        let said = said.join().unwrap();
        let at = |text: &str| said.find(text).unwrap_or_else(|| panic!("no {text:?} in {said:?}"));
        let given_back = ["\x1b[?1000l", "\x1b[?2004l", "\x1b[?1049l", "\x1b[?25h"].map(at);
        assert!(given_back.iter().all(|back| at("\x1b[?1049h") < *back && *back < at("on purpose")), "{said:?}");
    }
}
