//! Plans and packs read from the metadata of a Stripe price and its product (rules 2.4): exactly, or refused by name.

use super::{
    BASE_GROUP, Draft, PACKS_GROUP, PlanDraft, TopUpDraft,
    names::Name,
    terms::{Credits, PlanTerms, TopUpTerms},
    words::{AllowancePeriod, PlanKind},
};
use crate::Amount;
use alloc::{
    collections::BTreeMap,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

const CREDITS: &str = "credits";
const FAMILY: &str = "planFamily";
const VERSION: &str = "version";
const INTERNAL_ID: &str = "internalId";
const PUBLIC_NAME: &str = "publicName";

/// What marks a price or product as meant for us. A `version` or a `publicName` alone may be there for other ends.
const MARKS: [&str; 3] = [CREDITS, FAMILY, INTERNAL_ID];

/// The latest version.
const MOST_VERSION: u32 = 1_000_000;
/// The longest name for customers, in characters.
const MOST_TITLE: usize = 200;
/// The place in the order of plans of one that was not put there by a person: as the first that is paid for.
const RANK: u32 = 10;

/// Why metadata that is meant for us cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadMetadata {
    /// A key is not there.
    Missing {
        /// Which.
        key: &'static str,
    },
    /// A key has a value that cannot be.
    Wrong {
        /// Which.
        key: &'static str,
        /// What stands there.
        value: String,
        /// What it must be, in a sentence.
        rule: &'static str,
    },
}

impl BadMetadata {
    /// The key it is about.
    #[must_use]
    pub const fn key(&self) -> &'static str {
        match *self {
            Self::Missing { key } | Self::Wrong { key, .. } => key,
        }
    }
}

impl fmt::Display for BadMetadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { key } => write!(f, "The metadata `{key}` is missing."),
            Self::Wrong { key, value, rule } => write!(f, "The metadata `{key}` is `{value}`. {rule}"),
        }
    }
}

/// What the metadata of a price, and for keys it lacks that of its product, describes: a plan if the price `recurs`,
/// else a credit pack. `None` when neither is meant for us.
///
/// A plan's `credits` come with each month that is paid; 0 is a plan without any.
#[must_use]
pub fn from_metadata(
    price: &BTreeMap<String, String>,
    product: &BTreeMap<String, String>,
    recurs: bool,
) -> Option<Result<Draft, BadMetadata>> {
    let found = Found { price, product };
    MARKS.iter().any(|key| found.get(key).is_some()).then(|| found.draft(recurs))
}

/// The metadata of a price and its product.
struct Found<'a> {
    price: &'a BTreeMap<String, String>,
    product: &'a BTreeMap<String, String>,
}

impl<'a> Found<'a> {
    /// What stands under `key`, the price first, without blanks around it.
    fn get(&self, key: &str) -> Option<&'a str> {
        let value = |of: &'a BTreeMap<String, String>| of.get(key).map(|value| value.trim());
        value(self.price).or_else(|| value(self.product))
    }

    fn draft(&self, recurs: bool) -> Result<Draft, BadMetadata> {
        let credits = self.credits(recurs)?;
        let (internal_id, family) = (self.name(INTERNAL_ID)?, self.name(FAMILY)?);
        let family = family.or_else(|| internal_id.clone()).ok_or(BadMetadata::Missing { key: FAMILY })?;
        let internal_id = internal_id.unwrap_or_else(|| family.clone());
        let version = self.version()?;
        let public_name = self.public_name()?.unwrap_or_else(|| family.as_str().to_string());
        if !recurs {
            let (group, terms) = (known(PACKS_GROUP), TopUpTerms::of(credits));
            let draft = TopUpDraft { family, group, version, internal_id, public_name, terms, price: None };
            return Ok(Draft::TopUp(draft));
        }
        let credits = credits.is_positive().then(|| Credits::each(AllowancePeriod::Billing, credits));
        Ok(Draft::Plan(PlanDraft {
            family,
            group: known(BASE_GROUP),
            version,
            internal_id,
            public_name,
            rank: RANK,
            kind: PlanKind::Base,
            terms: PlanTerms { credits, ..PlanTerms::NOTHING },
            prices: Vec::new(),
        }))
    }

    /// How many credits; a plan may have none.
    fn credits(&self, recurs: bool) -> Result<Amount, BadMetadata> {
        let text = self.get(CREDITS).ok_or(BadMetadata::Missing { key: CREDITS })?;
        let wrong = |rule| BadMetadata::Wrong { key: CREDITS, value: text.to_string(), rule };
        let decimal = "It must be a decimal number such as 500 or 2.5: at most six decimals, at most 999999999.999999.";
        let amount = Amount::parse(text).map_err(|_| wrong(decimal))?;
        if recurs && amount < Amount::ZERO {
            return Err(wrong("It must not be less than 0."));
        }
        if !recurs && !amount.is_positive() {
            return Err(wrong("It must be more than 0."));
        }
        Ok(amount)
    }

    fn name(&self, key: &'static str) -> Result<Option<Name>, BadMetadata> {
        let Some(text) = self.get(key) else { return Ok(None) };
        let wrong = |_| BadMetadata::Wrong { key, value: text.to_string(), rule: Name::RULE };
        Name::new(text).map(Some).map_err(wrong)
    }

    fn version(&self) -> Result<u32, BadMetadata> {
        let Some(text) = self.get(VERSION) else { return Ok(1) };
        let plain = text.bytes().all(|b| b.is_ascii_digit());
        let number = text.parse::<u32>().ok().filter(|version| plain && (1..=MOST_VERSION).contains(version));
        number.ok_or_else(|| BadMetadata::Wrong {
            key: VERSION,
            value: text.to_string(),
            rule: "It must be a whole number from 1 to 1000000.",
        })
    }

    fn public_name(&self) -> Result<Option<String>, BadMetadata> {
        let Some(text) = self.get(PUBLIC_NAME) else { return Ok(None) };
        if (1..=MOST_TITLE).contains(&text.chars().count()) && !text.contains('\0') {
            return Ok(Some(text.to_string()));
        }
        let rule = "It must have 1 to 200 characters.";
        Err(BadMetadata::Wrong { key: PUBLIC_NAME, value: text.to_string(), rule })
    }
}

/// One of our own names.
fn known(name: &'static str) -> Name {
    Name::new(name).expect("our own names are names")
}

#[cfg(test)]
mod tests;
