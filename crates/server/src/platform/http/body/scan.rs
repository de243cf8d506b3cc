//! One pass over a JSON text before it is read: how deep it is, and whether a text in it holds U+0000.

use crate::platform::error::{Code, Error};

/// How deep lists and objects may stand in each other.
const DEEPEST: usize = 64;

/// Walks `text`; answers the top-level field in which U+0000 is escaped, if there is one.
///
/// # Errors
/// `invalid_json` when it is nested deeper than 64.
pub(super) fn scan(text: &str) -> Result<Option<String>, Error> {
    let bytes = text.as_bytes();
    let (mut at, mut depth) = (0, 0_usize);
    let (mut field, mut last) = (None, "");
    while at < bytes.len() {
        match bytes[at] {
            b'{' | b'[' => {
                depth += 1;
                if depth > DEEPEST {
                    return Err(Error::new(Code::InvalidJson, format!("The body is nested deeper than {DEEPEST}.")));
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b':' if depth == 1 => field = Some(last),
            b'"' => {
                let (end, nul) = string(bytes, at + 1);
                last = text.get(at + 1..end).unwrap_or_default();
                if nul {
                    return Ok(Some(field.unwrap_or(if depth == 1 { "body" } else { last }).to_owned()));
                }
                at = end;
            }
            _ => {}
        }
        at += 1;
    }
    Ok(None)
}

/// The end of the string that begins at `at`, and whether it escapes U+0000.
fn string(bytes: &[u8], mut at: usize) -> (usize, bool) {
    let mut nul = false;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => break,
            b'\\' => {
                nul |= bytes[at..].starts_with(b"\\u0000");
                at += 2;
            }
            _ => at += 1,
        }
    }
    (at, nul)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nul_is_found_with_its_field() {
        assert_eq!(scan(r#"{"a":1,"name":"x\u0000y"}"#), Ok(Some("name".to_owned())));
        assert_eq!(scan(r#"{"a":{"b":["\u0000"]}}"#), Ok(Some("a".to_owned())));
        assert_eq!(scan(r#"{"a":"\\u0000"}"#), Ok(None));
        assert_eq!(scan(r#"{"a":"\\\u0000"}"#), Ok(Some("a".to_owned())));
    }

    #[test]
    fn depth_is_counted_outside_strings() {
        let deep = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert_eq!(scan(&deep(64)), Ok(None));
        assert!(scan(&deep(65)).is_err());
        assert!(scan(&"[".repeat(1_000_000)).is_err());
        assert_eq!(scan(&format!("{:?}", "[".repeat(100))), Ok(None));
    }
}
