//! The text form of a row: what LOAD DATA reads with `CHARACTER SET binary`.
//!
//! Cells are separated by tabs, rows end with a line feed, NULL is `\N`, and a backslash stands before what
//! would be misread. Everything else is the bytes of the column's own character set, unchanged.

/// Puts one row at the end of `out`.
pub fn encode<'a>(out: &mut Vec<u8>, cells: impl IntoIterator<Item = Option<&'a [u8]>>) {
    for (index, cell) in cells.into_iter().enumerate() {
        if index > 0 {
            out.push(b'\t');
        }
        match cell {
            None => out.extend_from_slice(b"\\N"),
            Some(bytes) => escape(out, bytes),
        }
    }
    out.push(b'\n');
}

fn escape(out: &mut Vec<u8>, bytes: &[u8]) {
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| matches!(byte, b'\\' | b'\t' | b'\n' | 0)) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(match rest[at] {
            b'\t' => b"\\t",
            b'\n' => b"\\n",
            0 => b"\\0",
            _ => b"\\\\",
        });
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
}

/// Takes a row apart again; `line` is without its line feed. `None` where it is not a row of ours.
#[must_use]
pub fn decode(line: &[u8]) -> Option<Vec<Option<Vec<u8>>>> {
    line.split(|byte| *byte == b'\t').map(cell).collect()
}

#[expect(clippy::option_option, reason = "not a cell of ours is not NULL")]
fn cell(text: &[u8]) -> Option<Option<Vec<u8>>> {
    if text == b"\\N" {
        return Some(None);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.iter();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'\\' => match rest.next()? {
                b't' => b'\t',
                b'n' => b'\n',
                b'0' => 0,
                b'\\' => b'\\',
                _ => return None,
            },
            0 | b'\n' => return None,
            byte => *byte,
        });
    }
    Some(Some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn awkward() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(
            prop_oneof![Just(b'\\'), Just(b'\t'), Just(b'\n'), Just(0), Just(b'N'), any::<u8>()],
            0..40,
        )
    }

    proptest! {
        #[test]
        fn any_row_comes_back_as_it_went(row in prop::collection::vec(prop::option::of(awkward()), 1..8)) {
            let mut out = Vec::new();
            encode(&mut out, row.iter().map(|cell| cell.as_deref()));
            prop_assert_eq!(out.pop(), Some(b'\n'));
            prop_assert!(!out.contains(&b'\n'));
            prop_assert_eq!(decode(&out), Some(row));
        }
    }

    #[test]
    fn null_the_word_null_and_a_written_out_backslash_n_are_three_things() {
        let mut out = Vec::new();
        encode(&mut out, [None, Some(&b"NULL"[..]), Some(b"\\N"), Some(b"")]);
        assert_eq!(out, b"\\N\tNULL\t\\\\N\t\n");
    }
}
