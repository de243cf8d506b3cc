//! The checkout page as Stripe's own page asks for it, and the triggers of its CLI: a session is paid without a browser.

use super::{
    Session,
    complete::{self, Payer},
};
use crate::{
    error::ApiError,
    http::{Answer, Asked},
    objects::payment_methods::{self, PaymentMethod},
    world::Cx,
};
use serde::Deserialize;
use serde_json::Value;

/// What pays, and what its payer was shown to pay.
#[derive(Deserialize)]
struct Fields {
    expected_amount: i64,
    payment_method: String,
}

/// `GET /v1/payment_pages/{id}`
pub(crate) fn retrieve(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let session: Session = cx.of_path(asked.id())?;
    Answer::object::<Session>(cx, &session.id)
}

/// `POST /v1/payment_pages/{id}/confirm`
pub(crate) fn confirm(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let fields: Fields = asked.read()?;
    let session: Session = cx.of_path(asked.id())?;
    if fields.expected_amount != session.total(cx.world) {
        return Err(ApiError::wrong("The amount is not what the payer was shown.", "expected_amount"));
    }
    let id = payment_methods::resolve(cx, &fields.payment_method, "payment_method")?;
    let method: PaymentMethod = cx.given(&id, "payment_method")?;
    let said = |name: &str| method.billing_details.get(name).and_then(Value::as_str).map(str::to_owned);
    complete::pay(cx, &session.id, &id, &Payer { email: said("email"), name: said("name") })?;
    Answer::object::<Session>(cx, &session.id)
}

#[cfg(test)]
mod tests {
    use crate::tests::life::{Life, id};

    fn session(life: &mut Life) -> String {
        let product = id(&life.post("/v1/products", &[("name", "Credits")]));
        let price = [("currency", "usd"), ("unit_amount", "1500"), ("product", product.as_str())];
        let price = id(&life.post("/v1/prices", &price));
        let asked = [
            ("mode", "payment"),
            ("success_url", "https://example.com/done"),
            ("line_items[0][price]", price.as_str()),
            ("line_items[0][quantity]", "2"),
        ];
        id(&life.post("/v1/checkout/sessions", &asked))
    }

    #[test]
    fn a_session_is_paid_without_a_browser() {
        let mut life = Life::new();
        let path = format!("/v1/payment_pages/{}", session(&mut life));
        assert_eq!(life.get(&path)["status"], "open");
        let seen = life.seen();
        let confirm = format!("{path}/confirm");
        let wrong = [("payment_method", "pm_card_visa"), ("expected_amount", "2999")];
        assert_eq!(life.refused(&confirm, &wrong).0, 400);
        let paid = life.post(&confirm, &[("payment_method", "pm_card_visa"), ("expected_amount", "3000")]);
        assert_eq!((&paid["status"], &paid["payment_status"]), (&"complete".into(), &"paid".into()));
        assert!(life.events(&seen).contains(&"checkout.session.completed".to_owned()));
    }
}
