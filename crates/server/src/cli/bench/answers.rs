//! Reads answers over HTTP as far as a bench must: by looking for fields, since parsing each would cost the load.

use super::ask::Said;
use crate::platform::error::{Code, Kind};
use purser_rules::Amount;

/// What an answer says, if it holds `field` with `amount` in it.
pub(super) fn read(status: u16, body: &str, field: &str, amount: Amount) -> Said {
    if !(200..300).contains(&status) {
        return refused(status, body);
    }
    done(body, field, amount)
}

/// What an answer of a read says: that it has the field `name` is all that is known beforehand.
pub(super) fn read_only(status: u16, body: &str, name: &str) -> Said {
    if !(200..300).contains(&status) {
        return refused(status, body);
    }
    match after(body, &format!("\"{name}\":")) {
        Some(_) => Said::Done { id: String::new(), replayed: false },
        None => Said::Failed(format!("an answer without {name}: {}", start(body))),
    }
}

/// What the answer of a batch of spends of `amounts` says of each.
pub(super) fn read_batch(status: u16, body: &str, amounts: impl ExactSizeIterator<Item = Amount>) -> Vec<Said> {
    if !(200..300).contains(&status) {
        return vec![refused(status, body)];
    }
    let count = amounts.len();
    let items: Vec<&str> = items(body).collect();
    if items.len() != count {
        return vec![Said::Failed(format!("a batch of {count} was answered {} items", items.len()))];
    }
    items.into_iter().zip(amounts).map(|(item, amount)| item_said(item, amount)).collect()
}

/// The parts of a batch's answer: each from its beginning to that of the next.
fn items(body: &str) -> impl Iterator<Item = &str> {
    let mut rest = body.find(ITEM.0).into_iter().chain(body.find(ITEM.1)).min().map_or("", |at| &body[at..]);
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let mut next = rest.match_indices('{').skip(1).map(|(at, _)| at);
        let end = next.find(|at| [ITEM.0, ITEM.1].iter().any(|begin| rest[*at..].starts_with(begin)));
        let (item, others) = rest.split_at(end.unwrap_or(rest.len()));
        rest = others;
        Some(item)
    })
}

/// How an accepted and a refused item of a batch begin.
const ITEM: (&str, &str) = ("{\"object\":\"consumption\"", "{\"error\":");

fn item_said(item: &str, amount: Amount) -> Said {
    if item.starts_with(ITEM.1) { refused(200, item) } else { done(item, "consumed", amount) }
}

/// What an accepted write says.
fn done(body: &str, field: &str, amount: Amount) -> Said {
    let wanted = format!("\"{field}\":{amount}");
    let says_so = after(body, &wanted).is_some_and(|rest| rest.starts_with([',', '}']));
    let id = after(body, "\"id\":\"").and_then(|rest| rest.split('"').next());
    match id {
        Some(id) if says_so => Said::Done { id: id.to_owned(), replayed: body.contains("\"replayed\":true") },
        _ => Said::Failed(format!("an answer without its id or {wanted}: {}", start(body))),
    }
}

/// The refusal an answer tells, if it is one.
fn refused(status: u16, body: &str) -> Said {
    let code = after(body, "\"code\":\"").and_then(|rest| rest.split('"').next()).unwrap_or("no code");
    match Code::ALL.iter().find(|known| known.as_str() == code && is_business(**known)) {
        Some(known) => Said::Refused(known.as_str()),
        None => Said::Failed(format!("{status} {code}")),
    }
}

/// Whether `code` is an answer of the business, and not a fault.
pub(super) fn is_business(code: Code) -> bool {
    matches!(code.kind(), Kind::PaymentRequired | Kind::Conflict | Kind::RateLimited)
}

/// What follows the first `text` in `body`.
fn after<'a>(body: &'a str, text: &str) -> Option<&'a str> {
    body.find(text).map(|at| &body[at + text.len()..])
}

/// Enough of a body to tell what it is.
fn start(body: &str) -> String {
    body.chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPENT: &str = r#"{"object":"consumption","id":"con_1","requested":2,"consumed":2,"balance":{"object":"balance","available":7},"grants":[{"grant_id":"grt_1","amount":2}],"replayed":false}"#;
    const REFUSED: &str = r#"{"error":{"type":"payment_required","code":"insufficient_credits","message":"2 needed"}}"#;

    fn done(id: &str) -> Said {
        Said::Done { id: id.into(), replayed: false }
    }

    #[test]
    fn an_answer_must_have_its_id_and_amount() {
        assert_eq!(read(200, SPENT, "consumed", Amount::units(2)), done("con_1"));
        for amount in [20, 3] {
            assert!(matches!(read(200, SPENT, "consumed", Amount::units(amount)), Said::Failed(_)));
        }
        assert!(matches!(read(200, &SPENT.replace(":2", ":25"), "consumed", Amount::units(2)), Said::Failed(_)));
        assert!(matches!(read(200, "", "consumed", Amount::units(2)), Said::Failed(_)));
    }

    #[test]
    fn refusals_are_told_from_failures() {
        assert_eq!(read(402, REFUSED, "consumed", Amount::units(2)), Said::Refused("insufficient_credits"));
        let internal = REFUSED.replace("insufficient_credits", "internal");
        assert_eq!(read(500, &internal, "consumed", Amount::units(2)), Said::Failed("500 internal".into()));
        assert_eq!(read_only(502, "<html>", "available"), Said::Failed("502 no code".into()));
    }

    #[test]
    fn each_item_of_a_batch_is_read() {
        let body = format!(r#"{{"object":"list","data":[{SPENT},{REFUSED},{SPENT}],"has_more":false}}"#);
        let said = read_batch(200, &body, [Amount::units(2); 3].into_iter());
        assert_eq!(said, [done("con_1"), Said::Refused("insufficient_credits"), done("con_1")]);
        assert!(matches!(read_batch(200, &body, [Amount::units(2); 2].into_iter())[..], [Said::Failed(_)]));
        assert!(matches!(read_batch(200, "", [Amount::units(2); 2].into_iter())[..], [Said::Failed(_)]));
    }
}
