//! The state of the sandbox: every object, what is due, and what was told.

mod answered;
mod change;
mod cx;
mod event;
mod expand;
mod format;
mod list;
mod random;
mod resource;
mod table;
mod timers;

pub(crate) use answered::{Answered, Known};
pub(crate) use cx::{Cause, Cx};
pub(crate) use event::Event;
pub(crate) use expand::expand;
pub(crate) use list::{PageAsked, page, within};
pub(crate) use random::Random;
pub(crate) use resource::{Resource, list_of, plain};
pub(crate) use table::Table;
pub(crate) use timers::{Timer, Timers};

use crate::objects;
use format::Format;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

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

            /// Whether there is, or was, an object `id` of the kind named `schema` in the contract.
            pub fn has(&self, schema: &str, id: &str) -> bool {
                match schema {
                    $(<$row as Resource>::SCHEMA => self.tables.$field.get(id).is_some(),)+
                    _ => false,
                }
            }
        }
    };
}

tables! {
    customers: objects::customers::Customer,
    balance_changes: objects::customers_balance::BalanceChange,
    products: objects::catalog::Product,
    prices: objects::catalog::Price,
    features: objects::entitlements::Feature,
    product_features: objects::entitlements::ProductFeature,
    active_entitlements: objects::entitlements::ActiveEntitlement,
    payment_methods: objects::payment_methods::PaymentMethod,
    payment_intents: objects::payment_intents::PaymentIntent,
    setup_intents: objects::setup_intents::SetupIntent,
    charges: objects::charges::Charge,
    balance_transactions: objects::balance::BalanceTransaction,
    refunds: objects::refunds::Refund,
    disputes: objects::disputes::Dispute,
    subscriptions: objects::subscriptions::Subscription,
    subscription_items: objects::subscriptions::Item,
    schedules: objects::schedules::Schedule,
    invoices: objects::invoices::Invoice,
    lines: objects::invoices::Line,
    invoice_items: objects::invoices::InvoiceItem,
    invoice_payments: objects::invoices::InvoicePayment,
    sessions: objects::checkout::Session,
    session_items: objects::checkout::SessionItem,
    portal_configurations: objects::portal::Configuration,
    portal_sessions: objects::portal::Session,
    meters: objects::meters::Meter,
    meter_waiting: objects::meters::Waiting,
    meter_receipts: objects::meters::Receipt,
    meter_tallies: objects::meters::Tally,
    meter_faults: objects::meters::Faults,
    meter_sessions: objects::meters::MeterSession,
    test_clocks: objects::test_clocks::TestClock,
    webhook_endpoints: crate::deliver::WebhookEndpoint,
    event_destinations: crate::deliver::EventDestination,
    events: Event,
    thin_events: crate::deliver::ThinEvent,
    deliveries: crate::deliver::Delivery,
    delivery_faults: crate::deliver::PlantedFault,
}

/// The state of the sandbox.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct World {
    /// What it is, for whoever finds it kept in a file.
    format: Format,
    /// Whether its clock stands until it is moved, for whoever goes on from it when it was kept.
    pub stands: bool,
    /// What time it is, in seconds.
    pub now: i64,
    /// How far the clock is asked to go.
    pub target: i64,
    /// Where chance comes from.
    pub random: Random,
    /// Every object.
    pub tables: Tables,
    /// What is due.
    pub timers: Timers,
    /// What is to be delivered when.
    pub dispatch: crate::deliver::Dispatch,
    /// How the account behaves.
    pub settings: Behaviour,
    /// Answers to requests with a key, for whoever sends them again.
    pub answered: Answered,
}

/// How the account behaves: what is set in Stripe's dashboard.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Behaviour {
    /// Where the sandbox is, for the addresses of its pages.
    pub base: String,
    /// How long after each failed payment it is tried again, in seconds; after the last it is given up.
    pub retry_after: Vec<i64>,
    /// What becomes of the subscription then: `cancel`, `unpaid`, `past_due` or `paused`.
    pub after_retries: String,
    /// How long before a period ends its invoice is announced, in seconds.
    pub upcoming_before: i64,
}

impl Default for Behaviour {
    /// Three more attempts, each 3, 5 and 7 days after the one before, and then the end: one of the usual choices.
    /// Source: <https://docs.stripe.com/billing/revenue-recovery/smart-retries>
    fn default() -> Self {
        let day = 86_400;
        Self {
            base: String::new(),
            retry_after: vec![3 * day, 5 * day, 7 * day],
            after_retries: "cancel".into(),
            upcoming_before: 7 * day,
        }
    }
}

impl World {
    /// An empty sandbox, in which it is `now`.
    pub fn new(seed: u64, now: i64) -> Self {
        Self {
            format: Format,
            stands: true,
            now,
            target: now,
            random: Random::new(seed),
            tables: Tables::default(),
            timers: Timers::default(),
            dispatch: crate::deliver::Dispatch::default(),
            settings: Behaviour::default(),
            answered: Answered::default(),
        }
    }

    /// An object as Stripe shows it.
    pub fn wire<R: Resource>(&self, row: &R) -> Value {
        let mut value = row.view(self);
        // Of what was deleted there is nothing more to say.
        if value["deleted"] != true {
            crate::contract::fill(R::SCHEMA, &mut value);
        }
        value
    }

    /// What is shown of an object only when it is asked for, such as the tiers of a price.
    pub fn on_demand(&self, object: &Map<String, Value>, field: &str) -> Option<Value> {
        let id = object.get("id").and_then(Value::as_str).unwrap_or_default();
        match (object.get("object").and_then(Value::as_str), field) {
            (Some("invoice"), "payments") => objects::invoices::payments::shown(self, id),
            (Some("invoice"), "confirmation_secret") => objects::invoices::payments::secret(self, id),
            (Some("checkout.session"), "line_items") => objects::checkout::shown_items(self, id),
            (Some("charge"), "refunds") => objects::refunds::shown(self, id),
            _ => objects::catalog::on_demand(self, object, field),
        }
    }

    /// The object with this id.
    pub fn get<R: Resource>(&self, id: &str) -> Option<&R> {
        R::table(&self.tables).get(id)
    }

    /// The objects of a kind that belong to the object `owner`, oldest first.
    pub fn of<R: Resource>(&self, owner: &str) -> impl DoubleEndedIterator<Item = &R> {
        R::table(&self.tables).of(owner)
    }

    /// All objects of a kind, oldest first.
    pub fn all<R: Resource>(&self) -> impl DoubleEndedIterator<Item = &R> {
        R::table(&self.tables).all()
    }
}
