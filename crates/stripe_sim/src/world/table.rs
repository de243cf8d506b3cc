//! Objects of one kind, in the order they were made, found by id or by an object they belong to.

use super::Resource;
use indexmap::IndexMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::HashMap;

/// Objects of one kind by id, in the order they were made.
#[derive(Clone, Debug)]
pub(crate) struct Table<T> {
    rows: IndexMap<String, T>,
    /// The ids of those that belong to an object, by its id. Follows from the rows, so it is not kept with them.
    of: HashMap<String, Vec<String>>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { rows: IndexMap::new(), of: HashMap::new() }
    }
}

impl<T: Serialize> Serialize for Table<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.rows.serialize(to)
    }
}

impl<'de, T: Resource> Deserialize<'de> for Table<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let rows: IndexMap<String, T> = IndexMap::deserialize(from)?;
        let mut table = Self { rows, of: HashMap::new() };
        for (id, row) in &table.rows {
            for owner in row.owners() {
                table.of.entry(owner.to_owned()).or_default().push(id.clone());
            }
        }
        Ok(table)
    }
}

impl<T> Table<T> {
    /// The object with this id.
    pub fn get(&self, id: &str) -> Option<&T> {
        self.rows.get(id)
    }

    /// The object with this id, to be changed in what it does not belong by; see [`Table::edit`].
    pub fn get_mut(&mut self, id: &str) -> Option<&mut T> {
        self.rows.get_mut(id)
    }

    /// All, oldest first.
    pub fn all(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.rows.values()
    }

    /// Those that belong to the object `owner`, oldest first.
    pub fn of(&self, owner: &str) -> impl DoubleEndedIterator<Item = &T> {
        self.places_of(owner).into_iter().filter_map(|place| self.at(place))
    }

    /// The places of those that belong to the object `owner`, the oldest first.
    pub fn places_of(&self, owner: &str) -> Vec<usize> {
        let ids = self.of.get(owner).map_or(&[][..], Vec::as_slice);
        let mut places: Vec<usize> = ids.iter().filter_map(|id| self.place(id)).collect();
        // What came to belong to it later may be older.
        places.sort_unstable();
        places
    }

    /// The place of the object with this id: how many are older.
    pub fn place(&self, id: &str) -> Option<usize> {
        self.rows.get_index_of(id)
    }

    /// The object at a place.
    pub fn at(&self, place: usize) -> Option<&T> {
        self.rows.get_index(place).map(|(_, row)| row)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }
}

impl<T: Resource> Table<T> {
    /// Puts an object in, or in place of the one with its id.
    pub fn put(&mut self, id: String, row: T) {
        self.disown(&id);
        own(&mut self.of, &id, &row);
        self.rows.insert(id, row);
    }

    /// Changes the object with this id, if there is one.
    pub fn edit(&mut self, id: &str, edit: impl FnOnce(&mut T)) {
        let Some(row) = self.rows.get_mut(id) else { return };
        let before: Vec<String> = row.owners().into_iter().map(str::to_owned).collect();
        edit(row);
        if row.owners().iter().copied().ne(before.iter().map(String::as_str)) {
            before.iter().for_each(|owner| forget(&mut self.of, owner, id));
            own(&mut self.of, id, row);
        }
    }

    /// Takes an object out.
    pub fn take(&mut self, id: &str) -> Option<T> {
        self.disown(id);
        self.rows.shift_remove(id)
    }

    /// Takes out the oldest, as long as `gone` says so of them.
    pub fn forget(&mut self, gone: impl Fn(&T) -> bool) {
        let count = self.rows.values().take_while(|row| gone(row)).count();
        for (id, row) in self.rows.drain(..count) {
            row.owners().into_iter().for_each(|owner| forget(&mut self.of, owner, &id));
        }
    }

    fn disown(&mut self, id: &str) {
        if let Some(row) = self.rows.get(id) {
            row.owners().into_iter().for_each(|owner| forget(&mut self.of, owner, id));
        }
    }
}

/// Remembers what `row` belongs to.
fn own<T: Resource>(of: &mut HashMap<String, Vec<String>>, id: &str, row: &T) {
    for owner in row.owners() {
        match of.get_mut(owner) {
            Some(ids) => ids.push(id.to_owned()),
            None => drop(of.insert(owner.to_owned(), vec![id.to_owned()])),
        }
    }
}

/// Forgets that `id` belongs to `owner`. What was made last is most likely to be forgotten, or else what is oldest.
fn forget(of: &mut HashMap<String, Vec<String>>, owner: &str, id: &str) {
    let Some(ids) = of.get_mut(owner) else { return };
    if ids.last().is_some_and(|last| last == id) {
        ids.pop();
    } else if let Some(place) = ids.iter().position(|other| other == id) {
        ids.remove(place);
    }
    if ids.is_empty() {
        of.remove(owner);
    }
}

#[cfg(test)]
mod tests {
    use super::Table;
    use crate::{objects::invoices::InvoicePayment, world::Resource};
    use serde_json::json;

    fn payment(id: &str, invoice: &str) -> InvoicePayment {
        let fields = json!({
            "id": id, "created": 1, "invoice": invoice, "payment_intent": format!("pi_{id}"), "amount_requested": 1,
            "amount_paid": null, "currency": "usd", "status": "open", "paid_at": null, "canceled_at": null,
        });
        serde_json::from_value(fields).expect("a payment")
    }

    fn of(table: &Table<InvoicePayment>, owner: &str) -> Vec<String> {
        table.of(owner).map(|row| row.id().to_owned()).collect()
    }

    #[test]
    fn what_belongs_to_an_object_is_found_whatever_happens_to_it() {
        let mut table = Table::default();
        for (id, invoice) in [("a", "in_1"), ("b", "in_2"), ("c", "in_1"), ("d", "in_1")] {
            table.put(id.to_owned(), payment(id, invoice));
        }
        assert_eq!(
            (of(&table, "in_1"), of(&table, "pi_b")),
            (vec!["a".into(), "c".into(), "d".into()], vec!["b".into()])
        );
        table.edit("b", |row| row.invoice = "in_1".into());
        assert_eq!(of(&table, "in_1"), ["a", "b", "c", "d"], "in the order they were made");
        assert!(of(&table, "in_2").is_empty());
        table.take("c");
        table.put("d".into(), payment("d", "in_3"));
        assert_eq!((of(&table, "in_1"), of(&table, "in_3")), (vec!["a".into(), "b".into()], vec!["d".into()]));
        table.forget(|row| row.id == "a");
        assert_eq!(of(&table, "in_1"), ["b"]);
        let kept = serde_json::to_string(&table).expect("JSON");
        let loaded: Table<InvoicePayment> = serde_json::from_str(&kept).expect("a table");
        assert_eq!((of(&loaded, "in_1"), of(&loaded, "in_3")), (vec!["b".into()], vec!["d".into()]));
        assert_eq!(serde_json::to_string(&loaded).expect("JSON"), kept);
    }
}
