//! A program on a terminal of its own: keys go in, and what is on its screen is looked at.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::io::{Read as _, Write};
use std::process::Command;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use nix::fcntl::OFlag;
use nix::sys::signal::{Signal, kill};
use nix::sys::termios::{SetArg, SpecialCharacterIndices, tcgetattr, tcsetattr};
use nix::unistd::Pid;
use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};

/// The screen, as a terminal has it after everything that was written to it.
struct Shown {
    parser: vt100::Parser,
    /// Whether the program has closed its terminal.
    over: bool,
    /// Whether we close ours.
    hung_up: bool,
    /// So many bytes were written to it, and when the last of them came.
    bytes: u64,
    last: Instant,
}

pub struct Pty {
    child: Box<dyn Child + Send + Sync>,
    master: Option<Box<dyn MasterPty + Send>>,
    keys: Option<Box<dyn Write + Send>>,
    shown: Arc<(Mutex<Shown>, Condvar)>,
}

impl Pty {
    /// Runs a program on a terminal of so many columns and rows.
    pub fn run(command: &Command, (cols, rows): (u16, u16)) -> Self {
        let pair = native_pty_system().openpty(PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }).unwrap();
        let mut builder = CommandBuilder::new(command.get_program());
        builder.args(command.get_args());
        builder.cwd(command.get_current_dir().unwrap_or(env!("CARGO_MANIFEST_DIR").as_ref()));
        builder.env("TERM", "xterm-256color");
        builder.env("LC_ALL", "C.UTF-8");
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => builder.env(name, value),
                None => builder.env_remove(name),
            }
        }
        let child = pair.slave.spawn_command(builder).unwrap();
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().unwrap();
        let keys = pair.master.take_writer().unwrap();
        let parser = vt100::Parser::new(rows.try_into().unwrap(), cols.try_into().unwrap(), 0);
        let shown = Arc::new((
            Mutex::new(Shown { parser, over: false, hung_up: false, bytes: 0, last: Instant::now() }),
            Condvar::new(),
        ));
        let heard = Arc::clone(&shown);
        std::thread::spawn(move || {
            let mut bytes = [0; 8192];
            loop {
                // A closed terminal is an error here, and the end.
                let read = reader.read(&mut bytes).unwrap_or(0);
                let (shown, changed) = &*heard;
                let mut shown = shown.lock().unwrap();
                shown.parser.process(&bytes[..read]);
                (shown.bytes, shown.last) = (shown.bytes + read as u64, Instant::now());
                shown.over = read == 0;
                changed.notify_all();
                if read == 0 || shown.hung_up {
                    return;
                }
            }
        });
        Self { child, master: Some(pair.master), keys: Some(keys), shown }
    }

    /// What is on the screen now.
    pub fn screen(&self) -> String {
        self.shown.0.lock().unwrap().parser.screen().contents()
    }

    /// So many bytes were written to the screen, and when the last of them came.
    pub fn written(&self) -> (u64, Instant) {
        let shown = self.shown.0.lock().unwrap();
        (shown.bytes, shown.last)
    }

    /// Waits until the screen is as wanted, or fails with what is on it.
    #[track_caller]
    pub fn until(&self, what: &str, patience: Duration, wanted: impl Fn(&str) -> bool) -> String {
        let (shown, changed) = &*self.shown;
        let began = Instant::now();
        let mut guard = shown.lock().unwrap();
        loop {
            let screen = guard.parser.screen().contents();
            if wanted(&screen) {
                return screen;
            }
            let left = patience.saturating_sub(began.elapsed());
            assert!(!left.is_zero() && !guard.over, "{what}: never seen; the screen at last:\n{screen}");
            guard = changed.wait_timeout(guard, left).unwrap().0;
        }
    }

    /// Waits until a text is on the screen.
    #[track_caller]
    pub fn sees(&self, text: &str, patience: Duration) -> String {
        self.until(text, patience, |screen| screen.contains(text))
    }

    /// Types bytes, as a terminal sends them.
    pub fn types(&mut self, keys: &str) {
        let writer = self.keys.as_mut().unwrap();
        writer.write_all(keys.as_bytes()).unwrap();
        writer.flush().unwrap();
    }

    /// Pastes, as a terminal with bracketed paste does.
    pub fn pastes(&mut self, text: &str) {
        self.types(&format!("\u{1b}[200~{text}\u{1b}[201~"));
    }

    pub fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.process_id().unwrap()).unwrap())
    }

    pub fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).unwrap();
    }

    /// Closes the terminal, as a lost connection does: once its reader is gone too, which the next frame ends.
    pub fn hangs_up(&mut self) {
        self.types_nothing_at_its_end();
        self.shown.0.lock().unwrap().hung_up = true;
        self.keys = None;
        self.master = None;
    }

    /// The writer of a terminal types Enter and the key for the end when it is dropped, if there is such a key; a
    /// lost connection types nothing.
    fn types_nothing_at_its_end(&self) {
        let name = self.master.as_ref().and_then(|master| master.tty_name()).unwrap();
        let options = OFlag::O_RDWR | OFlag::O_NOCTTY;
        let terminal = nix::fcntl::open(&name, options, nix::sys::stat::Mode::empty()).unwrap();
        let mut settings = tcgetattr(&terminal).unwrap();
        settings.control_chars[SpecialCharacterIndices::VEOF as usize] = 0;
        tcsetattr(&terminal, SetArg::TCSANOW, &settings).unwrap();
    }

    /// Waits for the program's end.
    pub fn ended(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
