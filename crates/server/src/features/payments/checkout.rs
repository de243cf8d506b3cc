//! A checkout is opened at Stripe: look, call, record. Asked again for the same, the open one comes back.

use super::{
    CHECKOUT, CREDITS, CUSTOMER, UNIT, claims, fulfil, instant,
    operations::{self, Kind, Operation, Sent},
    payers, seconds,
    sessions::{self, Checkout, Purpose},
    sold::times,
    stripe, subscribing,
};
use crate::{
    features::{
        credits, customers,
        pricebook::{self, Plan, TopUpPlan},
    },
    platform::{
        App,
        auth::Actor,
        db::Tx,
        error::{Code, Error},
        ids::Random,
    },
};
use purser_rules::{
    Time,
    ids::{CheckoutId, CustomerId, TopUpPlanId},
    pricebook::{Currency, Name, PriceKind},
};
use purser_stripe::{
    Client, Error as StripeError, Key,
    calls::{
        Metadata,
        checkout::{self, NewSession, NewSessionItem, PaymentIntentData, SetupIntentData, SubscriptionData},
    },
    objects::{CheckoutSession, SessionMode, SessionStatus},
};

/// How often it is tried while other sessions of the customer are in the way.
const MOST_ROUNDS: usize = 5;

/// A credit pack as it was named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PackName {
    /// This version.
    Id(TopUpPlanId),
    /// What is sold under this name of the app's.
    Name(Name),
}

/// What is wanted; quantities are 1–1,000.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// So many of a credit pack.
    TopUp(PackName, i64),
    /// A plan, by a price of it at Stripe, and so many of that.
    Subscription(String, i64),
    /// A payment method for later, for payments in this currency.
    Setup(Currency),
}

impl Wanted {
    const fn purpose(&self) -> Purpose {
        match self {
            Self::TopUp(..) => Purpose::TopUp,
            Self::Subscription(..) => Purpose::Subscription,
            Self::Setup(_) => Purpose::Setup,
        }
    }
}

/// A checkout as it was asked for.
#[derive(Clone, Debug)]
pub struct CheckoutRequest {
    /// Who pays.
    pub customer: CustomerId,
    /// What for.
    pub wanted: Wanted,
    /// Where a payer goes who is done; `{CHECKOUT_SESSION_ID}` in it becomes the session's id.
    pub success_url: String,
    /// Where a payer goes who gives up.
    pub cancel_url: Option<String>,
}

/// A session that waits for its payer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenSession {
    /// Stripe's id of it.
    pub id: String,
    /// Where the payer goes.
    pub url: String,
    /// When it ends by itself.
    pub expires_at: Time,
}

/// What is sold, as the session is to say it.
struct Sale {
    top_up: Option<TopUpPlanId>,
    plan: Option<Plan>,
    /// For how many days the plan is tried; 0 for none.
    trial_days: u16,
    price: Option<String>,
    /// None of a metered price.
    quantity: Option<i64>,
    currency: Option<String>,
    /// Marks of what it gives.
    marks: Metadata,
}

/// A checkout that was found, or put down to be opened.
struct Found {
    checkout: Checkout,
    /// How it is opened; none once it is open.
    operation: Option<Operation>,
    /// Whether it is of what is asked for now.
    same: bool,
}

/// What there is to pay at, or why there is nothing.
enum Place {
    /// This checkout.
    Checkout(Box<Found>),
    /// By what the mirror says, these subscriptions give a plan of the group already.
    Taken(Vec<String>),
}

/// A session for what is asked for: the one that is open, or a new one. One for something else, or of another Stripe
/// customer, is ended first. Who has a plan of the group is not sold another one: neither by the mirror, nor by a
/// session that was paid and of which nothing was heard yet.
///
/// # Errors
/// `unknown_customer`, `customer_archived`, `stripe_customer_taken`, `unknown_top_up_plan`, `unknown_plan`,
/// `not_for_sale`, `already_subscribed`, `amount_too_large`; what Stripe or the database says.
pub async fn open(app: &App, actor: &Actor, asked: &CheckoutRequest) -> Result<OpenSession, Error> {
    let client = stripe(app)?;
    let payer = payers::stripe_customer(app, client, actor, &asked.customer).await?;
    let mut looked = false;
    for _ in 0..MOST_ROUNDS {
        let (random, wanted, pays) = (app.random().clone(), asked.clone(), payer.clone());
        let found = match app.db().write(move |tx| find(tx, &random, &wanted, &pays)).await? {
            Place::Checkout(found) => found,
            Place::Taken(ids) if looked => return Err(subscribing::already(&ids)),
            Place::Taken(ids) => {
                looked = true;
                subscribing::look_again(app, &ids).await?;
                continue;
            }
        };
        let Some(session) = session(app, client, &found).await? else { continue };
        if session.status == Some(SessionStatus::Open) {
            // One whose payer was deleted, or is another by now, is nobody's to pay by.
            if found.same && session.customer.as_ref().is_some_and(|customer| customer.id() == payer) {
                return opened(session);
            }
            end(app, client, &session.id).await?;
        }
        // What became of it is put down as the return page and the webhook would.
        fulfil::settle(app, client, actor, &session.id).await?;
    }
    Err(Error::new(Code::Overloaded, "Others open checkouts of this customer at the same time. Try again."))
}

fn opened(session: CheckoutSession) -> Result<OpenSession, Error> {
    let no_url = || Error::new(Code::StripeRefused, "Stripe opened a session and gave no address of it. Try again.");
    Ok(OpenSession { url: session.url.ok_or_else(no_url)?, expires_at: instant(session.expires_at), id: session.id })
}

/// The checkout of the customer and the purpose that is open, or a new one, put down to be opened.
fn find(tx: &mut Tx<'_>, random: &Random, asked: &CheckoutRequest, payer: &str) -> Result<Place, Error> {
    // Before the mirror: a session that is over by now was put down with the subscription it made. Read the other way
    // round, on a database where each read sees what was committed before it, both could be missed.
    let live = sessions::live(tx, &asked.customer, asked.wanted.purpose())?;
    let mut sale = sale_of(tx, &asked.wanted)?;
    if let Some(plan) = &sale.plan {
        let taken = subscribing::in_the_way(tx, &asked.customer, plan)?;
        if !taken.is_empty() {
            return Ok(Place::Taken(taken));
        }
        sale.trial_days = subscribing::trial_days(tx, &asked.customer, plan)?;
    }
    if let Some(checkout) = live {
        let operation = match checkout.session_id {
            Some(_) => None,
            None => operations::find(tx, &asked.customer, Kind::Session, &checkout.id.to_string())?,
        };
        let same = checkout.asked == words_of(asked, &sale);
        return Ok(Place::Checkout(Box::new(Found { checkout, operation, same })));
    }
    let sale = match (&asked.wanted, sale.top_up) {
        // What is shown with a price is promised: from now on the pack stays as it is read here.
        (Wanted::TopUp(_, quantity), Some(pack)) => {
            pricebook::use_top_up(tx, pack)?;
            sale_of(tx, &Wanted::TopUp(PackName::Id(pack), *quantity))?
        }
        _ => sale,
    };
    refuse_archived(tx, &asked.customer)?;
    let now = tx.now();
    let checkout = Checkout {
        id: CheckoutId::new(now, random.number(), asked.customer.bucket()),
        customer: asked.customer.clone(),
        purpose: asked.wanted.purpose(),
        asked: words_of(asked, &sale),
        top_up: sale.top_up,
        plan: sale.plan.as_ref().map(|plan| plan.id),
        quantity: sale.quantity.unwrap_or(1),
        session_id: None,
        created_at: now,
    };
    sessions::insert(tx, &checkout)?;
    let request = checkout::create(&new_session(asked, &sale, &checkout, payer)).request().clone();
    let subject = checkout.id.to_string();
    let operation = operations::begin(tx, random, &asked.customer, (Kind::Session, &subject), &request)?;
    Ok(Place::Checkout(Box::new(Found { checkout, operation: Some(operation), same: true })))
}

/// Locks the customer, and refuses one that is archived: whoever archives it either ends before, or sees the checkout.
fn refuse_archived(tx: &mut Tx<'_>, id: &CustomerId) -> Result<(), Error> {
    let rows = tx.load(vec![customers::lock_facts(id)])?;
    let facts = rows.iter().flatten().next().map(customers::facts).transpose()?;
    match facts {
        Some((_, facts)) if facts.archived => Err(credits::archived(id)),
        Some(_) | None => Ok(()),
    }
}

/// What is asked for, word for word, so that the same can be known again.
fn words_of(asked: &CheckoutRequest, sale: &Sale) -> String {
    let what = sale.price.as_deref().or(sale.currency.as_deref()).unwrap_or_default();
    let pack = sale.top_up.map(|id| id.to_string()).unwrap_or_default();
    let quantity = sale.quantity.map(|quantity| quantity.to_string()).unwrap_or_default();
    let cancel = asked.cancel_url.as_deref().unwrap_or_default();
    let mut words = [pack.as_str(), what, &quantity, &asked.success_url, cancel].join("\n");
    if sale.trial_days > 0 {
        words.push_str(&format!("\ntrial {}", sale.trial_days));
    }
    words
}

/// What is sold to whoever asks now.
fn sale_of(tx: &mut Tx<'_>, wanted: &Wanted) -> Result<Sale, Error> {
    let marks = Metadata::new();
    let nothing = Sale { top_up: None, plan: None, trial_days: 0, price: None, quantity: None, currency: None, marks };
    match wanted {
        Wanted::Setup(currency) => Ok(Sale { currency: Some(currency.as_str().to_owned()), ..nothing }),
        Wanted::TopUp(name, quantity) => {
            let plan = pack(tx, name)?;
            let credits = times(plan.terms.credits, *quantity).ok_or_else(|| {
                Error::new(Code::AmountTooLarge, "So many packs are more than a wallet holds.").about("quantity")
            })?;
            let marks = [(CREDITS, credits.to_string()), (UNIT, plan.terms.unit.as_str().to_owned())];
            let marks = marks.into_iter().map(|(name, text)| (name.to_owned(), text)).collect();
            let price = plan.price.and_then(|price| price.stripe_price_id);
            let price = price.ok_or_else(|| not_for_sale("The top-up plan has no price at Stripe.", "top_up_plan"))?;
            Ok(Sale { top_up: Some(plan.id), price: Some(price), quantity: Some(*quantity), marks, ..nothing })
        }
        Wanted::Subscription(price, quantity) => {
            let unknown = || Error::new(Code::UnknownPlan, format!("No plan has the price {price}.")).about("price");
            let plan = pricebook::plan_of_price(tx, price, "")?.ok_or_else(unknown)?;
            if !plan.active || plan.legacy || plan.archived_at.is_some() {
                return Err(not_for_sale("The plan is not sold any more.", "price"));
            }
            let mut prices = plan.prices.iter().map(|one| &one.price);
            let found = prices.find(|one| one.stripe_price_id.as_ref() == Some(price)).ok_or_else(unknown)?;
            let quantity = (found.kind != PriceKind::Metered).then_some(*quantity);
            Ok(Sale { plan: Some(plan), price: Some(price.clone()), quantity, ..nothing })
        }
    }
}

/// The pack that was named, if it is sold.
///
/// # Errors
/// `unknown_top_up_plan`, `not_for_sale`; what the database says.
pub(super) fn pack(tx: &mut Tx<'_>, name: &PackName) -> Result<TopUpPlan, Error> {
    let plan = match name {
        PackName::Id(id) => pricebook::find_top_up(tx, *id).map_err(|error| error.about("top_up_plan"))?,
        PackName::Name(name) => pricebook::top_up_on_sale(tx, name)?.ok_or_else(|| {
            let message = format!("No top-up plan is sold under the name `{}`.", name.as_str());
            Error::new(Code::UnknownTopUpPlan, message).about("top_up_plan")
        })?,
    };
    if plan.active && !plan.legacy && plan.archived_at.is_none() {
        return Ok(plan);
    }
    Err(not_for_sale("The top-up plan is not sold any more.", "top_up_plan"))
}

/// What is said of what is not sold.
pub(super) fn not_for_sale(message: &str, param: &'static str) -> Error {
    Error::new(Code::NotForSale, message).about(param)
}

/// The session to be. Which payment methods are taken is as the dashboard has it.
fn new_session(asked: &CheckoutRequest, sale: &Sale, checkout: &Checkout, payer: &str) -> NewSession {
    let customer = asked.customer.as_str().to_owned();
    let mut metadata = sale.marks.clone();
    metadata.insert(CUSTOMER.to_owned(), customer.clone());
    metadata.insert(CHECKOUT.to_owned(), checkout.id.to_string());
    let quantity = sale.quantity.and_then(|quantity| u64::try_from(quantity).ok());
    let item = |price: &String| vec![NewSessionItem { price: price.clone(), quantity }];
    let mut session = NewSession {
        customer: Some(payer.to_owned()),
        client_reference_id: Some(customer),
        success_url: Some(asked.success_url.clone()),
        cancel_url: asked.cancel_url.clone(),
        line_items: sale.price.as_ref().map(item),
        metadata: Some(metadata.clone()),
        currency: sale.currency.clone(),
        ..NewSession::default()
    };
    let metadata = Some(metadata);
    match checkout.purpose {
        Purpose::TopUp => {
            session.mode = SessionMode::Payment;
            session.payment_intent_data = Some(PaymentIntentData { metadata, ..PaymentIntentData::default() });
        }
        Purpose::Subscription => {
            session.mode = SessionMode::Subscription;
            let trial_period_days = (sale.trial_days > 0).then_some(u32::from(sale.trial_days));
            let data = SubscriptionData { metadata, trial_period_days, ..SubscriptionData::default() };
            session.subscription_data = Some(data);
        }
        Purpose::Setup => {
            session.mode = SessionMode::Setup;
            session.setup_intent_data = Some(SetupIntentData { metadata });
        }
    }
    session
}

/// The session of a checkout as it stands at Stripe, opened if it was not; none when the checkout was given up.
async fn session(app: &App, client: &Client, found: &Found) -> Result<Option<CheckoutSession>, Error> {
    let checkout = &found.checkout;
    let Some(operation) = &found.operation else {
        let id = checkout.session_id.as_deref().unwrap_or_default();
        return match client.read(&checkout::retrieve(id)).await {
            Ok(answer) => Ok(Some(answer.value)),
            Err(StripeError::Refused(refused)) if refused.is_missing() => given_up(app, checkout, None).await,
            Err(error) => Err(error.into()),
        };
    };
    match operations::send::<CheckoutSession>(app, client, operation).await? {
        Sent::Answered(session) => {
            let (checkout, operation, kept) = (checkout.clone(), operation.clone(), session.clone());
            app.db().write(move |tx| record(tx, &checkout, &operation, &kept)).await?;
            Ok(Some(session))
        }
        Sent::Refused(error) => {
            given_up(app, checkout, Some((operation, operations::State::Refused))).await?;
            if found.same { Err(error) } else { Ok(None) }
        }
        // If it was opened all the same, nobody was told its address: nobody pays by it.
        Sent::Indeterminate => given_up(app, checkout, Some((operation, operations::State::Indeterminate))).await,
    }
}

/// Keeps a session that was opened.
fn record(tx: &mut Tx<'_>, checkout: &Checkout, operation: &Operation, session: &CheckoutSession) -> Result<(), Error> {
    sessions::mirror(tx, checkout, session)?;
    claims::claim(tx, &session.id, &checkout.customer)?;
    operations::put_down(tx, operation, operations::State::Answered, Some(&session.id))?;
    Ok(())
}

/// Gives a checkout up, so that there is room for another.
async fn given_up(
    app: &App,
    checkout: &Checkout,
    write: Option<(&Operation, operations::State)>,
) -> Result<Option<CheckoutSession>, Error> {
    let (checkout, write) = (checkout.clone(), write.map(|(operation, state)| (operation.clone(), state)));
    let given_up = app.db().write(move |tx| {
        if let Some((operation, state)) = &write {
            operations::put_down(tx, operation, *state, None)?;
        }
        sessions::give_up(tx, &checkout)
    });
    given_up.await?;
    Ok(None)
}

/// Ends an open session at Stripe. One that its payer finished a moment ago cannot be ended: then it is as it is.
async fn end(app: &App, client: &Client, id: &str) -> Result<(), Error> {
    // It does the same however often it is done: the key is not kept. Trouble that Stripe keeps for one ends with it.
    let now = seconds(app.clock().now());
    let key = Key { text: format!("purser-{:032x}", app.random().number()), first_sent: now };
    match client.write(&checkout::expire(id), &key, now).await {
        Ok(_) | Err(StripeError::Refused(_)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
