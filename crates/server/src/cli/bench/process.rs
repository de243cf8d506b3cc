//! The bench in process: the same verbs the API calls, on a database that holds nobody's customers but its own.

use super::{
    answers::is_business,
    ask::{Capture, Gift, Said, Spend, Standing},
    draw::PREFIX,
};
use crate::{
    app,
    config::Config,
    features::{
        credits::{
            self, Answered, Ask, CaptureRequest, Checked, GrantRequest, HoldCall, HoldRequest, Lanes, SpendAnswer,
            SpendRequest,
        },
        customers,
    },
    platform::{
        App,
        auth::Actor,
        db::{Db, DbError, Tx},
        error::{Code, Error},
        ids::Random,
    },
};
use purser_rules::{
    Amount,
    credit::Mode,
    ids::{ConsumptionId, CustomerId, GrantId, HoldId, Unit},
};
use purser_stripe::Client;

/// Opens the database the command line names, after looking that it is the bench's to fill.
pub(super) async fn open(config: Config) -> Result<App, String> {
    open_with(config, None).await
}

/// The same, with a client of Stripe.
pub(super) async fn open_with(config: Config, stripe: Option<Client>) -> Result<App, String> {
    let clock = config.clock();
    let db = app::open_db(&config, clock.clone())?;
    let sentence = |error: DbError| app::sentence(&config, &error);
    // Looked at before it is changed: not even its tables are brought up to date if it is somebody else's.
    let pending = db.pending_migrations().await.map_err(sentence)?;
    if !pending.iter().any(|name| name.starts_with("0001_")) {
        refuse_strangers(&db).await?;
    }
    db.migrate().await.map_err(sentence)?;
    Ok(app::build_with(db, clock, Random::secure(), config, stripe))
}

/// Refuses a database with customers that are not a bench's.
async fn refuse_strangers(db: &Db) -> Result<(), String> {
    // The first of all, and the first after all that begin as ours do.
    let last = CustomerId::new(&format!("{PREFIX}{}", "z".repeat(128 - PREFIX.len()))).ok();
    for after in [None, last] {
        let found = db.read(move |tx| customers::list(tx, after.as_ref(), 1)).await;
        let found = found.map_err(|error: DbError| error.to_string())?;
        if let Some(stranger) = found.first().filter(|customer| !customer.id.as_str().starts_with(PREFIX)) {
            return Err(format!(
                "This database holds the customer {}, who is not a bench's. Give --database an empty one.",
                stranger.id.as_str()
            ));
        }
    }
    Ok(())
}

/// A caller in process.
#[derive(Clone)]
pub(super) struct Process {
    app: App,
    actor: Actor,
}

impl Process {
    /// A caller of `app`.
    pub(super) fn new(app: App) -> Self {
        Self { app, actor: Actor::job("bench") }
    }

    /// Spends, on the lane.
    pub(super) async fn spend(&self, spend: &Spend) -> Said {
        match self.app.part::<Lanes>().spends.submit(self.spend_request(spend)).await {
            Ok(answer) => spent(answer, spend.amount),
            Err(error) => said(&error.into()),
        }
    }

    /// Hands many spends to the lane together.
    pub(super) async fn batch(&self, spends: &[Spend]) -> Vec<Said> {
        let requests = spends.iter().map(|spend| self.spend_request(spend)).collect();
        let answers = self.app.part::<Lanes>().spends.submit_all(requests).await;
        let each = answers.into_iter().zip(spends).map(|(answer, spend)| match answer {
            Ok(answer) => spent(answer, spend.amount),
            Err(error) => said(&error.into()),
        });
        each.collect()
    }

    fn spend_request(&self, spend: &Spend) -> SpendRequest {
        SpendRequest {
            id: ConsumptionId::new(self.app.clock().now(), self.app.random().number(), spend.customer.bucket()),
            customer: spend.customer.clone(),
            unit: Unit::credits(),
            amount: spend.amount,
            mode: Mode::Reject,
            key: spend.key.clone(),
            user_id: None,
            metadata: None,
            occurred_at: None,
            actor: self.actor.clone(),
        }
    }

    /// Sets aside.
    pub(super) async fn hold(&self, spend: &Spend) -> Said {
        let asked = HoldRequest {
            id: HoldId::new(self.app.clock().now(), self.app.random().number(), spend.customer.bucket()),
            customer: spend.customer.clone(),
            unit: Unit::credits(),
            amount: spend.amount,
            mode: Mode::Reject,
            expires_in: 3600,
            key: spend.key.clone(),
            user_id: None,
            metadata: None,
            actor: self.actor.clone(),
        };
        written(self.about_hold(HoldCall::Hold(asked)).await, "amount", spend.amount)
    }

    /// Captures.
    pub(super) async fn capture(&self, capture: &Capture) -> Said {
        let Ok(hold) = capture.hold.parse::<HoldId>() else { return Said::Failed("no hold's id".into()) };
        let asked = CaptureRequest {
            hold,
            id: ConsumptionId::new(self.app.clock().now(), self.app.random().number(), hold.bucket()),
            amount: Some(capture.amount),
            key: Some(capture.key.clone()),
            metadata: None,
            actor: self.actor.clone(),
        };
        written(self.about_hold(HoldCall::Capture(asked)).await, "consumed", capture.amount)
    }

    async fn about_hold(&self, call: HoldCall) -> Result<Answered, Error> {
        self.app.part::<Lanes>().holds.submit(call).await
    }

    /// Reads a balance, on the lane of questions.
    pub(super) async fn balance(&self, customer: &CustomerId) -> Said {
        was_read(self.ask(customer, None).await)
    }

    /// Checks a spend, on the same lane.
    pub(super) async fn check(&self, spend: &Spend) -> Said {
        was_read(self.ask(&spend.customer, Some(spend.amount)).await)
    }

    /// How a wallet stands.
    pub(super) async fn standing(&self, customer: &CustomerId) -> Result<Option<Standing>, String> {
        match self.ask(customer, None).await {
            Ok(Checked { balance, .. }) => Ok(Some(Standing {
                available: balance.available,
                held: balance.held,
                grants: u64::try_from(balance.grants.len()).unwrap_or(u64::MAX),
            })),
            Err(error) if error.code == Code::UnknownCustomer => Ok(None),
            Err(error) => Err(error.message),
        }
    }

    async fn ask(&self, customer: &CustomerId, amount: Option<Amount>) -> Result<Checked, Error> {
        let spend = amount.map(|amount| (amount, Mode::Reject));
        let ask = Ask { customer: customer.clone(), unit: Unit::credits(), spend };
        self.app.part::<Lanes>().asks.submit(ask).await?
    }

    /// Gives grants, all in one unit of work.
    pub(super) async fn give(&self, gifts: Vec<Gift>) -> Result<(), String> {
        let random = self.app.random().clone();
        let requests: Vec<_> = gifts.into_iter().map(|gift| self.grant_request(gift)).collect();
        let unit = move |tx: &mut Tx<'_>| {
            requests.iter().try_for_each(|asked| credits::grant(tx, asked, true, &random).map(drop))
        };
        self.app.db().write(unit).await.map_err(|error: Error| error.message)
    }

    fn grant_request(&self, gift: Gift) -> GrantRequest {
        GrantRequest {
            id: GrantId::new(self.app.clock().now(), self.app.random().number(), gift.customer.bucket()),
            customer: gift.customer,
            unit: Unit::credits(),
            amount: gift.amount,
            source_kind: gift.kind,
            source_id: Some(gift.source),
            priority: None,
            effective_at: None,
            expires_at: gift.expires_at,
            metadata: None,
            key: None,
            actor: self.actor.clone(),
        }
    }
}

/// What the lane said of one spend.
fn spent(answer: Result<SpendAnswer, Error>, amount: Amount) -> Said {
    match answer {
        Ok(SpendAnswer { consumed, replayed }) if consumed.consumed == amount => {
            Said::Done { id: consumed.id.to_string(), replayed }
        }
        Ok(SpendAnswer { consumed, .. }) => Said::Failed(format!("{} spent instead of {amount}", consumed.consumed)),
        Err(error) => said(&error),
    }
}

/// What another write said, its answer read as a caller over HTTP reads it.
fn written(answer: Result<Answered, Error>, field: &str, amount: Amount) -> Said {
    match answer {
        Ok(Answered { body, replayed }) => {
            match super::answers::read(200, &String::from_utf8_lossy(&body), field, amount) {
                Said::Done { id, .. } => Said::Done { id, replayed },
                other => other,
            }
        }
        Err(error) => said(&error),
    }
}

fn was_read(answer: Result<Checked, Error>) -> Said {
    match answer {
        Ok(_) => Said::Done { id: String::new(), replayed: false },
        Err(error) => said(&error),
    }
}

fn said(error: &Error) -> Said {
    if is_business(error.code) {
        Said::Refused(error.code.as_str())
    } else {
        Said::Failed(format!("{}: {}", error.code.as_str(), error.message))
    }
}
