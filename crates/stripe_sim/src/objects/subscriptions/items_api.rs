//! Operations on the items of subscriptions.

use super::{
    Item, Subscription,
    api::{Details, ItemDetails, change_of},
    change, turn,
};
use crate::{
    error::ApiError,
    http::{Answer, Asked},
    objects::given,
    world::Cx,
};
use serde::Deserialize;
use serde_json::Value;

/// What is asked of one item by itself.
#[derive(Deserialize)]
struct Fields {
    subscription: Option<String>,
    price: Option<String>,
    quantity: Option<i64>,
    proration_behavior: Option<String>,
    proration_date: Option<i64>,
    payment_behavior: Option<String>,
    #[serde(default, deserialize_with = "given")]
    metadata: Option<Value>,
}

impl Fields {
    /// The change of a subscription that it comes to.
    fn details(self, item: ItemDetails) -> Details {
        Details {
            items: vec![item],
            proration_behavior: self.proration_behavior,
            proration_date: self.proration_date,
            payment_behavior: self.payment_behavior,
            ..Details::default()
        }
    }
}

/// `POST /v1/subscription_items`
pub(crate) fn create(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let fields: Fields = asked.read()?;
    let id = fields.subscription.clone().unwrap_or_default();
    let live = |found: &&Subscription| !found.is_over();
    let found = cx.find::<Subscription>(&id).filter(live).cloned();
    let found = found.ok_or_else(|| ApiError::no_such("subscription", &id).at("subscription").status(404))?;
    let item = ItemDetails {
        price: fields.price.clone(),
        quantity: fields.quantity,
        metadata: fields.metadata.clone(),
        ..ItemDetails::default()
    };
    changed(cx, &found.id, &fields.details(item))?;
    let added = cx.world.get::<Subscription>(&found.id).and_then(|found| found.items.last().cloned());
    Answer::object::<Item>(cx, &added.unwrap_or_default())
}

/// `POST /v1/subscription_items/{id}`
pub(crate) fn update(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let fields: Fields = asked.read()?;
    let found = live(cx, asked.id())?;
    let item = ItemDetails {
        id: Some(found.id.clone()),
        price: fields.price.clone(),
        quantity: fields.quantity,
        metadata: fields.metadata.clone(),
        ..ItemDetails::default()
    };
    changed(cx, &found.subscription, &fields.details(item))?;
    Answer::object::<Item>(cx, asked.id())
}

/// `DELETE /v1/subscription_items/{id}`
pub(crate) fn delete(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let fields: Fields = asked.read()?;
    let found = live(cx, asked.id())?;
    let item = ItemDetails { id: Some(found.id.clone()), deleted: true, ..ItemDetails::default() };
    changed(cx, &found.subscription, &fields.details(item))?;
    Ok(Answer::deleted("subscription_item", asked.id()))
}

/// `GET /v1/subscription_items/{id}`
pub(crate) fn retrieve(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    live(cx, asked.id())?;
    Answer::object::<Item>(cx, asked.id())
}

/// `GET /v1/subscription_items`: oldest first, as in the subscription.
pub(crate) fn list(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let id = asked.params.get("subscription").and_then(Value::as_str).unwrap_or_default();
    let found: Subscription = cx.given(id, "subscription")?;
    Ok(Answer::listed::<Item>(found.items))
}

/// An item that its subscription still has.
fn live(cx: &Cx<'_>, id: &str) -> Result<Item, ApiError> {
    let has = |item: &&Item| {
        let found = cx.world.get::<Subscription>(&item.subscription);
        found.is_some_and(|found| !found.is_over() && found.items.contains(&item.id))
    };
    let found = cx.find::<Item>(id).filter(has).cloned();
    found.ok_or_else(|| ApiError::invalid(format!("Invalid subscription_item id: {id}")).status(404))
}

/// Changes the subscription and tells what changed of it.
fn changed(cx: &mut Cx<'_>, id: &str, details: &Details) -> Result<(), ApiError> {
    let before = cx.before::<Subscription>(id);
    let change = change_of(details, cx.now())?;
    change::apply(cx, id, &change)?;
    cx.tell_change::<Subscription>("customer.subscription.updated", id, before);
    turn::schedule(cx, id);
    Ok(())
}
