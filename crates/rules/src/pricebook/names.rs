//! Names in the price book, and currencies.

use crate::ids::BadName;
use alloc::string::{String, ToString};
use serde::{Deserialize, Serialize};

/// A family, a group or an app's own name for a version: 1–64 of `A-Za-z0-9_.-`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Name(String);

impl Name {
    /// What is said of a text that is none.
    pub const RULE: &'static str = "It must be 1 to 64 of A-Z a-z 0-9 _ . -";

    /// Takes `text` as a name.
    ///
    /// # Errors
    /// [`BadName`] when it is empty, longer than 64, or has another character.
    pub fn new(text: &str) -> Result<Self, BadName> {
        let fits = (1..=64).contains(&text.len());
        let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b));
        if fits && plain { Ok(Self(text.to_string())) } else { Err(BadName) }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Name {
    type Error = BadName;

    /// Takes a name as it was stored.
    fn try_from(text: String) -> Result<Self, BadName> {
        Self::new(&text)
    }
}

/// A currency as Stripe writes it: three small letters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Currency(String);

impl Currency {
    /// What is said of a text that is none.
    pub const RULE: &'static str = "It must be three small letters, such as usd.";

    /// Takes `text` as a currency; whether it is one that is in use is Stripe's to say.
    ///
    /// # Errors
    /// [`BadName`] when it is not three small letters.
    pub fn new(text: &str) -> Result<Self, BadName> {
        let fits = text.len() == 3 && text.bytes().all(|b| b.is_ascii_lowercase());
        if fits { Ok(Self(text.to_string())) } else { Err(BadName) }
    }

    /// The currency as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Currency {
    type Error = BadName;

    /// Takes a currency as it was stored.
    fn try_from(text: String) -> Result<Self, BadName> {
        Self::new(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_currencies_are_plain() {
        let longest = "n".repeat(64);
        for text in ["pro", "PRO", "team_2.b-1", "7", longest.as_str()] {
            assert_eq!(Name::new(text).map(|name| name.as_str() == text), Ok(true), "{text}");
        }
        let too_long = "n".repeat(65);
        for text in ["", " ", "a b", "a/b", "a:b", "é", "a\0", too_long.as_str()] {
            assert_eq!(Name::new(text), Err(BadName), "{text:?}");
        }
        assert!(Currency::new("usd").is_ok());
        for text in ["", "us", "usdx", "USD", "u5d", "€€€"] {
            assert_eq!(Currency::new(text), Err(BadName), "{text:?}");
        }
    }
}
