//! A notice in a receiver's form.

use serde_json::{Value, json};

use super::notice::Notice;
use crate::domain::plain;
use crate::domain::runbook::{Format, Occasion};

/// What is sent.
pub(super) fn of(notice: &Notice, format: Format) -> Value {
    let text = plain::line(&notice.text);
    let next = notice.next.as_deref().map(plain::line);
    match format {
        Format::Slack => {
            let next = next.map(|next| format!("\nNext: {next}")).unwrap_or_default();
            let place = format!("{} ({})", plain::line(&notice.service), plain::line(&notice.environment));
            let said = escaped(&format!("{text}{next}"));
            let at = notice.at.strftime("%H:%M:%SZ");
            json!({ "text": format!("{} *{}*: {said} ({at})", sign(notice.occasion), escaped(&place)) })
        }
        Format::Json => json!({
            "event": notice.occasion,
            "at": notice.at,
            "service": plain::line(&notice.service),
            "environment": plain::line(&notice.environment),
            "run": notice.run,
            "step": notice.step,
            "text": text,
            "next": next,
        }),
    }
}

const fn sign(occasion: Occasion) -> &'static str {
    match occasion {
        Occasion::Started => "●",
        Occasion::Waiting => "▶",
        Occasion::Failed => "✗",
        Occasion::Frozen => "‖",
        Occasion::Thawed | Occasion::Done => "✓",
    }
}

/// What Slack would take for markup of its own: mentions and links are made with `<`.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
