//! A field of a change: absent leaves what there is, null clears it, a value sets it.

use serde::{Deserialize, Deserializer};

/// What a change says about one field. Write `#[serde(default)]` on it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Field<T> {
    /// It is not there: unchanged.
    #[default]
    Absent,
    /// It is null: cleared.
    Null,
    /// It has a value: set.
    Set(T),
}

impl<T> Field<T> {
    /// The same, its value made into another.
    pub fn map<U>(self, make: impl FnOnce(T) -> U) -> Field<U> {
        match self {
            Self::Absent => Field::Absent,
            Self::Null => Field::Null,
            Self::Set(value) => Field::Set(make(value)),
        }
    }

    /// What stands after the change, where `old` stood before.
    #[must_use]
    pub fn over(self, old: Option<T>) -> Option<T> {
        match self {
            Self::Absent => old,
            Self::Null => None,
            Self::Set(new) => Some(new),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Option::<T>::deserialize(from).map(|value| value.map_or(Self::Null, Self::Set))
    }
}
