//! The kinds of objects that can be looked at.

use crate::{
    deliver::{EventDestination, ThinEvent, WebhookEndpoint},
    objects::{
        balance::BalanceTransaction,
        catalog::{Price, Product},
        charges::Charge,
        checkout::{self, SessionItem},
        customers::Customer,
        disputes::Dispute,
        invoices::{Invoice, InvoiceItem, InvoicePayment, Line},
        meters::Meter,
        payment_intents::PaymentIntent,
        payment_methods::PaymentMethod,
        portal::{self, Configuration},
        refunds::Refund,
        schedules::Schedule,
        setup_intents::SetupIntent,
        subscriptions::{Item, Subscription},
        test_clocks::TestClock,
    },
    world::{Event, Resource, World},
};

/// A kind of objects.
pub(super) struct Kind {
    /// Its name in the contract.
    pub schema: &'static str,
    /// What people call its objects.
    pub title: &'static str,
    /// How many there are.
    pub count: fn(&World) -> usize,
    /// Their ids, the newest first.
    pub ids: fn(&World) -> Vec<String>,
    /// Whether there is one with this id.
    has: fn(&World, &str) -> bool,
}

const fn kind<R: Resource>(title: &'static str) -> Kind {
    Kind { schema: R::SCHEMA, title, count: count::<R>, ids: ids::<R>, has: has::<R> }
}

fn count<R: Resource>(world: &World) -> usize {
    world.all::<R>().count()
}

fn ids<R: Resource>(world: &World) -> Vec<String> {
    world.all::<R>().rev().map(|row| row.id().to_owned()).collect()
}

fn has<R: Resource>(world: &World, id: &str) -> bool {
    world.get::<R>(id).is_some()
}

/// All kinds.
pub(super) const KINDS: &[Kind] = &[
    kind::<Customer>("Customers"),
    kind::<Product>("Products"),
    kind::<Price>("Prices"),
    kind::<Subscription>("Subscriptions"),
    kind::<Item>("Subscription items"),
    kind::<Schedule>("Subscription schedules"),
    kind::<Invoice>("Invoices"),
    kind::<Line>("Invoice lines"),
    kind::<InvoiceItem>("Invoice items"),
    kind::<InvoicePayment>("Invoice payments"),
    kind::<checkout::Session>("Checkout sessions"),
    kind::<SessionItem>("Checkout items"),
    kind::<Configuration>("Portal configurations"),
    kind::<portal::Session>("Portal sessions"),
    kind::<PaymentMethod>("Payment methods"),
    kind::<PaymentIntent>("Payment intents"),
    kind::<SetupIntent>("Setup intents"),
    kind::<Charge>("Charges"),
    kind::<Refund>("Refunds"),
    kind::<Dispute>("Disputes"),
    kind::<BalanceTransaction>("Balance transactions"),
    kind::<Meter>("Meters"),
    kind::<TestClock>("Test clocks"),
    kind::<WebhookEndpoint>("Webhook endpoints"),
    kind::<EventDestination>("Event destinations"),
    kind::<Event>("Events"),
    kind::<ThinEvent>("Thin events"),
];

/// The kind of the object with this id.
pub(super) fn of(world: &World, id: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| (kind.has)(world, id))
}

/// The kind with this name in the contract.
pub(super) fn named(schema: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.schema == schema)
}

/// The address of the page of the object with this id.
pub(super) fn path(id: &str) -> String {
    format!("/_sandbox/object?id={}", crate::pages::shown::escaped(id))
}

#[cfg(test)]
mod tests {
    use super::{KINDS, named, of, path};
    use crate::{
        objects::{
            customers,
            testing::{asked, value},
        },
        world::{Cx, World},
    };
    use serde_json::json;

    #[test]
    fn objects_are_found_by_their_id() {
        let mut world = World::new(1, 1000);
        let mut cx = Cx::new(&mut world, None);
        let made = value(customers::create(&mut cx, &asked(&[], json!({}))));
        let id = made["id"].as_str().expect("an id");
        assert_eq!(of(&world, id).map(|kind| kind.schema), Some("customer"));
        assert!(of(&world, "cus_x").is_none());
        let kind = named("customer").expect("a kind");
        assert_eq!(((kind.count)(&world), (kind.ids)(&world)), (1, vec![id.to_owned()]));
        assert_eq!(path("a b"), "/_sandbox/object?id=a+b");
    }

    #[test]
    fn every_kind_has_a_name_of_its_own() {
        let mut names: Vec<&str> = KINDS.iter().map(|kind| kind.schema).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), KINDS.len());
    }
}
