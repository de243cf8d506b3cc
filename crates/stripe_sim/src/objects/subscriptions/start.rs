//! A subscription begins: its items, its first periods, its first invoice.

use super::{
    Cancellation, Item, Status, Subscription,
    extra::{self, Extra},
    status,
};
use crate::{
    error::ApiError,
    objects::{
        Kept,
        catalog::Price,
        customers::Customer,
        invoices::{self, Reason, draft, pay},
        metadata::Metadata,
        payment_intents::Outcome,
        period::{Period, around},
        setup_intents,
    },
    world::{Cx, Timer},
};

/// A subscription to be.
#[derive(Clone, Debug)]
pub(crate) struct New {
    pub customer: String,
    pub items: Vec<NewItem>,
    /// What is sold once, on the first invoice.
    pub extras: Vec<Extra>,
    pub default_payment_method: Option<String>,
    pub payment_behavior: PaymentBehavior,
    pub trial_end: Option<i64>,
    pub missing_payment_method: String,
    pub billing_cycle_anchor: Option<i64>,
    /// Whether the time before the first whole period is billed.
    pub prorate: bool,
    pub backdate_start_date: Option<i64>,
    pub cancel_at: Option<i64>,
    pub cancel_at_period_end: bool,
    pub collection_method: String,
    pub days_until_due: Option<i64>,
    pub save_default_payment_method: String,
    pub off_session: bool,
    pub metadata: Metadata,
    pub kept: Kept,
}

/// Something to subscribe to.
#[derive(Clone, Debug)]
pub(crate) struct NewItem {
    pub price: String,
    pub quantity: Option<i64>,
    pub metadata: Metadata,
}

/// What happens when the first invoice is not paid at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::enum_variant_names, reason = "they are Stripe's words")]
pub(crate) enum PaymentBehavior {
    AllowIncomplete,
    DefaultIncomplete,
    ErrorIfIncomplete,
    PendingIfIncomplete,
}

/// For how long a first invoice may stay unpaid. Source: <https://docs.stripe.com/billing/subscriptions/overview>
pub(super) const PAYMENT_WINDOW: i64 = 23 * 3600;

/// Most items. Source: the parameter `items` in the declarations of `stripe@23.1.0` of npm.
const MOST_ITEMS: usize = 20;

/// Begins a subscription; answers its id.
///
/// # Errors
/// What is wrong with it, and with `error_if_incomplete` the decline.
pub(crate) fn start(cx: &mut Cx<'_>, new: New) -> Result<String, ApiError> {
    begin(cx, new, false)
}

/// Begins the subscription of a schedule; answers its id. Its first invoice is a draft for an hour, like all that follow.
/// Source: <https://docs.stripe.com/billing/subscriptions/subscription-schedules>
///
/// # Errors
/// What is wrong with it.
pub(crate) fn start_scheduled(cx: &mut Cx<'_>, new: New) -> Result<String, ApiError> {
    begin(cx, new, true)
}

fn begin(cx: &mut Cx<'_>, new: New, drafted: bool) -> Result<String, ApiError> {
    let customer: Customer = cx.given(&new.customer, "customer").map_err(|error| error.status(404))?;
    let currency = checked_items(cx, &new.items)?;
    if customer.currency.as_ref().is_some_and(|other| *other != currency) {
        return Err(other_currency(customer.currency.as_deref().unwrap_or_default()));
    }
    let id = put(cx, &new, &currency);
    extra::wait(cx, &new.customer, &id, &currency, &new.extras)?;
    let before = cx.before::<Customer>(&customer.id);
    cx.edit::<Customer>(&customer.id, |customer| customer.currency = Some(currency));
    cx.tell_change::<Customer>("customer.updated", &customer.id, before);
    let outcome = first_invoice(cx, &id, &new, drafted)?;
    setup(cx, &id, &new);
    status::begun(cx, &id, outcome.as_ref(), new.payment_behavior);
    cx.tell::<Subscription>("customer.subscription.created", &id);
    if let (Some(invoice), Some(outcome)) = (latest(cx, &id), &outcome) {
        pay::tell(cx, &invoice, outcome, true);
    }
    timers(cx, &id);
    Ok(id)
}

fn latest(cx: &Cx<'_>, id: &str) -> Option<String> {
    cx.world.get::<Subscription>(id)?.latest_invoice.clone()
}

/// Puts the subscription and its items in.
fn put(cx: &mut Cx<'_>, new: &New, currency: &str) -> String {
    let now = cx.now();
    let id = cx.new_id("sub");
    let start = new.backdate_start_date.unwrap_or(now);
    let anchor = new.billing_cycle_anchor.or(new.trial_end).unwrap_or(start);
    let mut items = Vec::with_capacity(new.items.len());
    for item in &new.items {
        items.push(put_item(cx, &id, item, |every| match new.trial_end {
            Some(end) => Period { start: now, end },
            None => first_period(start, now, anchor, every),
        }));
    }
    let subscription = Subscription {
        id: id.clone(),
        created: now,
        start_date: start,
        customer: new.customer.clone(),
        status: if new.trial_end.is_some() { Status::Trialing } else { Status::Incomplete },
        items,
        currency: currency.to_owned(),
        billing_cycle_anchor: anchor,
        collection_method: new.collection_method.clone(),
        days_until_due: new.days_until_due,
        cancel_at: new.cancel_at,
        cancel_at_period_end: new.cancel_at_period_end,
        canceled_at: (new.cancel_at_period_end || new.cancel_at.is_some()).then_some(now),
        ended_at: None,
        cancellation: Cancellation::default(),
        default_payment_method: new.default_payment_method.clone(),
        latest_invoice: None,
        pending_setup_intent: None,
        pause_collection: None,
        paused: None,
        schedule: None,
        trial_start: new.trial_end.map(|_| now),
        trial_end: new.trial_end,
        missing_payment_method: new.missing_payment_method.clone(),
        save_default_payment_method: new.save_default_payment_method.clone(),
        metadata: new.metadata.clone(),
        kept: new.kept.clone(),
    };
    let end = subscription.next_end(cx.world).filter(|_| new.cancel_at_period_end);
    cx.put(Subscription { cancel_at: end.or(new.cancel_at), ..subscription });
    id
}

/// Puts an item in with the period that `period` gives it; answers its id.
pub(crate) fn put_item(
    cx: &mut Cx<'_>,
    subscription: &str,
    new: &NewItem,
    period: impl FnOnce(crate::objects::period::Every) -> Period,
) -> String {
    let id = cx.new_id("si");
    let now = cx.now();
    let mut item = Item {
        id: id.clone(),
        created: now,
        subscription: subscription.to_owned(),
        price: new.price.clone(),
        quantity: None,
        current_period_start: now,
        current_period_end: now,
        debits: Vec::new(),
        usage_from: now,
        metadata: new.metadata.clone(),
    };
    if !item.is_metered(cx.world) {
        item.quantity = Some(new.quantity.unwrap_or(1));
    }
    item.set_period(period(item.every(cx.world)));
    item.usage_from = item.current_period_start;
    cx.put(item);
    id
}

/// The period that holds now: counted from the anchor, which may lie ahead, and not before the start.
fn first_period(start: i64, now: i64, anchor: i64, every: crate::objects::period::Every) -> Period {
    let whole = around(anchor, every, now);
    Period { start: whole.start.max(start), end: whole.end }
}

/// Makes the first invoice, if there is anything to say on one, and tries to have it paid, unless it is to be a draft.
fn first_invoice(cx: &mut Cx<'_>, id: &str, new: &New, drafted: bool) -> Result<Option<Outcome>, ApiError> {
    let Some(invoice) = draft::first(cx, id, new.prorate) else { return Ok(None) };
    cx.edit::<Subscription>(id, |subscription| subscription.latest_invoice = Some(invoice.clone()));
    // Only an invoice that is charged automatically is final at once.
    if drafted || new.collection_method == "send_invoice" {
        invoices::finalize::later(cx, &invoice);
        return Ok(None);
    }
    invoices::finalize::now(cx, &invoice, Reason::SubscriptionCreate);
    if new.payment_behavior == PaymentBehavior::DefaultIncomplete {
        return Ok(pay::open(cx, &invoice, new.save_default_payment_method == "on_subscription"));
    }
    let outcome = pay::collect(cx, &invoice, None, pay::By::request(new.off_session))?;
    match (&outcome, new.payment_behavior) {
        (Outcome::Declined(error), PaymentBehavior::ErrorIfIncomplete) => Err(error.as_ref().clone()),
        (Outcome::RequiresAction, PaymentBehavior::ErrorIfIncomplete) => Err(pay::needs_action_whole()),
        _ => Ok(Some(outcome)),
    }
}

/// A trial that begins without a payment asks for a payment method all the same, or tries the one there is.
fn setup(cx: &mut Cx<'_>, id: &str, new: &New) {
    if new.trial_end.is_none() {
        return;
    }
    let method = cx.world.get::<Subscription>(id).and_then(|subscription| subscription.payment_method(cx.world));
    let pending = setup_intents::for_subscription(cx, &new.customer, method.as_deref());
    cx.edit::<Subscription>(id, |subscription| subscription.pending_setup_intent = pending);
}

/// Sets what is going to happen to a subscription by itself.
pub(super) fn timers(cx: &mut Cx<'_>, id: &str) {
    let Some(subscription) = cx.world.get::<Subscription>(id).cloned() else { return };
    let now = cx.now();
    if subscription.status == Status::Incomplete {
        cx.at(now + PAYMENT_WINDOW, Timer::Incomplete(id.to_owned()));
    }
    if let Some(end) = subscription.trial_end.filter(|end| *end > now) {
        cx.at((end - super::turn::TRIAL_WARNING).max(now), Timer::TrialWillEnd(id.to_owned()));
    }
    super::turn::schedule(cx, id);
}

/// The currency of the items, if they can be sold together.
pub(super) fn checked_items(cx: &Cx<'_>, items: &[NewItem]) -> Result<String, ApiError> {
    if items.is_empty() {
        return Err(ApiError::missing("items"));
    }
    if items.len() > MOST_ITEMS {
        let message = format!("A subscription can have at most {MOST_ITEMS} items.");
        return Err(ApiError::wrong(&message, "items"));
    }
    let mut currency: Option<String> = None;
    for (place, item) in items.iter().enumerate() {
        let at = format!("items[{place}][price]");
        let price = sellable(cx, &item.price, &at)?;
        if items[..place].iter().any(|other| other.price == item.price) {
            let message = format!(
                "Cannot create a Subscription with multiple Subscription Items with the same Price: {}",
                item.price
            );
            return Err(ApiError::wrong(&message, "plan"));
        }
        match &currency {
            Some(other) if *other != price.currency => return Err(mixed_currencies(&price.currency, other, &at)),
            _ => currency = Some(price.currency.clone()),
        }
        if price.is_metered() && item.quantity.is_some() {
            let message = "You cannot set the quantity for metered plans.";
            return Err(ApiError::wrong(message, &format!("items[{place}][quantity]")));
        }
    }
    Ok(currency.unwrap_or_default())
}

/// A price that can be subscribed to.
pub(crate) fn sellable(cx: &Cx<'_>, price: &str, at: &str) -> Result<Price, ApiError> {
    let price: Price = cx.given(price, at)?;
    if !price.active {
        let message = "The price specified is inactive. This field only accepts active prices.";
        return Err(ApiError::wrong(message, at));
    }
    if price.recurring.is_none() {
        let message = "The price specified is set to `type=one_time` but this field only accepts prices with \
                       `type=recurring`.";
        return Err(ApiError::wrong(message, at));
    }
    Ok(price)
}

pub(super) fn mixed_currencies(this: &str, other: &str, at: &str) -> ApiError {
    let message = format!(
        "This `price` has `currency={this}`, but other items use `currency={other}`. All items must have pricing in the \
         same currency. When using multi-currency prices, you can specify `currency` at the top level, to be used by \
         all items."
    );
    ApiError::wrong(&message, at)
}

fn other_currency(currency: &str) -> ApiError {
    ApiError::invalid(format!(
        "You cannot combine currencies on a single customer. This customer has an active subscription, subscription \
         schedule, discount, quote, invoice item or active subscription mode checkout session with currency {currency}."
    ))
}
