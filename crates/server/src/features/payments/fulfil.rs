//! What a session paid for is given: one verb for return page, webhooks and refunds, whichever is first (rules 3.3).

use super::{
    CUSTOMER, claims,
    look::{self, Seen},
    mirrored, notices,
    purchases::{self, Purchase, State},
    reversals,
    sessions::{self, Checkout},
    sold::sold,
    told,
};
use crate::{
    features::{
        credits::{self, GrantRequest},
        customers,
        subscriptions::{self, Unrecorded},
    },
    platform::{
        App,
        auth::Actor,
        db::{DbError, Tx},
        error::{Code, Error},
        ids::Random,
    },
};
use purser_rules::{
    credit::SourceKind,
    ids::{CustomerId, GrantId, PurchaseId},
};
use purser_stripe::{
    Client,
    objects::{CheckoutSession, PaymentIntentStatus, PaymentStatus, SessionMode, SessionStatus},
};
use serde::Deserialize;

/// Where a session stands, and what is bought in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It waits for its payer.
    Open,
    /// The payer is done, the money is on its way.
    Pending,
    /// It is paid, or nothing is to be paid.
    Done,
    /// The money did not come.
    Failed,
    /// It ended without a payer.
    Expired,
}

impl Standing {
    /// Of `session`, whose payment is expanded.
    fn of(session: &CheckoutSession) -> Self {
        match (&session.status, &session.payment_status) {
            (Some(SessionStatus::Expired), _) => Self::Expired,
            (Some(SessionStatus::Complete), PaymentStatus::Paid | PaymentStatus::NoPaymentRequired) => Self::Done,
            (Some(SessionStatus::Complete), _) if has_failed(session) => Self::Failed,
            (Some(SessionStatus::Complete), _) => Self::Pending,
            _ => Self::Open,
        }
    }
}

/// Whether the payment of a session that is complete will not come any more: a bank debit that failed.
fn has_failed(session: &CheckoutSession) -> bool {
    let intent = session.payment_intent.as_ref().and_then(|intent| intent.object());
    let over = [PaymentIntentStatus::RequiresPaymentMethod, PaymentIntentStatus::Canceled];
    intent.is_some_and(|intent| over.contains(&intent.status))
}

/// What came of a session.
#[derive(Clone, Debug)]
pub struct Fulfilled {
    /// Where it stands.
    pub standing: Standing,
    /// Whether what it paid for had been given before: nothing was given now.
    pub already: bool,
    /// The purchase it made, if something was bought once.
    pub purchase: Option<Purchase>,
}

/// Looks at the session `id` and fulfils it; none when it is nobody's we know.
///
/// # Errors
/// Those of [`fulfil`]; `checkout_not_yours` when there is no such session; what Stripe says.
pub(super) async fn settle(app: &App, client: &Client, actor: &Actor, id: &str) -> Result<Option<Fulfilled>, Error> {
    let (random, actor) = (app.random().clone(), actor.clone());
    seen_and(app, client, id, move |tx, seen| fulfil(tx, &random, &actor, seen)).await
}

/// Looks at the session `id`, and does `then` with what was seen, in one transaction; looks again when somebody wrote
/// the subscription it made meanwhile.
///
/// # Errors
/// Those of `then`; `checkout_not_yours` when there is no such session; `overloaded` when others were faster each time;
/// what Stripe says.
pub(super) async fn seen_and<T: Send + 'static>(
    app: &App,
    client: &Client,
    id: &str,
    then: impl Fn(&mut Tx<'_>, &Seen) -> Result<T, Unrecorded> + Clone + Send + Sync + 'static,
) -> Result<T, Error> {
    for _ in 0..mirrored::MOST_ROUNDS {
        let (seen, then) = (Box::pin(look::session(app, client, id)).await?, then.clone());
        match app.db().write(move |tx| then(tx, &seen)).await {
            Ok(done) => return Ok(done),
            Err(Unrecorded::Stale) => {}
            Err(Unrecorded::Failed(error)) => {
                told::alert(&error);
                return Err(error);
            }
        }
    }
    Err(mirrored::overtaken())
}

/// Gives what the session in `seen` paid for, once, and puts down where it stands. None when it is nobody's we know.
///
/// Called again, and by many at once, it gives nothing more. What was refunded before it was given is taken back. A
/// subscription is mirrored as it stands, with the session on it: what it gives follows from that.
///
/// # Errors
/// `unmapped_price`, `customer_archived`, `total_too_large`; [`Unrecorded::Stale`] when the subscription was written
/// since it was seen; what the database says.
pub(super) fn fulfil(
    tx: &mut Tx<'_>,
    random: &Random,
    actor: &Actor,
    seen: &Seen,
) -> Result<Option<Fulfilled>, Unrecorded> {
    let session = &seen.session;
    let Some(customer) = owner(tx, session)? else { return Ok(None) };
    claims::claim(tx, &session.id, &customer)?;
    let checkout = sessions::of_session(tx, &customer, session)?;
    if let Some(checkout) = &checkout {
        sessions::mirror(tx, checkout, session)?;
    }
    let standing = Standing::of(session);
    if let Some(made) = &seen.subscription {
        let looked = Actor::stripe(&session.id);
        let stood = subscriptions::record_made(tx, random, &looked, &customer, made, seen.invoice.as_ref())?;
        return Ok(Some(Fulfilled { standing, already: stood && standing == Standing::Done, purchase: None }));
    }
    let bought = matches!(standing, Standing::Done | Standing::Pending | Standing::Failed);
    if session.mode != SessionMode::Payment || !bought {
        return Ok(Some(Fulfilled { standing, already: false, purchase: None }));
    }
    let there = purchases::of_session(tx, &customer, &session.id, true)?;
    if let Some(purchase) = there.as_ref().filter(|purchase| purchase.grant.is_some()) {
        let purchase = Some(purchase.clone());
        return Ok(Some(Fulfilled { standing: Standing::Done, already: true, purchase }));
    }
    let before = match there {
        Some(purchase) => purchase,
        None => match begun(tx, random, actor, seen, (&customer, checkout.as_ref())) {
            // Nothing was paid: nobody has to know what it would have sold.
            Err(error) if standing == Standing::Failed && error.code == Code::UnmappedPrice => {
                return Ok(Some(Fulfilled { standing, already: false, purchase: None }));
            }
            begun => begun?,
        },
    };
    let mut purchase = before.clone();
    paid_by(tx, &mut purchase, session)?;
    purchase.state = match standing {
        Standing::Done => State::Paid,
        Standing::Failed => State::Failed,
        // Who looked before the money failed, and writes after, does not undo that.
        _ => before.state,
    };
    if standing == Standing::Done {
        purchase.paid_at = Some(tx.now());
        purchase.grant = Some(grant(tx, random, actor, &purchase)?);
        notices::of_paid(tx, random, &purchase)?;
    }
    purchases::update(tx, random, actor, &before, &purchase)?;
    if let Some(money) = seen.money.as_ref().filter(|money| !money.is_untouched()) {
        purchase = reversals::apply(tx, random, actor, &purchase, money)?;
    }
    Ok(Some(Fulfilled { standing, already: false, purchase: Some(purchase) }))
}

/// Whose a session is: whoever claimed it, whom we named on it, whose Stripe's customer is, or whom the app named. One
/// that is paid and else nobody's is of who said to be Stripe's customer and is archived: so it fails, for a person to
/// look at, until somebody says to be that one now.
///
/// # Errors
/// What the database says.
pub(super) fn owner(tx: &mut Tx<'_>, session: &CheckoutSession) -> Result<Option<CustomerId>, Error> {
    if let Some(claimed) = claims::of(tx, &session.id)? {
        return Ok(Some(claimed));
    }
    let marked = session.metadata.as_ref().and_then(|metadata| metadata.get(CUSTOMER));
    if let Some(named) = known(tx, marked)? {
        return Ok(Some(named));
    }
    let payer = session.customer.as_ref().map(|customer| customer.id().to_owned());
    if let Some(payer) = &payer
        && let Some(customer) = customers::find_by_stripe(tx, payer)?
    {
        return Ok(Some(customer));
    }
    if let Some(named) = known(tx, session.client_reference_id.as_ref())? {
        return Ok(Some(named));
    }
    match payer.filter(|_| session.mode == SessionMode::Payment && Standing::of(session) == Standing::Done) {
        Some(payer) => Ok(customers::find_archived_by_stripe(tx, &payer)?),
        None => Ok(None),
    }
}

/// The customer that is named so, if there is one.
///
/// # Errors
/// What the database says.
pub(super) fn known(tx: &mut Tx<'_>, named: Option<&String>) -> Result<Option<CustomerId>, Error> {
    let Some(id) = named.and_then(|named| CustomerId::new(named).ok()) else { return Ok(None) };
    match customers::find(tx, &id) {
        Ok(_) => Ok(Some(id)),
        Err(error) if error.code == Code::UnknownCustomer => Ok(None),
        Err(error) => Err(error),
    }
}

/// A purchase that was not seen before, put down as pending: what it sold is promised from now on.
fn begun(
    tx: &mut Tx<'_>,
    random: &Random,
    actor: &Actor,
    seen: &Seen,
    (customer, checkout): (&CustomerId, Option<&Checkout>),
) -> Result<Purchase, Error> {
    let session = &seen.session;
    let sold = sold(tx, random, actor, seen, checkout)?;
    let now = tx.now();
    let purchase = Purchase {
        id: PurchaseId::new(now, random.number(), customer.bucket()),
        customer: customer.clone(),
        session_id: Some(session.id.clone()),
        payment_intent: None,
        top_up: sold.top_up,
        quantity: sold.quantity,
        unit: sold.terms.unit,
        credits: sold.credits,
        expires_in_days: sold.terms.expires_in_days,
        priority: sold.terms.priority,
        amount: session.amount_total.unwrap_or(0),
        refunded: 0,
        currency: session.currency.clone().unwrap_or_default(),
        state: State::Pending,
        grant: None,
        created_at: now,
        paid_at: None,
    };
    purchases::insert(tx, random, actor, &purchase)?;
    Ok(purchase)
}

/// Claims the payment of a session for its purchase, once there is one.
fn paid_by(tx: &mut Tx<'_>, purchase: &mut Purchase, session: &CheckoutSession) -> Result<(), Error> {
    let Some(intent) = &session.payment_intent else { return Ok(()) };
    claims::claim(tx, intent.id(), &purchase.customer)?;
    purchase.payment_intent = Some(intent.id().to_owned());
    Ok(())
}

/// Grants what was bought; its source is the session, so no session grants twice. Without one it is the payment.
///
/// # Errors
/// `customer_archived`, `total_too_large`; what the database says.
pub(super) fn grant(tx: &mut Tx<'_>, random: &Random, actor: &Actor, purchase: &Purchase) -> Result<GrantId, Error> {
    /// What is read of the answer.
    #[derive(Deserialize)]
    struct Given {
        id: String,
    }
    let now = tx.now();
    let asked = GrantRequest {
        id: GrantId::new(now, random.number(), purchase.customer.bucket()),
        customer: purchase.customer.clone(),
        unit: purchase.unit.clone(),
        amount: purchase.credits,
        source_kind: SourceKind::Topup,
        source_id: purchase.session_id.clone().or_else(|| purchase.payment_intent.clone()),
        priority: Some(purchase.priority),
        effective_at: None,
        expires_at: purchase.expires_in_days.map(|days| now.plus_seconds(i64::from(days) * 86_400)),
        metadata: None,
        key: None,
        actor: actor.clone(),
    };
    let answered = credits::grant(tx, &asked, false, random)?;
    let given: Given = serde_json::from_slice(&answered.body).map_err(|error| DbError::Bug(error.to_string()))?;
    given.id.parse().map_err(|_| DbError::Bug("a grant was answered without its id".to_owned()).into())
}

#[cfg(test)]
mod tests {
    use super::Standing;
    use purser_stripe::objects::CheckoutSession;
    use serde_json::{Value, from_str, json};

    /// A session as Stripe tells it, its payment expanded.
    fn session(status: &str, payment_status: &str, intent: Option<&str>) -> CheckoutSession {
        let intent = intent.map_or(Value::Null, |status| {
            json!({
                "id": "pi_1", "created": 1, "amount": 500, "amount_received": 0, "currency": "usd", "customer": null,
                "status": status, "latest_charge": null, "payment_method": null, "last_payment_error": null,
                "metadata": {}, "livemode": false,
            })
        });
        let session = json!({
            "id": "cs_1", "created": 1, "expires_at": 2, "mode": "payment", "status": status,
            "payment_status": payment_status, "customer": null, "client_reference_id": null, "subscription": null,
            "payment_intent": intent, "setup_intent": null, "invoice": null, "amount_total": 500, "currency": "usd",
            "url": null, "metadata": {}, "livemode": false,
        });
        from_str(&session.to_string()).expect("a session")
    }

    /// A session that is complete is not paid by that: only its payment status says so.
    #[test]
    fn complete_and_unpaid_is_pending_until_the_money_came_or_failed() {
        let table = [
            ("open", "unpaid", None, Standing::Open),
            ("expired", "unpaid", None, Standing::Expired),
            ("complete", "paid", Some("succeeded"), Standing::Done),
            ("complete", "no_payment_required", None, Standing::Done),
            ("complete", "unpaid", Some("processing"), Standing::Pending),
            ("complete", "unpaid", None, Standing::Pending),
            ("complete", "unpaid", Some("requires_payment_method"), Standing::Failed),
            ("complete", "unpaid", Some("canceled"), Standing::Failed),
            ("complete", "something_new", Some("succeeded"), Standing::Pending),
            ("something_new", "paid", None, Standing::Open),
        ];
        for (status, payment_status, intent, expected) in table {
            let found = Standing::of(&session(status, payment_status, intent));
            assert_eq!(found, expected, "{status} {payment_status} {intent:?}");
        }
    }
}
