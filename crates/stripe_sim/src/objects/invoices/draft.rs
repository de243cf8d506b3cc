//! Drafts: what a subscription asks for at its begin, at a turn, and after a change.

use super::{
    Invoice, Reason, Status,
    items::take_up_all,
    lines::{self, Credited, From, NewLine},
};
use crate::{
    objects::{
        catalog::{self, Price},
        decimal::Decimal,
        metadata::Metadata,
        meters,
        period::{Period, around, day, share},
        subscriptions::{self, Item, Subscription, debits::Debit},
    },
    world::{Cx, Timer, World},
};

/// An empty draft.
pub(crate) struct New<'a> {
    pub customer: &'a str,
    pub subscription: Option<&'a Subscription>,
    pub currency: &'a str,
    pub reason: Reason,
    /// The time that is looked back at.
    pub period: Period,
}

/// Puts an empty draft in; answers its id. Nobody is told yet.
pub(crate) fn put(cx: &mut Cx<'_>, new: &New<'_>) -> String {
    let id = cx.new_id("in");
    let collection = new.subscription.map_or("charge_automatically", |found| found.collection_method.as_str());
    let days = new.subscription.and_then(|found| found.days_until_due);
    let due_date = days.map(|days| cx.now() + days * 86_400);
    if let Some(at) = due_date {
        cx.at(at, Timer::Overdue(id.clone()));
    }
    let invoice = Invoice {
        id: id.clone(),
        created: cx.now(),
        customer: new.customer.to_owned(),
        subscription: new.subscription.map(|subscription| subscription.id.clone()),
        status: Status::Draft,
        billing_reason: new.reason,
        collection_method: collection.to_owned(),
        currency: new.currency.to_owned(),
        lines: Vec::new(),
        period_start: new.period.start,
        period_end: new.period.end,
        number: None,
        starting_balance: 0,
        ending_balance: None,
        amount_due: 0,
        amount_paid: 0,
        attempt_count: 0,
        attempted: false,
        auto_advance: false,
        automatically_finalizes_at: None,
        next_payment_attempt: None,
        due_date,
        default_payment_method: None,
        payment_intent: None,
        proration_date: None,
        finalized_at: None,
        paid_at: None,
        voided_at: None,
        marked_uncollectible_at: None,
        webhooks_delivered_at: None,
        subscription_metadata: Metadata::new(),
        metadata: Metadata::new(),
        kept: super::super::Kept::new(),
    };
    cx.put(invoice);
    id
}

/// A draft of a subscription.
pub(crate) fn of(cx: &mut Cx<'_>, subscription: &Subscription, reason: Reason, period: Period) -> String {
    let (customer, currency) = (subscription.customer.clone(), subscription.currency.clone());
    put(cx, &New { customer: &customer, subscription: Some(subscription), currency: &currency, reason, period })
}

/// The first invoice of a subscription; `None` when there is nothing to say on one, as in flexible billing mode when
/// all is metered.
pub(crate) fn first(cx: &mut Cx<'_>, id: &str, prorate: bool) -> Option<String> {
    let subscription = cx.world.get::<Subscription>(id)?.clone();
    let now = cx.now();
    let invoice = of(cx, &subscription, Reason::SubscriptionCreate, Period { start: now, end: now });
    take_up_all(cx, &invoice, id);
    for item in &subscription.items {
        if subscription.trial_end.is_some() {
            trial_line(cx, &invoice, item);
        } else {
            let began_before = cx.world.get::<Item>(item).is_some_and(|item| item.current_period_start < now);
            if prorate {
                backdated_lines(cx, &invoice, &subscription, item);
            }
            // Without proration a backdated subscription is free until its next whole period.
            if prorate || !began_before {
                time_line(cx, &invoice, item, prorate);
            }
        }
    }
    if cx.world.get::<Invoice>(&invoice).is_some_and(|invoice| invoice.lines.is_empty()) {
        cx.remove::<Invoice>(&invoice);
        return None;
    }
    Some(invoice)
}

/// Asks for the periods of an item that were over before its subscription was made, since that is backdated: each by
/// itself, as if it had been billed in its time.
/// Source: <https://docs.stripe.com/billing/subscriptions/backdating>
fn backdated_lines(cx: &mut Cx<'_>, invoice: &str, subscription: &Subscription, item: &str) {
    let Some(found) = cx.world.get::<Item>(item).cloned() else { return };
    let mut start = subscription.start_date;
    while start < found.current_period_start {
        let end = around(subscription.billing_cycle_anchor, found.every(cx.world), start).end;
        let period = Period { start, end };
        if !found.is_metered(cx.world) {
            period_line(cx, invoice, item, period, true);
        } else if used_anything(cx.world, &found, period) {
            usage_line(cx, invoice, item, period);
        }
        start = end;
    }
}

fn used_anything(world: &World, item: &Item, period: Period) -> bool {
    item.price_of(world).is_some_and(|price| usage(world, item, price, period) > Decimal::ZERO)
}

/// Says that an item is on trial.
pub(crate) fn trial_line(cx: &mut Cx<'_>, invoice: &str, item: &str) {
    let Some(item) = cx.world.get::<Item>(item).cloned().filter(|item| !item.is_metered(cx.world)) else { return };
    let Some(price) = item.price_of(cx.world).cloned() else { return };
    let quantity = item.quantity.unwrap_or(1);
    let name = catalog::product_name(cx.world, &price);
    let line = NewLine {
        amount: 0,
        description: Some(format!("Free trial for {quantity} × {name}")),
        period: item.period(),
        quantity: Some(quantity),
        unit_amount_decimal: Some("0".into()),
        price: Some(price.id.clone()),
        product: Some(price.product.clone()),
        from: whole(&item),
        metadata: item.metadata.clone(),
    };
    lines::add(cx, invoice, line);
}

const fn from_item(item: String) -> From {
    From::Item { item, invoice_item: None, proration: false, credited: None }
}

fn whole(item: &Item) -> From {
    from_item(item.id.clone())
}

/// Asks for the period of an item that begins: its whole price, or its part when the period is a stub before an anchor
/// that lies ahead. Usage is asked for afterwards, so a metered item has no line.
pub(crate) fn time_line(cx: &mut Cx<'_>, invoice: &str, item: &str, prorate: bool) {
    if let Some(period) = cx.world.get::<Item>(item).map(Item::period) {
        period_line(cx, invoice, item, period, prorate);
    }
}

/// Asks for a period of an item, as [`time_line`] does for the one it has.
pub(crate) fn period_line(cx: &mut Cx<'_>, invoice: &str, item: &str, period: Period, prorate: bool) {
    let Some(mut item) = cx.world.get::<Item>(item).cloned().filter(|item| !item.is_metered(cx.world)) else { return };
    item.set_period(period);
    let (Some(price), Some(subscription)) =
        (item.price_of(cx.world).cloned(), cx.world.get::<Subscription>(&item.subscription).cloned())
    else {
        return;
    };
    let interval = around(subscription.billing_cycle_anchor, item.every(cx.world), period.start);
    if interval == period {
        priced_lines(cx, invoice, &item, &price);
    } else if prorate {
        stub_line(cx, invoice, &item, &price, interval);
    }
}

/// The lines of a whole period: one, or one for each tier.
fn priced_lines(cx: &mut Cx<'_>, invoice: &str, item: &Item, price: &Price) {
    let quantity = item.quantity.unwrap_or(1);
    let parts = catalog::amount_for(price, Decimal::from(quantity));
    let mut asked = Vec::with_capacity(parts.len());
    let mut total = 0;
    for part in parts {
        let line = NewLine {
            amount: part.amount,
            description: Some(catalog::describe(cx.world, price, &part)),
            period: item.period(),
            quantity: Some(part.quantity),
            unit_amount_decimal: part.unit_amount_decimal.clone(),
            price: Some(price.id.clone()),
            product: Some(price.product.clone()),
            from: whole(item),
            metadata: item.metadata.clone(),
        };
        total += part.amount;
        asked.push(lines::add(cx, invoice, line));
    }
    remember(cx, item, total, quantity, Credited::Lines { invoice: invoice.to_owned(), lines: asked });
}

/// The line of the time before the first whole period.
fn stub_line(cx: &mut Cx<'_>, invoice: &str, item: &Item, price: &Price, interval: Period) {
    let quantity = item.quantity.unwrap_or(1);
    let whole_amount = catalog::amount_of(price, Decimal::from(quantity));
    let amount = share(whole_amount, item.period().span(), interval.span());
    let line = NewLine {
        amount,
        description: Some(remaining(cx.world, price, quantity, item.period().start)),
        period: item.period(),
        quantity: Some(quantity),
        unit_amount_decimal: price.unit_amount_decimal.clone(),
        price: Some(price.id.clone()),
        product: Some(price.product.clone()),
        from: From::Item { item: item.id.clone(), invoice_item: None, proration: true, credited: None },
        metadata: item.metadata.clone(),
    };
    let line = lines::add(cx, invoice, line);
    remember(cx, item, amount, quantity, Credited::Lines { invoice: invoice.to_owned(), lines: vec![line] });
}

/// Keeps what was asked for an item's period, for a change to give back.
fn remember(cx: &mut Cx<'_>, item: &Item, amount: i64, quantity: i64, by: Credited) {
    let debit = Debit { period: item.period(), amount, quantity, price: item.price.clone(), by };
    cx.edit::<Item>(&item.id, |item| item.debits.push(debit));
}

/// Asks for what was used of a metered item in `period`. At a turn there is a line even when nothing was used.
pub(crate) fn usage_line(cx: &mut Cx<'_>, invoice: &str, item: &str, period: Period) {
    let Some(item) = cx.world.get::<Item>(item).cloned() else { return };
    let Some(price) = item.price_of(cx.world).cloned() else { return };
    let used = usage(cx.world, &item, &price, period);
    for part in catalog::amount_for(&price, used) {
        let line = NewLine {
            amount: part.amount,
            description: Some(catalog::describe(cx.world, &price, &part)),
            period,
            quantity: Some(part.quantity),
            unit_amount_decimal: part.unit_amount_decimal.clone(),
            price: Some(price.id.clone()),
            product: Some(price.product.clone()),
            from: whole(&item),
            metadata: item.metadata.clone(),
        };
        lines::add(cx, invoice, line);
    }
}

/// Asks for what was used of a metered item in its period `ended`, as far as that is not billed yet: a price that
/// changed meanwhile counts from its change on. A trial is free.
pub(crate) fn usage_due(cx: &mut Cx<'_>, invoice: &str, item: &str, ended: Period) {
    let from = cx.world.get::<Item>(item).map_or(ended.start, |item| item.usage_from.max(ended.start));
    let period = Period { start: from, end: ended.end };
    if is_on_trial(cx.world, item, period) {
        free_usage_line(cx, invoice, item, period);
    } else if period.span() > 0 {
        usage_line(cx, invoice, item, period);
    }
}

/// Whether `period` is the trial of an item's subscription, or its last part.
fn is_on_trial(world: &World, item: &str, period: Period) -> bool {
    let subscription = world.get::<Item>(item).and_then(|item| world.get::<Subscription>(&item.subscription));
    subscription.is_some_and(|found| {
        found.trial_end == Some(period.end) && found.trial_start.is_some_and(|start| start <= period.start)
    })
}

/// Says what was used of a metered item on trial. It costs nothing.
/// Source: <https://docs.stripe.com/billing/subscriptions/billing-mode/compare>
fn free_usage_line(cx: &mut Cx<'_>, invoice: &str, item: &str, period: Period) {
    let Some(item) = cx.world.get::<Item>(item).cloned() else { return };
    let Some(price) = item.price_of(cx.world).cloned() else { return };
    let used = usage(cx.world, &item, &price, period).max(Decimal::ZERO);
    let name = catalog::product_name(cx.world, &price);
    let line = NewLine {
        amount: 0,
        description: Some(format!("Free trial for {used} × {name}")),
        period,
        quantity: Some(used.truncated()),
        unit_amount_decimal: Some("0".into()),
        price: Some(price.id.clone()),
        product: Some(price.product.clone()),
        from: whole(&item),
        metadata: item.metadata.clone(),
    };
    lines::add(cx, invoice, line);
}

/// What a customer used of a metered item in `period`.
pub(crate) fn usage(world: &World, item: &Item, price: &Price, period: Period) -> Decimal {
    let meter = price.recurring.as_ref().and_then(|recurring| recurring.meter.as_deref());
    let customer = world.get::<Subscription>(&item.subscription).map(|subscription| subscription.customer.as_str());
    match (meter, customer) {
        (Some(meter), Some(customer)) => meters::usage(world, meter, customer, period.start, period.end),
        _ => Decimal::from(0),
    }
}

/// The invoice of a turn: what waited, usage of the time that ended, and the time that begins.
pub(crate) fn turn(cx: &mut Cx<'_>, subscription: &Subscription, due: &[(String, Period)]) -> String {
    let now = cx.now();
    let start = due.iter().map(|(_, ended)| ended.start).min().unwrap_or(now);
    let invoice = of(cx, subscription, Reason::SubscriptionCycle, Period { start, end: now });
    take_up_all(cx, &invoice, &subscription.id);
    for (item, ended) in due {
        let metered = cx.world.get::<Item>(item).is_some_and(|item| item.is_metered(cx.world));
        if metered {
            usage_due(cx, &invoice, item, *ended);
        } else {
            time_line(cx, &invoice, item, true);
        }
    }
    invoice
}

/// Asks again for the usage on a draft, since more of it may have come while it was one.
pub(crate) fn renew_usage(cx: &mut Cx<'_>, invoice: &str) {
    let Some(found) = cx.world.get::<Invoice>(invoice).cloned() else { return };
    let metered = |line: &lines::Line| match &line.from {
        From::Item { item, invoice_item: None, .. } => cx
            .world
            .get::<Item>(item)
            .filter(|item| item.is_metered(cx.world))
            .map(|item| (item.id.clone(), line.period)),
        _ => None,
    };
    let mut stale: Vec<(String, Period)> = found.lines_of(cx.world).filter_map(metered).collect();
    stale.dedup();
    if stale.is_empty() {
        return;
    }
    let is_stale = |line: &lines::Line| metered(line).is_some();
    let kept: Vec<String> =
        found.lines_of(cx.world).filter(|line| !is_stale(line)).map(|line| line.id.clone()).collect();
    cx.edit::<Invoice>(invoice, |invoice| invoice.lines = kept);
    for (item, period) in stale {
        if is_on_trial(cx.world, &item, period) {
            free_usage_line(cx, invoice, &item, period);
        } else {
            usage_line(cx, invoice, &item, period);
        }
    }
}

/// `Remaining time on 2 × Pro after 05 Nov 2026`
pub(crate) fn remaining(world: &World, price: &Price, quantity: i64, at: i64) -> String {
    format!("Remaining time on {} after {}", counted(world, price, quantity), day(at))
}

/// `Unused time on 2 × Pro after 05 Nov 2026`
pub(crate) fn unused(world: &World, price: &Price, quantity: i64, at: i64) -> String {
    format!("Unused time on {} after {}", counted(world, price, quantity), day(at))
}

/// The product, with its number unless that is one.
fn counted(world: &World, price: &Price, quantity: i64) -> String {
    let name = catalog::product_name(world, price);
    if quantity == 1 { name } else { format!("{quantity} × {name}") }
}

/// Whether a subscription's invoices are drafted and left so, given up or taken back, instead of collected.
pub(crate) fn collection_pause(world: &World, invoice: &Invoice) -> Option<subscriptions::PauseCollection> {
    let subscription = invoice.subscription.as_ref()?;
    world.get::<Subscription>(subscription)?.pause_collection.clone()
}
