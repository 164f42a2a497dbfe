//! HTML that cannot be broken out of: tags, attributes and classes are the program's own words, and everything
//! else is text, made harmless and escaped on its way in.

use std::fmt;

use crate::domain::plain;

/// An element, with what is in it.
#[derive(Debug, Clone)]
pub(super) struct Element {
    name: &'static str,
    attributes: Vec<(&'static str, String)>,
    /// Already escaped.
    inner: String,
}

/// An empty element.
pub(super) const fn el(name: &'static str) -> Element {
    Element { name, attributes: Vec::new(), inner: String::new() }
}

/// An element with a text.
pub(super) fn text(name: &'static str, text: impl AsRef<str>) -> Element {
    el(name).text(text)
}

impl Element {
    /// Gives it a class.
    pub(super) fn class(self, class: &'static str) -> Self {
        self.with("class", class)
    }

    /// Gives it an attribute.
    pub(super) fn with(mut self, name: &'static str, value: impl AsRef<str>) -> Self {
        self.attributes.push((name, escaped(value.as_ref())));
        self
    }

    /// Puts a text at its end.
    pub(super) fn text(mut self, text: impl AsRef<str>) -> Self {
        self.inner.push_str(&escaped(text.as_ref()));
        self
    }

    /// Puts an element at its end.
    #[expect(clippy::needless_pass_by_value, reason = "it is in there from then on")]
    pub(super) fn child(mut self, child: Self) -> Self {
        child.write(&mut self.inner);
        self
    }

    /// Puts elements at its end.
    pub(super) fn children(self, children: impl IntoIterator<Item = Self>) -> Self {
        children.into_iter().fold(self, Self::child)
    }

    /// A style sheet of the program's own.
    pub(super) fn sheet(sheet: &'static str) -> Self {
        Self { name: "style", attributes: Vec::new(), inner: sheet.to_owned() }
    }

    fn write(&self, out: &mut String) {
        out.push('<');
        out.push_str(self.name);
        for (name, value) in &self.attributes {
            out.extend([" ", name, "=\"", value, "\""]);
        }
        out.push('>');
        out.push_str(&self.inner);
        if !matches!(self.name, "meta" | "br") {
            out.extend(["</", self.name, ">"]);
        }
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = String::with_capacity(self.inner.len() + 64);
        self.write(&mut out);
        f.write_str(&out)
    }
}

/// Without escape sequences, control characters and marks of direction, and with nothing that HTML reads.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in plain::line(text).chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            letter => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_in_stays_text() {
        let made = el("p").with("title", "\"><b x='").text("<script>&\u{1b}[31m\u{202e}").child(text("b", "a"));
        let plain = "<p title=\"&quot;&gt;&lt;b x=&#39;\">&lt;script&gt;&amp;<b>a</b></p>";
        assert_eq!(made.to_string(), plain);
    }
}
