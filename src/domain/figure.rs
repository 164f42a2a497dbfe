//! Figures as people read them, the same on every screen.

/// A length of time: `0.4 s`, `12 s`, `3 min 20 s`, `2 h 05 min`.
pub fn seconds(seconds: f64) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "shown, never computed with")]
    let whole = seconds.round().max(0.0) as u64;
    match whole {
        0..10 => format!("{seconds:.1} s"),
        10..60 => format!("{whole} s"),
        60..3600 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} min", whole / 3600, whole / 60 % 60),
    }
}

/// A length of time of which the hours are enough where there are many: `88 h`.
pub fn rough(length: f64) -> String {
    if length >= 36_000.0 { format!("{:.0} h", (length / 3600.0).floor()) } else { seconds(length) }
}

/// A stretch that nobody knows to the minute: `23 to 26 h`, or as [`seconds`] where it is short.
pub fn range(least: f64, most: f64) -> String {
    if least >= 36_000.0 {
        return format!("{:.0} to {:.0} h", (least / 3600.0).floor(), (most / 3600.0).ceil());
    }
    if seconds(least) == seconds(most) { seconds(most) } else { format!("{} to {}", seconds(least), seconds(most)) }
}

/// A number in groups of three digits: `84,000,000`.
pub fn count(value: u64) -> String {
    let digits = value.to_string();
    let first = (digits.len() + 2) % 3 + 1;
    let mut grouped = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at >= first && (at - first).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// An amount with its unit: bytes in MiB, other things as they are.
pub fn amount(value: u64, unit: &str) -> String {
    #[expect(clippy::cast_precision_loss, reason = "shown, never computed with")]
    let mebibytes = value as f64 / 1_048_576.0;
    if unit == "bytes" { format!("{mebibytes:.1} MiB") } else { format!("{} {unit}", count(value)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_as_people_write_them() {
        let counts = [0, 7, 999, 1_000, 84_000_000].map(count);
        assert_eq!(counts, ["0", "7", "999", "1,000", "84,000,000"]);
        assert_eq!(range(82_000.0, 91_000.0), "22 to 26 h");
        assert_eq!((range(60.0, 200.0), range(5.0, 5.0)), ("1 min 00 s to 3 min 20 s".to_owned(), "5.0 s".to_owned()));
    }
}
