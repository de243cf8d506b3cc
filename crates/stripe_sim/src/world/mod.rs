//! The state of the sandbox: every object, what is due, and what was told.

mod change;
mod cx;
mod event;
mod expand;
mod list;
mod random;
mod resource;
mod table;
mod timers;

pub(crate) use cx::{Cause, Cx};
pub(crate) use event::Event;
pub(crate) use expand::expand;
pub(crate) use list::{PageAsked, page, within};
pub(crate) use random::Random;
pub(crate) use resource::{Resource, list_of};
pub(crate) use table::Table;
pub(crate) use timers::{Timer, Timers};

use crate::objects;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Says what kinds of objects there are: a table for each, found by its type and by its name in the contract.
macro_rules! tables {
    ($($field:ident: $row:ty,)+) => {
        /// Every object, by kind.
        #[derive(Clone, Debug, Default, Serialize, Deserialize)]
        pub(crate) struct Tables {
            $(pub $field: Table<$row>,)+
        }

        $(impl resource::Stored for $row {
            fn table(tables: &Tables) -> &Table<Self> {
                &tables.$field
            }

            fn table_mut(tables: &mut Tables) -> &mut Table<Self> {
                &mut tables.$field
            }
        })+

        impl World {
            /// The object `id` of the kind named `schema` in the contract, as Stripe shows it.
            pub fn shown(&self, schema: &str, id: &str) -> Option<Value> {
                match schema {
                    $(<$row as Resource>::SCHEMA => self.tables.$field.get(id).map(|row| self.wire(row)),)+
                    _ => None,
                }
            }
        }
    };
}

tables! {
    customers: objects::customers::Customer,
    products: objects::catalog::Product,
    prices: objects::catalog::Price,
    events: Event,
}

/// The state of the sandbox.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct World {
    /// What time it is, in seconds.
    pub now: i64,
    /// Where chance comes from.
    pub random: Random,
    /// Every object.
    pub tables: Tables,
    /// What is due.
    pub timers: Timers,
}

impl World {
    /// An empty sandbox, in which it is `now`.
    pub fn new(seed: u64, now: i64) -> Self {
        Self { now, random: Random::new(seed), tables: Tables::default(), timers: Timers::default() }
    }

    /// An object as Stripe shows it.
    pub fn wire<R: Resource>(&self, row: &R) -> Value {
        let mut value = row.view(self);
        crate::contract::fill(R::SCHEMA, &mut value);
        value
    }

    /// The object with this id.
    pub fn get<R: Resource>(&self, id: &str) -> Option<&R> {
        R::table(&self.tables).get(id)
    }

    /// All objects of a kind, oldest first.
    pub fn all<R: Resource>(&self) -> impl DoubleEndedIterator<Item = &R> {
        R::table(&self.tables).all()
    }
}
