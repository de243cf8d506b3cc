//! What all objects have in common: an id, a name in the contract, and how they are shown.

use super::{Table, Tables, World};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

/// Where objects of a kind are kept.
pub(crate) trait Stored: Sized {
    /// Their table.
    fn table(tables: &Tables) -> &Table<Self>;

    /// Their table, to be changed.
    fn table_mut(tables: &mut Tables) -> &mut Table<Self>;
}

/// An object of Stripe's.
///
/// The fields of the struct are those that mean something here, under the names Stripe gives them; what the API
/// promises besides is filled in by the contract when the object is shown.
pub(crate) trait Resource: Stored + Clone + Serialize + DeserializeOwned + 'static {
    /// Its name in the contract.
    const SCHEMA: &'static str;
    /// Its name in errors.
    const NOUN: &'static str = Self::SCHEMA;

    /// Its id.
    fn id(&self) -> &str;

    /// Whether it was deleted: then it is found by nobody but a list's cursor.
    fn is_deleted(&self) -> bool {
        false
    }

    /// The ids of the objects it belongs to: by these it is found, however many of its kind there are.
    fn owners(&self) -> Vec<&str> {
        Vec::new()
    }

    /// How it is shown, before the contract fills it up. As it is kept, unless it says otherwise.
    fn view(&self, world: &World) -> Value {
        let _ = world;
        plain(self)
    }
}

/// `row` as it is kept.
pub(crate) fn plain(row: &impl Serialize) -> Value {
    // Rows are structs of texts, numbers, lists and maps: they always have a JSON form.
    serde_json::to_value(row).unwrap_or_default()
}

/// The list that an object shows of its parts: the first ten, and where all are.
pub(crate) fn list_of(parts: impl IntoIterator<Item = Value>, url: &str) -> Value {
    let mut parts = parts.into_iter();
    let data: Vec<Value> = parts.by_ref().take(10).collect();
    let mut list = json!({ "object": "list", "has_more": parts.next().is_some(), "url": url });
    // `json!` would write the parts out and read them in again.
    list["data"] = data.into();
    list
}
