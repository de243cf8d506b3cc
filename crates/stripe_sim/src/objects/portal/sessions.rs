//! Visits to the portal.

use super::{Configuration, configurations, flows};
use crate::{
    error::ApiError,
    http::{Answer, Asked},
    objects::customers::Customer,
    world::{Cx, Resource, World},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// For how long the address of a session can be opened for the first time, and for how long after it was last used, in
/// seconds. Source: <https://docs.stripe.com/api/customer_portal/sessions>
const UNUSED: i64 = 5 * 60;
const IDLE: i64 = 3600;

/// A visit to the portal.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Session {
    pub id: String,
    pub created: i64,
    pub configuration: String,
    pub customer: String,
    /// The one thing it is for, as it is shown; `None` when it is for all.
    pub flow: Option<Value>,
    pub locale: Option<String>,
    pub return_url: Option<String>,
    pub after_expiration: Option<Value>,
    /// When it was used last. Hidden, as what follows.
    pub used_at: Option<i64>,
    /// Whether what it is for was done.
    pub flow_done: bool,
}

impl Session {
    /// Whether its address still leads somewhere.
    pub const fn is_alive(&self, now: i64) -> bool {
        match self.used_at {
            Some(at) => now < at + IDLE,
            None => now < self.created + UNUSED,
        }
    }

    /// Where it is.
    pub fn url(&self, world: &World) -> String {
        format!("{}/p/session/{}", world.settings.base, self.id)
    }

    /// What it is for, as long as that is not done.
    pub fn open_flow(&self) -> Option<&Value> {
        self.flow.as_ref().filter(|_| !self.flow_done)
    }
}

impl Resource for Session {
    const SCHEMA: &'static str = "billing_portal.session";
    const NOUN: &'static str = "billing_portal session";

    fn id(&self) -> &str {
        &self.id
    }

    fn view(&self, world: &World) -> Value {
        json!({
            "id": self.id,
            "after_expiration": self.after_expiration,
            "configuration": self.configuration,
            "created": self.created,
            "customer": self.customer,
            "flow": self.flow,
            "locale": self.locale,
            "return_url": self.return_url,
            "url": self.url(world),
        })
    }
}

/// What is asked of a session.
#[derive(Deserialize)]
struct Fields {
    after_expiration: Option<Value>,
    configuration: Option<String>,
    customer: Option<String>,
    flow_data: Option<Value>,
    locale: Option<String>,
    return_url: Option<String>,
}

/// `POST /v1/billing_portal/sessions`
pub(crate) fn create(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let fields: Fields = asked.read()?;
    let customer = fields.customer.ok_or_else(|| ApiError::missing("customer"))?;
    cx.given::<Customer>(&customer, "customer")?;
    let configuration = match fields.configuration {
        Some(id) => id,
        None => configurations::default(cx),
    };
    let configuration: Configuration = cx.given(&configuration, "configuration")?;
    if !configuration.active {
        // The words are ours.
        let message = format!("The configuration `{}` is inactive and cannot be used for a session.", configuration.id);
        return Err(ApiError::wrong(&message, "configuration"));
    }
    let flow = match fields.flow_data {
        Some(flow) => Some(flows::checked(cx, flow, &customer, &configuration)?),
        None => None,
    };
    let id = cx.new_id("bps");
    let session = Session {
        id: id.clone(),
        created: cx.now(),
        return_url: fields.return_url.or(configuration.default_return_url),
        configuration: configuration.id,
        customer,
        flow,
        locale: fields.locale,
        after_expiration: fields.after_expiration,
        used_at: None,
        flow_done: false,
    };
    cx.create(session, "billing_portal.session.created");
    Answer::object::<Session>(cx, &id)
}

/// Opens the session `id`, and counts that as use. `None` when there is none, or its time is over.
pub(crate) fn enter(cx: &mut Cx<'_>, id: &str) -> Option<Session> {
    let now = cx.now();
    let found = cx.find::<Session>(id).filter(|found| found.is_alive(now)).cloned()?;
    cx.edit::<Session>(id, |session| session.used_at = Some(now));
    Some(found)
}

/// Something was done in a session. If that is what it is for: where one goes from there, unless to the portal's first
/// page. `what` is what the flow's type begins with.
pub(crate) fn finish(cx: &mut Cx<'_>, id: &str, what: &str) -> Option<Next> {
    let found = cx.find::<Session>(id)?.clone();
    let flow = found.open_flow()?;
    if !flow["type"].as_str().is_some_and(|kind| kind.starts_with(what)) {
        return None;
    }
    let after = &flow["after_completion"];
    let next = match after["type"].as_str() {
        Some("redirect") => after["redirect"]["return_url"].as_str().map(|url| Next::Away(url.to_owned())),
        Some("hosted_confirmation") => Some(Next::Confirmation),
        _ => None,
    };
    cx.edit::<Session>(id, |session| session.flow_done = true);
    next
}

/// Where one goes when what a session is for was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// To the seller's address.
    Away(String),
    /// To a page that says so.
    Confirmation,
}
