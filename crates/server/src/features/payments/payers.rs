//! Stripe's customer of ours: the one that is known, or one that is made when it is first needed, once.

use super::{
    CUSTOMER,
    operations::{self, Kind, Operation, Sent, State},
    seconds,
};
use crate::{
    features::{
        credits,
        customers::{self, Change},
        subscriptions,
    },
    platform::{
        App,
        auth::Actor,
        db::Tx,
        error::{Code, Error},
        http::Field,
        ids::Random,
    },
};
use purser_rules::ids::CustomerId;
use purser_stripe::{
    Client, Request,
    calls::{
        Created, PageOf,
        customers::{CustomerFields, Customers, create, list, retrieve},
    },
    objects::{Customer, OrDeleted},
};
use std::collections::BTreeMap;

/// How often it is tried while others change the same.
const MOST_ROUNDS: usize = 4;
/// Most pages that are read to find a customer that may have been made: 100 customers each.
const MOST_PAGES: usize = 100;

/// What is to be done.
enum Next {
    /// It is known.
    Known(String),
    /// It is made by this write.
    Make(Box<Operation>, Request),
}

/// Stripe's id of the customer `id`.
///
/// # Errors
/// `unknown_customer`, `customer_archived`, `stripe_customer_taken`; what Stripe or the database says.
pub(super) async fn stripe_customer(
    app: &App,
    client: &Client,
    actor: &Actor,
    id: &CustomerId,
) -> Result<String, Error> {
    for _ in 0..MOST_ROUNDS {
        let (random, of) = (app.random().clone(), id.clone());
        let (operation, request) = match app.db().write(move |tx| next(tx, &random, &of)).await? {
            Next::Known(known) => return Ok(known),
            Next::Make(operation, request) => (operation, request),
        };
        let random = app.random().clone();
        let Some(made) = made(app, client, &operation, id).await? else {
            app.db().write(move |tx| operations::begin_anew(tx, &random, &operation, &request)).await?;
            continue;
        };
        let (actor, of, stripe_id) = (actor.clone(), id.clone(), made.clone());
        if app.db().write(move |tx| record(tx, &random, &actor, (&of, &stripe_id), &operation)).await? {
            return Ok(made);
        }
    }
    Err(Error::new(Code::Overloaded, "Others change this customer at the same time. Try again."))
}

/// What is known of the customer at Stripe; a write is put down when nothing is.
fn next(tx: &mut Tx<'_>, random: &Random, id: &CustomerId) -> Result<Next, Error> {
    let customer = customers::find(tx, id)?;
    if customer.archived_at.is_some() {
        return Err(credits::archived(id));
    }
    if let Some(known) = customer.stripe_customer_id {
        bind(tx, &known, id)?;
        return Ok(Next::Known(known));
    }
    let fields = CustomerFields {
        email: customer.email,
        name: customer.name,
        metadata: Some(BTreeMap::from([(CUSTOMER.to_owned(), id.as_str().to_owned())])),
        ..CustomerFields::default()
    };
    let request = create(&fields).request().clone();
    let operation = operations::begin(tx, random, id, (Kind::Customer, id.as_str()), &request)?;
    Ok(Next::Make(Box::new(operation), request))
}

/// The customer that the write makes or made; none when it is known that there is none.
async fn made(app: &App, client: &Client, operation: &Operation, id: &CustomerId) -> Result<Option<String>, Error> {
    match operation.state {
        // The app has forgotten it meanwhile, perhaps because it was deleted at Stripe.
        State::Answered => return still_there(client, operation).await,
        State::Indeterminate => return looked_for(client, operation, id).await,
        State::Sent | State::Refused => {}
    }
    match operations::send::<Customer>(app, client, operation).await? {
        Sent::Answered(customer) => Ok(Some(customer.id)),
        Sent::Refused(error) => {
            operations::keep(app, operation, State::Refused, None).await?;
            Err(error)
        }
        Sent::Indeterminate => {
            operations::keep(app, operation, State::Indeterminate, None).await?;
            looked_for(client, operation, id).await
        }
    }
}

/// The customer that the write made, unless it was deleted.
async fn still_there(client: &Client, operation: &Operation) -> Result<Option<String>, Error> {
    let Some(id) = &operation.object_id else { return Ok(None) };
    let found = subscriptions::ask(client, &retrieve(id)).await?.and_then(OrDeleted::there);
    Ok(found.map(|customer| customer.id))
}

/// The customer at Stripe that carries our id, made within the day after the write was first sent.
async fn looked_for(client: &Client, operation: &Operation, id: &CustomerId) -> Result<Option<String>, Error> {
    let from = seconds(operation.first_sent);
    let created = Created { gte: Some(from - 600), lt: Some(from + 86_400) };
    let mut pages =
        client.pages(&list(&Customers { created: Some(created), page: PageOf::full(), ..Customers::default() }));
    for _ in 0..MOST_PAGES {
        let Some(page) = pages.next().await? else { return Ok(None) };
        let ours = |found: &Customer| found.metadata.get(CUSTOMER).is_some_and(|of| of == id.as_str());
        if let Some(found) = page.into_iter().find(ours) {
            return Ok(Some(found.id));
        }
    }
    Err(Error::new(
        Code::StripeRefused,
        "Whether the customer was made at Stripe is not known, and too many others were made at that time. Look for it \
         in the dashboard, and give its id as stripe_customer_id.",
    ))
}

/// Keeps what was made, on the customer too. Answers false when the app has given the customer another one meanwhile:
/// that one stays.
fn record(
    tx: &mut Tx<'_>,
    random: &Random,
    actor: &Actor,
    (id, stripe_id): (&CustomerId, &str),
    operation: &Operation,
) -> Result<bool, Error> {
    tx.load(vec![customers::lock_facts(id)])?;
    let known = customers::find(tx, id)?.stripe_customer_id;
    operations::put_down(tx, operation, State::Answered, Some(stripe_id))?;
    if known.is_some_and(|known| known != stripe_id) {
        return Ok(false);
    }
    bind(tx, stripe_id, id)?;
    let change = Change { stripe_customer_id: Field::Set(stripe_id.to_owned()), ..Change::default() };
    customers::put(tx, random, actor, id, &change)?;
    Ok(true)
}

/// Puts down whose Stripe's customer is.
///
/// # Errors
/// `stripe_customer_taken` when it is another's; what the database says.
fn bind(tx: &mut Tx<'_>, stripe_id: &str, id: &CustomerId) -> Result<(), Error> {
    if customers::bind_to_stripe(tx, stripe_id, id)? {
        return Ok(());
    }
    let message = format!("The Stripe customer {stripe_id} is another customer's. Give this one its own.");
    Err(Error::new(Code::StripeCustomerTaken, message).about("stripe_customer_id"))
}
