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

/// An amount with its unit: bytes in MiB, other things as they are.
pub fn amount(value: u64, unit: &str) -> String {
    #[expect(clippy::cast_precision_loss, reason = "shown, never computed with")]
    let mebibytes = value as f64 / 1_048_576.0;
    if unit == "bytes" { format!("{mebibytes:.1} MiB") } else { format!("{value} {unit}") }
}
