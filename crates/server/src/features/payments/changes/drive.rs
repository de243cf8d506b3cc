//! A request is put down, and driven until what was wished for stands: look, decide, call, record.

use super::{
    agreed,
    asks::{Action, Asked, At},
    decide,
    look::{self, Ending, Seen},
    requests::{self, Request, State},
    view::ChangeView,
    wish::{Step, Wish},
};
use crate::{
    features::{
        credits::Answered,
        operators::audit,
        payments::{
            mirrored,
            operations::{self, Operation, Sent},
            portal, stripe,
        },
        subscriptions::{self, Subscription},
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
    Time,
    ids::{ChangeId, CustomerId},
};
use purser_stripe::Client;
use serde::Deserialize;
use serde_json::json;

/// The most writes of one request; two are needed at most, the rest is for those that were not answered.
const MOST_STEPS: usize = 8;
/// How often it is looked again how the subscription stands, while other requests of it come first.
const MOST_ROUNDS: usize = 20;
/// After how many seconds a request that nobody came back for makes room for another. No call takes as long.
const PATIENCE: i64 = 300;

/// Where a request is to begin.
enum Begin {
    /// It was done before, and answered so.
    Replayed(String),
    /// With this subscription, of which so many requests came before.
    Of(String, i64),
}

/// What a write at Stripe made: more of it is read when it is looked at again.
#[derive(Deserialize)]
struct Made {
    id: String,
}

/// Does what was asked of a subscription, and answers how it stands. Again with the same key, the first answer.
///
/// # Errors
/// `unknown_customer`, `no_subscription`, `subscription_ended`, `subscription_ending`, `nothing_to_resume`,
/// `change_in_progress`, `idempotency_mismatch`, those of a target that makes no sense, `payment_declined`,
/// `payment_action_required`; what Stripe or the database says.
pub async fn ask(app: &App, actor: &Actor, asked: &Asked) -> Result<Answered, Error> {
    let client = stripe(app)?;
    for _ in 0..MOST_ROUNDS {
        let (of, grace_days, now) = (asked.clone(), app.config().grace_days, app.clock().now());
        let (id, number) = match app.db().read(move |tx| start(tx, &of, grace_days, now)).await? {
            Begin::Replayed(answer) => return Ok(Answered { body: answer.into_bytes(), replayed: true }),
            Begin::Of(id, number) => (id, number),
        };
        let seen = look::subscription(client, &id).await?;
        let (random, of) = (app.random().clone(), asked.clone());
        match app.db().write(move |tx| begin(tx, &random, &of, (&seen, number))).await? {
            Begun::Replayed(answer) => return Ok(Answered { body: answer.into_bytes(), replayed: true }),
            Begun::Going(request) => return go_on(app, client, actor, asked, *request).await,
            Begun::Overtaken => {}
        }
    }
    Err(Error::new(Code::Overloaded, "Others change this subscription at the same time. Try again."))
}

/// Does what was put down, and answers how the subscription stands then.
async fn go_on(app: &App, client: &Client, actor: &Actor, asked: &Asked, request: Request) -> Result<Answered, Error> {
    if let Err(error) = drive(app, client, &request).await {
        return Err(explained(app, actor, &request.customer, error).await);
    }
    mirrored::mirror(app, &request.subscription, &Actor::stripe(&request.id.to_string())).await?;
    let (random, actor, action) = (app.random().clone(), actor.clone(), asked.action.clone());
    let answer = app.db().write(move |tx| finish(tx, &random, &actor, &request, &action)).await?;
    Ok(Answered { body: answer.into_bytes(), replayed: false })
}

/// The first answer of a key that was used, or which subscription is asked about.
fn start(tx: &mut Tx<'_>, asked: &Asked, grace_days: u16, now: Time) -> Result<Begin, Error> {
    if let Some(before) = known(tx, asked)? {
        return Ok(match before.answer {
            Some(answer) => Begin::Replayed(answer),
            None => Begin::Of(before.subscription, 0),
        });
    }
    let id = which(tx, asked, grace_days, now)?.id;
    let number = requests::last_number(tx, &asked.customer, &id)?;
    Ok(Begin::Of(id, number))
}

/// The request of the key that was sent, unless it was given up.
fn known(tx: &mut Tx<'_>, asked: &Asked) -> Result<Option<Request>, Error> {
    let Some(key) = &asked.key else { return Ok(None) };
    let Some(before) = requests::by_key(tx, &asked.customer, key)? else { return Ok(None) };
    if before.state == State::GivenUp {
        return Ok(None);
    }
    requests::same(&before, &asked.fields())?;
    Ok(Some(before))
}

/// The subscription that is asked about: the one that was named, else the one that counts.
pub(super) fn which(tx: &mut Tx<'_>, asked: &Asked, grace_days: u16, now: Time) -> Result<Subscription, Error> {
    let standing = subscriptions::current(tx, &asked.customer, grace_days, now)?;
    let none = |what: &str| Error::new(Code::NoSubscription, format!("The customer has no {what}."));
    match &asked.subscription {
        Some(id) => subscriptions::find(tx, &asked.customer, id)?
            .ok_or_else(|| none("such subscription").about("subscription_id")),
        None => standing.subscription.ok_or_else(|| none("subscription. Open a checkout for one").about("customer_id")),
    }
}

/// What became of putting a request down.
enum Begun {
    /// Another caller of it was faster.
    Replayed(String),
    /// It is under way: by this caller, or by more of them.
    Going(Box<Request>),
    /// Another request came since it was looked how the subscription stands.
    Overtaken,
}

/// Puts the request down, or finds it under way. `seen` is how the subscription stood after so many requests.
fn begin(tx: &mut Tx<'_>, random: &Random, asked: &Asked, (seen, number): (&Seen, i64)) -> Result<Begun, Error> {
    if let Some(before) = known(tx, asked)? {
        return Ok(match before.answer.clone() {
            Some(answer) => Begun::Replayed(answer),
            None => Begun::Going(Box::new(before)),
        });
    }
    let (fields, now) = (asked.fields(), tx.now());
    if let Some(other) = requests::going(tx, &asked.customer, &seen.id)? {
        if now < other.created_at.plus_seconds(PATIENCE) {
            if other.asked == fields && other.key == asked.key {
                return Ok(Begun::Going(Box::new(other)));
            }
            let message = "Another change of this subscription is under way. Look how it stands, and try again.";
            return Err(Error::new(Code::ChangeInProgress, message));
        }
        // Whether it was done is seen by how the subscription stands now. It is not sent again; not for the same
        // without a key either, which asks for what is sold today.
        requests::close(tx, &other, State::GivenUp, None)?;
    }
    if requests::last_number(tx, &asked.customer, &seen.id)? != number {
        return Ok(Begun::Overtaken);
    }
    if let Some(key) = &asked.key
        && let Some(given_up) = requests::by_key(tx, &asked.customer, key)?
    {
        requests::free_key(tx, &given_up)?;
    }
    let request = Request {
        id: ChangeId::new(now, random.number(), asked.customer.bucket()),
        customer: asked.customer.clone(),
        subscription: seen.id.clone(),
        key: asked.key.clone(),
        wish: wish(tx, asked, seen)?,
        asked: fields,
        state: State::Going,
        answer: None,
        created_at: now,
    };
    requests::insert(tx, &request)?;
    Ok(Begun::Going(Box::new(request)))
}

/// What is to stand in the end.
fn wish(tx: &mut Tx<'_>, asked: &Asked, seen: &Seen) -> Result<Wish, Error> {
    match &asked.action {
        Action::Change(target) => {
            let none = || Error::new(Code::NoSubscription, "The customer has no such subscription.");
            let mirrored = subscriptions::find(tx, &asked.customer, &seen.id)?.ok_or_else(none)?;
            Ok(decide::change(tx, target, &mirrored, seen)?.wish)
        }
        Action::Cancel { .. } | Action::Resume if seen.over => Err(decide::ended()),
        Action::Cancel { at, feedback, comment } => {
            Ok(Wish::Cancel { now: *at == At::Now, feedback: feedback.clone(), comment: comment.clone() })
        }
        Action::Resume if seen.ending == Ending::Never && seen.schedule.is_none() => {
            let (found, now) = (subscriptions::find(tx, &asked.customer, &seen.id)?, tx.now());
            // The schedule was ended in the dashboard, and that is not known here yet. What was agreed on is taken back.
            if let Some(found) = found
                && agreed::later(tx, &asked.customer, &found, now)?.is_some()
            {
                return Ok(Wish::Resume);
            }
            let message =
                "Neither an end nor a change of the subscription is agreed on: there is nothing to take back.";
            Err(Error::new(Code::NothingToResume, message))
        }
        Action::Resume => Ok(Wish::Resume),
    }
}

/// Makes one write after the other until what was wished for stands.
async fn drive(app: &App, client: &Client, request: &Request) -> Result<(), Error> {
    let mut done_before = false;
    for _ in 0..MOST_STEPS {
        let seen = look::subscription(client, &request.subscription).await?;
        if seen.over && !matches!(request.wish, Wish::Cancel { .. }) {
            give_up(app, request, None).await?;
            return Err(decide::ended());
        }
        let Some(step) = request.wish.next(&seen) else { return Ok(()) };
        let (random, of) = (app.random().clone(), request.clone());
        // Another caller of it has made the last write: how it stands is looked at once more.
        let Some(operation) = app.db().write(move |tx| write_of(tx, &random, &of, &step)).await? else { continue };
        if operation.state == operations::State::Answered {
            if !std::mem::replace(&mut done_before, true) {
                continue;
            }
            // It was done, and does not stand: somebody else changed it since.
            give_up(app, request, None).await?;
            let message = "The subscription was changed at Stripe meanwhile. Look how it stands, and ask again.";
            return Err(Error::new(Code::ChangeInProgress, message));
        }
        done_before = false;
        match operations::send::<Made>(app, client, &operation).await? {
            Sent::Answered(made) => {
                operations::keep(app, &operation, operations::State::Answered, Some(made.id)).await?
            }
            // What it may have done is seen when it is looked at again.
            Sent::Indeterminate => operations::keep(app, &operation, operations::State::Indeterminate, None).await?,
            Sent::Refused(error) => {
                // Another caller of it, or a try whose answer was lost, may have done it. A deletion has no key: the
                // second one is told that nothing is there.
                let seen = look::subscription(client, &request.subscription).await?;
                if request.wish.next(&seen).is_none() {
                    return Ok(());
                }
                give_up(app, request, Some(&operation)).await?;
                return Err(error);
            }
        }
    }
    Err(Error::new(Code::Overloaded, "Others change this subscription at the same time. Try again."))
}

/// The write of a step: the one that was begun, or a new one; `None` when another caller has made all of them. One that
/// was too old to be sent again, and has left no trace, is begun anew.
///
/// # Errors
/// `change_in_progress` when the request made room for another; what the database says.
fn write_of(tx: &mut Tx<'_>, random: &Random, request: &Request, step: &Step) -> Result<Option<Operation>, Error> {
    match requests::state(tx, request)? {
        State::Going => {}
        State::Done => return Ok(None),
        State::GivenUp => {
            let message = "Another caller of this change was refused, or it made room for another one. Ask again.";
            return Err(Error::new(Code::ChangeInProgress, message));
        }
    }
    let subject = request.id.to_string();
    let found = operations::begin(tx, random, &request.customer, (step.kind, &subject), &step.request)?;
    match found.state {
        operations::State::Indeterminate => {
            operations::begin_anew(tx, random, &found, &step.request).map(Some).map_err(Error::from)
        }
        operations::State::Sent | operations::State::Answered | operations::State::Refused => Ok(Some(found)),
    }
}

/// Gives a request up, so that there is room for another; `refused` is the write that Stripe refused.
async fn give_up(app: &App, request: &Request, refused: Option<&Operation>) -> Result<(), DbError> {
    let (request, refused) = (request.clone(), refused.cloned());
    let given_up = app.db().write(move |tx| {
        if let Some(operation) = &refused {
            operations::put_down(tx, operation, operations::State::Refused, None)?;
        }
        requests::close(tx, &request, State::GivenUp, None).map(drop)
    });
    given_up.await
}

/// What is said of a payment that needs its payer: with a way to Stripe's own pages, if there is one.
async fn explained(app: &App, actor: &Actor, customer: &CustomerId, error: Error) -> Error {
    if !matches!(error.code, Code::PaymentActionRequired | Code::PaymentDeclined) {
        return error;
    }
    let what = match error.code {
        Code::PaymentActionRequired => "The payer's bank wants the payment confirmed",
        _ => "The payer's bank declined the payment",
    };
    let way = match portal::open(app, actor, customer, None).await {
        Ok(url) => format!("another payment method can be chosen for five minutes at {url}"),
        Err(_) => "another payment method can be chosen in Stripe's portal".to_owned(),
    };
    Error::new(error.code, format!("{what}, so nothing was changed; {way}."))
}

/// Puts the answer down, and answers it. Of callers who had the same one under way the first writes.
fn finish(
    tx: &mut Tx<'_>,
    random: &Random,
    actor: &Actor,
    request: &Request,
    action: &Action,
) -> Result<String, Error> {
    let none = || Error::new(Code::NoSubscription, "The customer has no such subscription.");
    let found = subscriptions::find(tx, &request.customer, &request.subscription)?.ok_or_else(none)?;
    let view = ChangeView::new(request, action, found);
    let answer = serde_json::to_string(&view).map_err(|error| DbError::Bug(format!("an answer: {error}")))?;
    if requests::close(tx, request, State::Done, Some(&answer))? {
        let asked: serde_json::Map<String, serde_json::Value> =
            request.asked.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        audit(tx, random, actor, action.audited(), &request.subscription, (None, Some(json!(asked))));
    }
    Ok(answer)
}
