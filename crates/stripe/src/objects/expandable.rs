//! What stands in an object by its id, or whole when it was asked for so; and objects that may be deleted.

use crate::shape;
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error as _},
};
use serde_json::value::RawValue;

/// Another object: by its id, or whole.
#[derive(Clone, Debug)]
pub enum Expandable<T> {
    /// By its id.
    Id(String),
    /// Whole, since it was expanded.
    Object(Box<T>),
}

/// What has an id.
pub trait HasId {
    /// Stripe's id of it.
    fn id(&self) -> &str;
}

impl<T: HasId> Expandable<T> {
    /// Its id, either way.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Id(id) => id,
            Self::Object(object) => object.id(),
        }
    }
}

impl<T> Expandable<T> {
    /// The object, if it was expanded.
    #[must_use]
    pub fn object(&self) -> Option<&T> {
        match self {
            Self::Id(_) => None,
            Self::Object(object) => Some(object),
        }
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Expandable<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(from)?;
        if raw.get().starts_with('"') {
            return serde_json::from_str(raw.get()).map(Self::Id).map_err(D::Error::custom);
        }
        shape::read(raw.get().as_bytes()).map(|object| Self::Object(Box::new(object))).map_err(D::Error::custom)
    }
}

/// What is left of an object that was deleted.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Deleted {
    /// Its id.
    pub id: String,
    /// Always true.
    pub deleted: bool,
}

impl HasId for Deleted {
    fn id(&self) -> &str {
        &self.id
    }
}

/// An object, or what is left of it.
#[derive(Clone, Debug)]
pub enum OrDeleted<T> {
    /// It is there.
    There(Box<T>),
    /// It was deleted.
    Deleted(Deleted),
}

impl<T> OrDeleted<T> {
    /// The object, unless it was deleted.
    #[must_use]
    pub fn there(self) -> Option<T> {
        match self {
            Self::There(object) => Some(*object),
            Self::Deleted(_) => None,
        }
    }
}

impl<T: HasId> HasId for OrDeleted<T> {
    fn id(&self) -> &str {
        match self {
            Self::There(object) => object.id(),
            Self::Deleted(deleted) => &deleted.id,
        }
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for OrDeleted<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Probe {
            #[serde(default)]
            deleted: bool,
        }
        let raw = Box::<RawValue>::deserialize(from)?;
        let json = raw.get().as_bytes();
        if shape::read(json).is_ok_and(|Probe { deleted }| deleted) {
            return shape::read(json).map(Self::Deleted).map_err(D::Error::custom);
        }
        shape::read(json).map(|object| Self::There(Box::new(object))).map_err(D::Error::custom)
    }
}

/// Says that objects have an `id`.
macro_rules! has_id {
    ($($name:ty),+ $(,)?) => {
        $(impl $crate::objects::expandable::HasId for $name {
            fn id(&self) -> &str {
                &self.id
            }
        })+
    };
}

pub(super) use has_id;
