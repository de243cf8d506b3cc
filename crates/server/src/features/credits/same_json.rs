//! JSON as it is compared: order, white space, escapes and the spelling of a number do not matter, its digits do.

use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// Metadata as it is compared and stored with a request: equal texts say the same. What is no JSON stands as it is.
#[must_use]
pub fn canonical(metadata: &[u8]) -> String {
    let text = String::from_utf8_lossy(metadata);
    value(text.trim()).unwrap_or_else(|| text.into_owned())
}

fn value(text: &str) -> Option<String> {
    match text.as_bytes().first()? {
        b'{' => {
            let fields: BTreeMap<String, Box<RawValue>> = serde_json::from_str(text).ok()?;
            let fields = fields.iter().map(|(name, held)| Some(format!("{}:{}", quoted(name)?, value(held.get())?)));
            Some(format!("{{{}}}", fields.collect::<Option<Vec<_>>>()?.join(",")))
        }
        b'[' => {
            let items: Vec<Box<RawValue>> = serde_json::from_str(text).ok()?;
            let items = items.iter().map(|item| value(item.get()));
            Some(format!("[{}]", items.collect::<Option<Vec<_>>>()?.join(",")))
        }
        b'"' => quoted(&serde_json::from_str::<String>(text).ok()?),
        b'-' | b'0'..=b'9' => Some(number(text)),
        _ => Some(text.to_owned()),
    }
}

fn quoted(text: &str) -> Option<String> {
    serde_json::to_string(text).ok()
}

/// A JSON number as its significant digits and a power of ten: never through a float.
fn number(text: &str) -> String {
    let (sign, text) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let (decimal, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = decimal.split_once('.').unwrap_or((decimal, ""));
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_start_matches('0').trim_end_matches('0');
    if significant.is_empty() {
        return "0".to_owned();
    }
    let zeros = digits.len() - digits.trim_end_matches('0').len();
    // An exponent too long for 128 bits stands in no metadata that is a number at all but nearly nothing.
    let power = exponent.parse::<i128>().unwrap_or(i128::MIN / 2) + zeros as i128 - fraction.len() as i128;
    format!("{sign}{significant}e{power}")
}

#[cfg(test)]
mod tests {
    use super::canonical;

    #[test]
    fn what_says_the_same_is_the_same_and_nothing_else() {
        let same = [
            (r#"{"a":1,"b":[2.50,-0]}"#, r#" { "b" : [ 25e-1 , 0.0 ] , "a" : 1.0 } "#),
            (r#"{"a":"\u0041\/"}"#, r#"{"a":"A/"}"#),
            (r#"{"a":1200}"#, r#"{"a":1.2E+3}"#),
        ];
        for (one, other) in same {
            assert_eq!(canonical(one.as_bytes()), canonical(other.as_bytes()), "{one} {other}");
        }
        let different = [
            (r#"{"a":12345678901234567890123}"#, r#"{"a":12345678901234567890124}"#),
            (r#"{"a":0.1}"#, r#"{"a":0.10000000000000000001}"#),
            (r#"{"a":1}"#, r#"{"a":"1"}"#),
            (r#"{"a":1}"#, r#"{"a":-1}"#),
            (r#"{"a":10}"#, r#"{"a":1}"#),
            (r#"{"a":[1,2]}"#, r#"{"a":[2,1]}"#),
            (r#"{"a":null}"#, "{}"),
        ];
        for (one, other) in different {
            assert_ne!(canonical(one.as_bytes()), canonical(other.as_bytes()), "{one} {other}");
        }
    }
}
