//! What stands first in a state that is kept: what it is. A file that is something else is refused by name.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// What a kept state says of itself; the number goes up when one of before can no longer be read.
const FORMAT: &str = "purser sandbox 1";

/// That a state is one of this sandbox.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Format;

impl Serialize for Format {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(FORMAT)
    }
}

impl<'de> Deserialize<'de> for Format {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let found = String::deserialize(from)?;
        if found == FORMAT {
            return Ok(Self);
        }
        Err(D::Error::custom(format!("its format is `{found}`, this one reads `{FORMAT}`")))
    }
}
