//! Somebody else's clock against this machine's, with how far the answer can be trusted.

use std::fmt;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{Error, Kind, Result, tls};

/// How long a server may take to say what time it is.
const PATIENCE: Duration = Duration::from_secs(5);

/// How far another clock is from ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drift {
    /// Theirs less ours: positive where theirs is ahead.
    pub ahead: SignedDuration,
    /// The truth is within this of it, either way: the journey, and how coarsely the time was told.
    pub give_or_take: SignedDuration,
}

impl Drift {
    /// What `theirs` says, told with that `grain`, somewhere between `before` and `after` on our clock.
    pub fn between(before: Timestamp, theirs: Timestamp, grain: SignedDuration, after: Timestamp) -> Self {
        let journey = after.duration_since(before);
        let (half_way, half_grain) = (before + journey / 2, grain / 2);
        Self { ahead: (theirs + half_grain).duration_since(half_way), give_or_take: journey / 2 + half_grain }
    }

    /// Whether it is certainly further from ours than `limit`.
    pub fn exceeds(&self, limit: SignedDuration) -> bool {
        self.ahead.abs() > limit + self.give_or_take
    }
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.ahead.is_negative() { "behind" } else { "ahead" };
        write!(f, "{:.1} s {word}", self.ahead.abs().as_secs_f64())?;
        if self.give_or_take >= SignedDuration::from_millis(50) {
            write!(f, ", give or take {:.1} s", self.give_or_take.as_secs_f64())?;
        }
        Ok(())
    }
}

/// The drift in an HTTP answer's `Date`, which tells whole seconds.
pub fn of_date(before: Timestamp, date: &str, after: Timestamp) -> Option<Drift> {
    let theirs = jiff::fmt::rfc2822::parse(date).ok()?.timestamp();
    Some(Drift::between(before, theirs, SignedDuration::from_secs(1), after))
}

/// Asks the web server at `url` for anything at all, and reads its `Date`; `None` where it sends none.
pub async fn of_server(service: &str, url: &str) -> Result<Option<Drift>> {
    tls::ready();
    let fault =
        |why: reqwest::Error| Error::new(service, url, "ask for the time", Kind::Transient).because(why.without_url());
    let mut client = reqwest::Client::builder().timeout(PATIENCE).redirect(reqwest::redirect::Policy::none());
    if ["http://127.", "http://localhost", "http://[::1]"].iter().any(|here| url.starts_with(here)) {
        client = client.no_proxy();
    }
    let client = client.build().map_err(fault)?;
    let before = Timestamp::now();
    let answer = client.get(url).send().await.map_err(fault)?;
    let after = Timestamp::now();
    let date = answer.headers().get(reqwest::header::DATE).and_then(|date| date.to_str().ok());
    Ok(date.and_then(|date| of_date(before, date, after)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64, milliseconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_millis(seconds * 1000 + milliseconds)
    }

    #[test]
    fn a_clock_told_in_whole_seconds_is_not_blamed_for_the_fraction() {
        let limit = SignedDuration::from_secs(2);
        // 10.9 is told as 10: the truth is 0.9 behind at most.
        let right = of_date(at(10, 890), "Thu, 01 Jan 1970 00:00:10 GMT", at(10, 910)).unwrap();
        assert!(!right.exceeds(SignedDuration::ZERO), "{right}");
        let wrong = of_date(at(14, 0), "Thu, 01 Jan 1970 00:00:10 GMT", at(14, 20)).unwrap();
        assert!(wrong.exceeds(limit), "{wrong}");
        assert!(wrong.to_string().contains("behind"), "{wrong}");
    }

    #[test]
    fn a_slow_answer_proves_less() {
        let slow = Drift::between(at(0, 0), at(5, 0), SignedDuration::ZERO, at(6, 0));
        assert_eq!((slow.ahead, slow.give_or_take), (SignedDuration::from_secs(2), SignedDuration::from_secs(3)));
        assert!(!slow.exceeds(SignedDuration::from_secs(1)));
    }
}
