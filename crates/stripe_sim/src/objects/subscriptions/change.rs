//! A subscription changes: items, quantities, prices, anchor, trial; and what that costs or gives back.
//!
//! A change gives back the rest of what was asked for the old item and asks for the rest of the new one, each rounded by
//! itself, by the second. Source: <https://docs.stripe.com/billing/subscriptions/prorations>

use super::{
    Item, Status, Subscription, anew,
    debits::{Credit, Debit, cut},
    start::{NewItem, PaymentBehavior, put_item, sellable},
    turn,
};
use crate::{
    error::ApiError,
    objects::{
        catalog::{self, Price},
        decimal::Decimal,
        invoices::{
            Invoice, InvoiceItem, Reason, draft, finalize,
            items::{resolved, take_up},
            lines::Credited,
            pay,
        },
        metadata::{Metadata, merged},
        payment_intents::Outcome,
        period::{Period, around, share},
    },
    world::Cx,
};
use serde_json::Value;

/// What changes.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub items: Vec<ItemChange>,
    pub proration: Proration,
    /// As of when; `None` is now.
    pub date: Option<i64>,
    /// Whether periods begin anew now.
    pub anchor_now: bool,
    pub trial: Option<TrialChange>,
    pub payment_behavior: PaymentBehavior,
    pub off_session: bool,
}

/// What changes of one item. Without its id it is one more.
#[derive(Clone, Debug, Default)]
pub(crate) struct ItemChange {
    pub id: Option<String>,
    pub price: Option<String>,
    pub quantity: Option<i64>,
    pub deleted: bool,
    pub metadata: Option<Value>,
}

/// How the rest of a period is billed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proration {
    /// On an invoice at once.
    AlwaysInvoice,
    /// On the next invoice.
    Create,
    /// Not at all.
    None,
}

/// What becomes of a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TrialChange {
    /// It ends now.
    Now,
    /// It ends then; there is one if there was none.
    At(i64),
}

/// Changes a subscription. What is invoiced is told; the subscription is not: the caller tells all that changed of it.
///
/// # Errors
/// What is wrong with the change, and with `error_if_incomplete` the decline.
pub(crate) fn apply(cx: &mut Cx<'_>, id: &str, change: &Change) -> Result<(), ApiError> {
    let found: Subscription = cx.of_path(id)?;
    if change.payment_behavior == PaymentBehavior::PendingIfIncomplete {
        return Err(ApiError::not_simulated("payment_behavior=pending_if_incomplete"));
    }
    let at = checked_date(cx, &found, change)?;
    for (place, item) in change.items.iter().enumerate() {
        change_item(cx, id, item, place, change, at)?;
    }
    if cx.world.get::<Subscription>(id).is_some_and(|found| found.items.is_empty()) {
        return Err(ApiError::wrong("A subscription must have at least one active plan.", "items"));
    }
    if change.trial == Some(TrialChange::Now) && turn::trial_ended_without_payment(cx, id) {
        return Ok(());
    }
    let mut fresh = false;
    if change.anchor_now {
        anew::restart(cx, id, change.proration != Proration::None);
        fresh = true;
    }
    if let Some(trial) = change.trial {
        fresh |= anew::change_trial(cx, id, trial, change.proration)?;
    }
    if fresh || change.proration == Proration::AlwaysInvoice {
        invoice(cx, id, &found, change, fresh)?;
    }
    Ok(())
}

/// As of when the change counts.
fn checked_date(cx: &Cx<'_>, found: &Subscription, change: &Change) -> Result<i64, ApiError> {
    let Some(date) = change.date else { return Ok(cx.now()) };
    if change.anchor_now {
        return Err(ApiError::invalid("You cannot specify 'proration_date' when 'billing_cycle_anchor=now'"));
    }
    let inside = |item: &Item| item.current_period_start <= date && date <= item.current_period_end;
    if found.items_of(cx.world).any(inside) {
        return Ok(date);
    }
    let message = "Cannot specify `proration_date` outside of current subscription period.";
    Err(ApiError::wrong(message, "proration_date"))
}

fn change_item(
    cx: &mut Cx<'_>,
    id: &str,
    item: &ItemChange,
    place: usize,
    change: &Change,
    at: i64,
) -> Result<(), ApiError> {
    let Some(of) = &item.id else { return add_item(cx, id, item, place, change, at) };
    let found: Item = cx.find::<Item>(of).filter(|found| found.subscription == id).cloned().ok_or_else(|| {
        ApiError::invalid(format!("Invalid subscription_item id: {of}")).at(&format!("items[{place}][id]"))
    })?;
    if item.deleted {
        take_away(cx, id, &found, change, at);
        return Ok(());
    }
    let metadata = merged(&found.metadata, item.metadata.as_ref())?;
    cx.edit::<Item>(of, |item| item.metadata = metadata);
    let price = item.price.clone().unwrap_or_else(|| found.price.clone());
    sellable(cx, &price, &format!("items[{place}][price]"))?;
    // A new price begins with one unit, unless it says how many.
    let same_price = price == found.price;
    let quantity = item.quantity.or(if same_price { found.quantity } else { Some(1) });
    if same_price && quantity == found.quantity {
        return Ok(());
    }
    give_back(cx, id, &found, change, at);
    switch(cx, id, of, &price, quantity, at);
    ask(cx, id, of, change, at);
    Ok(())
}

/// Adds an item.
fn add_item(
    cx: &mut Cx<'_>,
    id: &str,
    item: &ItemChange,
    place: usize,
    change: &Change,
    at: i64,
) -> Result<(), ApiError> {
    let param = format!("items[{place}][price]");
    let price = item.price.clone().ok_or_else(|| ApiError::missing(&param))?;
    sellable(cx, &price, &param)?;
    let Some(found) = cx.world.get::<Subscription>(id).cloned() else { return Ok(()) };
    if let Some(using) = found.items_of(cx.world).find(|other| other.price == price) {
        return Err(used_already(&price, &using.id));
    }
    let metadata = merged(&Metadata::new(), item.metadata.as_ref())?;
    let new = NewItem { price, quantity: item.quantity, metadata };
    let trial = found.trial_end.filter(|_| found.status == Status::Trialing);
    let added = put_item(cx, id, &new, |every| match trial {
        Some(end) => Period { start: at, end },
        None => around(found.billing_cycle_anchor, every, at),
    });
    cx.edit::<Item>(&added, |item| item.usage_from = at);
    cx.edit::<Subscription>(id, |found| found.items.push(added.clone()));
    ask(cx, id, &added, change, at);
    Ok(())
}

/// Takes an item away.
fn take_away(cx: &mut Cx<'_>, id: &str, found: &Item, change: &Change, at: i64) {
    give_back(cx, id, found, change, at);
    cx.edit::<Subscription>(id, |subscription| subscription.items.retain(|item| *item != found.id));
}

/// Gives the rest of an item's time back, or asks for its usage so far, before it changes.
fn give_back(cx: &mut Cx<'_>, id: &str, found: &Item, change: &Change, at: i64) {
    if change.proration == Proration::None {
        return;
    }
    if found.is_metered(cx.world) {
        usage_so_far(cx, id, found, at);
    } else {
        credit(cx, id, &found.id, at);
    }
}

/// Gives an item another price or quantity, and the period that goes with it.
fn switch(cx: &mut Cx<'_>, id: &str, item: &str, price: &str, quantity: Option<i64>, at: i64) {
    let Some(subscription) = cx.world.get::<Subscription>(id).cloned() else { return };
    let Some(before) = cx.world.get::<Item>(item).map(|item| item.every(cx.world)) else { return };
    cx.edit::<Item>(item, |item| item.price = price.to_owned());
    let Some(changed) = cx.world.get::<Item>(item).cloned() else { return };
    let (every, metered) = (changed.every(cx.world), changed.is_metered(cx.world));
    let other_interval = every != before && subscription.status != Status::Trialing;
    cx.edit::<Item>(item, |item| {
        item.quantity = if metered { None } else { quantity.or(Some(1)) };
        item.usage_from = at;
        if other_interval {
            item.set_period(around(subscription.billing_cycle_anchor, every, at));
        }
    });
}

/// Asks for the rest of an item's period.
fn ask(cx: &mut Cx<'_>, id: &str, item: &str, change: &Change, at: i64) {
    let Some(subscription) = cx.world.get::<Subscription>(id).cloned() else { return };
    let Some(found) = cx.world.get::<Item>(item).filter(|item| !item.is_metered(cx.world)).cloned() else { return };
    if change.proration == Proration::None || change.anchor_now || subscription.status == Status::Trialing {
        return;
    }
    debit(cx, &subscription, &found, Period { start: at, end: found.current_period_end });
}

/// Asks for a part of an item's period: its share of the whole one, which may be longer than the one it has.
pub(super) fn debit(cx: &mut Cx<'_>, subscription: &Subscription, found: &Item, rest: Period) {
    if found.is_metered(cx.world) {
        return;
    }
    let Some(price) = found.price_of(cx.world).cloned() else { return };
    let quantity = found.quantity.unwrap_or(1);
    let whole = around(subscription.billing_cycle_anchor, found.every(cx.world), found.current_period_start);
    let amount = share(catalog::amount_of(&price, Decimal::from(quantity)), rest.span(), whole.span());
    let description = draft::remaining(cx.world, &price, quantity, rest.start);
    let new = New { amount, quantity, period: rest, description, credited: None };
    let by = Credited::Pending { invoice_item: wait(cx, subscription, &found.id, &price, new) };
    let debit = Debit { period: rest, amount, quantity, price: price.id, by };
    cx.edit::<Item>(&found.id, |item| item.debits.push(debit));
}

/// Gives back the rest of what was asked for an item.
pub(super) fn credit(cx: &mut Cx<'_>, id: &str, item: &str, at: i64) {
    let Some(subscription) = cx.world.get::<Subscription>(id).cloned() else { return };
    let mut debits = cx.world.get::<Item>(item).map(|item| item.debits.clone()).unwrap_or_default();
    let credits = cut(&mut debits, at);
    cx.edit::<Item>(item, |item| item.debits = debits);
    for Credit { amount, period, quantity, price, of } in credits {
        let Some(price) = cx.world.get::<Price>(&price).cloned() else { continue };
        let description = draft::unused(cx.world, &price, quantity, at);
        let credited = Some(resolved(cx.world, of));
        wait(cx, &subscription, item, &price, New { amount, quantity, period, description, credited });
    }
}

/// Gives back the rest of what was asked for all items.
pub(super) fn credit_rest(cx: &mut Cx<'_>, found: &Subscription, at: i64) {
    for item in &found.items {
        credit(cx, &found.id, item, at);
    }
}

/// Asks for the usage of an item so far, if it is metered, since the item is about to go.
pub(crate) fn bill_usage_so_far(cx: &mut Cx<'_>, id: &str, item: &str, at: i64) {
    if let Some(found) = cx.world.get::<Item>(item).filter(|item| item.is_metered(cx.world)).cloned() {
        usage_so_far(cx, id, &found, at);
    }
}

/// Asks for the usage of a metered item before its price changes or it goes.
fn usage_so_far(cx: &mut Cx<'_>, id: &str, found: &Item, at: i64) {
    let (Some(subscription), Some(price)) =
        (cx.world.get::<Subscription>(id).cloned(), found.price_of(cx.world).cloned())
    else {
        return;
    };
    if subscription.status == Status::Trialing || found.usage_from >= at {
        return;
    }
    let period = Period { start: found.usage_from, end: at };
    let used = draft::usage(cx.world, found, &price, period);
    for part in catalog::amount_for(&price, used).into_iter().filter(|part| part.amount != 0) {
        let description = catalog::describe(cx.world, &price, &part);
        let new = New { amount: part.amount, quantity: part.quantity, period, description, credited: None };
        wait(cx, &subscription, &found.id, &price, new);
    }
}

/// Something that is to wait for the next invoice.
struct New {
    amount: i64,
    quantity: i64,
    period: Period,
    description: String,
    credited: Option<Credited>,
}

/// Lets something wait for the next invoice of a subscription; answers its id.
fn wait(cx: &mut Cx<'_>, subscription: &Subscription, item: &str, price: &Price, new: New) -> String {
    let id = cx.new_id("ii");
    let date = cx.now();
    let New { amount, quantity, period, description, credited } = new;
    cx.create(
        InvoiceItem {
            id: id.clone(),
            date,
            customer: subscription.customer.clone(),
            subscription: Some(subscription.id.clone()),
            item: Some(item.to_owned()),
            amount,
            currency: subscription.currency.clone(),
            description: Some(description),
            period,
            proration: true,
            quantity,
            unit_amount_decimal: price.unit_amount_decimal.clone(),
            price: Some(price.id.clone()),
            product: Some(price.product.clone()),
            credited,
            invoice: None,
            line: None,
            metadata: Metadata::new(),
            deleted: false,
        },
        "invoiceitem.created",
    );
    id
}

/// Invoices what the change asks for, at once, with what waits besides.
pub(super) fn invoice(
    cx: &mut Cx<'_>,
    id: &str,
    was: &Subscription,
    change: &Change,
    fresh: bool,
) -> Result<(), ApiError> {
    let Some(found) = cx.world.get::<Subscription>(id).cloned() else { return Ok(()) };
    let now = cx.now();
    let start =
        if fresh { now } else { was.items_of(cx.world).map(|item| item.current_period_start).min().unwrap_or(now) };
    let invoice = draft::of(cx, &found, Reason::SubscriptionUpdate, Period { start, end: now });
    cx.edit::<Invoice>(&invoice, |invoice| invoice.proration_date = change.date);
    take_up(cx, &invoice, id);
    if fresh {
        for item in &found.items {
            if found.status == Status::Trialing {
                draft::trial_line(cx, &invoice, item);
            } else {
                draft::time_line(cx, &invoice, item, true);
            }
        }
    }
    if !keep_if_lines(cx, id, &invoice) {
        return Ok(());
    }
    finalize::now(cx, &invoice, Reason::SubscriptionUpdate);
    if found.collection_method == "send_invoice" {
        return Ok(());
    }
    let outcome = match change.payment_behavior {
        PaymentBehavior::DefaultIncomplete => match pay::open(cx, &invoice, false) {
            Some(outcome) => outcome,
            None => return Ok(()),
        },
        _ => pay::collect(cx, &invoice, None, pay::By::request(change.off_session))?,
    };
    if change.payment_behavior == PaymentBehavior::ErrorIfIncomplete {
        match &outcome {
            Outcome::Declined(error) => return Err(error.as_ref().clone()),
            Outcome::RequiresAction => return Err(pay::needs_action_whole()),
            Outcome::Succeeded | Outcome::Processing => {}
        }
    }
    pay::tell(cx, &invoice, &outcome, true);
    if matches!(outcome, Outcome::Declined(_) | Outcome::RequiresAction) {
        cx.edit::<Subscription>(id, |found| {
            if found.status == Status::Active {
                found.status = Status::PastDue;
            }
        });
    }
    Ok(())
}

/// Takes a draft without lines out again, else makes it the subscription's newest; says whether it stays.
pub(super) fn keep_if_lines(cx: &mut Cx<'_>, id: &str, invoice: &str) -> bool {
    if cx.world.get::<Invoice>(invoice).is_none_or(|invoice| invoice.lines.is_empty()) {
        cx.remove::<Invoice>(invoice);
        return false;
    }
    cx.edit::<Subscription>(id, |found| found.latest_invoice = Some(invoice.to_owned()));
    true
}

fn used_already(price: &str, item: &str) -> ApiError {
    let message = format!(
        "A new item with Price {price} can't be added to this Subscription because an existing Subscription Item {item} \
         is already using that Price. If you want to update the existing item (e.g., to adjust the quantity), pass the \
         existing Subscription Item's `id` in your update request: \
         https://stripe.com/docs/api/subscriptions/update#update_subscription-items-id"
    );
    ApiError::wrong(&message, "plan")
}
