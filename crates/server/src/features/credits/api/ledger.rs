//! Balance, check, and the ledger as JSON or CSV.

use super::{ModeName, id};
use crate::{
    features::credits::{
        Lanes,
        asks::Ask,
        ledger::{self, LedgerPage},
        reads,
        view::{self, BalanceView, EntryView},
    },
    platform::{
        App,
        auth::{Caller, Reader},
        error::{Code, Error},
        http::{
            Body, CustomerName, Decimal, Limit, PageOf, Path, Query, ReadErrors, UnitName,
            fields::{CodeName, EntryKindName, EntryRef, GivenCustomer, Instant, Positive, invalid},
        },
    },
};
use axum::{
    Json,
    body::Body as Stream,
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::StreamExt as _;
use purser_rules::{credit::EntryKind, ids::GrantId};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Which wallet.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WhichUnit {
    #[serde(default)]
    #[param(inline)]
    unit: UnitName,
}

/// Read a customer's balance: always the truth of this instant.
///
/// # Errors
/// 404 `unknown_customer`.
#[utoipa::path(get, path = "/customers/{id}/balance", operation_id = "get_balance", tag = "credits",
    params(("id" = CustomerName, Path, description = "The customer's id."), WhichUnit),
    responses((status = 200, description = "The balance.", body = BalanceView), ReadErrors))]
pub async fn balance(
    State(app): State<App>,
    _: Caller<Reader>,
    Path(customer): Path<CustomerName>,
    Query(asked): Query<WhichUnit>,
) -> Result<Json<BalanceView>, Error> {
    let ask = Ask { customer: customer.0, unit: asked.unit.0, spend: None };
    let checked = app.part::<Lanes>().asks.submit(ask.clone()).await??;
    Ok(Json(view::balance(&ask.customer, &ask.unit, &checked.balance)))
}

/// An amount to check.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Check {
    customer_id: GivenCustomer,
    amount: Positive,
    #[serde(default)]
    unit: UnitName,
    #[serde(default)]
    mode: ModeName,
}

/// Whether a spend would be accepted now.
#[derive(Debug, Serialize, ToSchema)]
pub struct CheckAnswer {
    /// Whether it would be accepted.
    allowed: bool,
    /// Why not: the code a spend would be refused with.
    #[schema(value_type = Option<CodeName>, required)]
    reason: Option<&'static str>,
    /// The balance now.
    balance: BalanceView,
    /// The hard limit of the period, if there is one.
    #[schema(required)]
    limit: Option<Decimal>,
    /// Used in the calendar month.
    used: Decimal,
    /// When the limit starts over; null without a plan.
    #[schema(required)]
    resets_at: Option<Instant>,
    /// Which plan would allow it; null without a price book.
    #[schema(required)]
    upgrade: Option<String>,
}

/// Check whether an amount could be spent now, by the very rule a spend asks. Writes nothing.
///
/// # Errors
/// 404 `unknown_customer`.
#[utoipa::path(post, path = "/check", operation_id = "check", tag = "credits", request_body = Check,
    responses((status = 200, description = "Allowed or not, and why not.", body = CheckAnswer), ReadErrors))]
pub async fn check(
    State(app): State<App>,
    _: Caller<Reader>,
    Body(asked): Body<Check>,
) -> Result<Json<CheckAnswer>, Error> {
    let (customer, unit, amount, mode) = (asked.customer_id.0, asked.unit.0, asked.amount.0, asked.mode.into());
    let ask = Ask { customer, unit, spend: Some((amount, mode)) };
    let checked = app.part::<Lanes>().asks.submit(ask.clone()).await??;
    Ok(Json(CheckAnswer {
        allowed: checked.refused.is_none(),
        reason: checked.refused.map(Code::as_str),
        balance: view::balance(&ask.customer, &ask.unit, &checked.balance),
        limit: checked.limit.map(Decimal),
        used: Decimal(checked.used),
        resets_at: None,
        upgrade: None,
    }))
}

/// Which entries to read.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListEntries {
    #[serde(default)]
    #[param(inline)]
    limit: Limit,
    /// The id after which the page begins: entries older than it.
    #[param(inline)]
    starting_after: Option<EntryRef>,
    #[serde(default)]
    #[param(inline)]
    unit: UnitName,
    /// Only entries of this kind.
    #[serde(default, deserialize_with = "kind")]
    #[param(value_type = Option<EntryKindName>, inline)]
    kind: Option<EntryKind>,
    /// Only entries of this grant.
    #[param(pattern = "^[^\\x00]*$")]
    grant: Option<String>,
    /// Only entries at or after this instant.
    #[param(inline)]
    from: Option<Instant>,
    /// Only entries before this instant.
    #[param(inline)]
    to: Option<Instant>,
}

fn kind<'de, D: Deserializer<'de>>(from: D) -> Result<Option<EntryKind>, D::Error> {
    let Some(name) = Option::<String>::deserialize(from)? else { return Ok(None) };
    let known = EntryKind::ALL.iter().copied().find(|kind| kind.as_str() == name);
    known.map(Some).ok_or_else(|| {
        let names: Vec<_> = EntryKind::ALL.iter().map(|kind| kind.as_str()).collect();
        invalid(format_args!("It must be one of {}.", names.join(", ")))
    })
}

/// Read a customer's ledger, newest first: JSON page by page, or all of it with `Accept: text/csv`.
///
/// # Errors
/// 404 `unknown_customer`.
#[utoipa::path(get, path = "/customers/{id}/ledger", operation_id = "list_ledger", tag = "credits",
    params(("id" = CustomerName, Path, description = "The customer's id."), ListEntries),
    responses((status = 200, description = "A page of entries, or all of them as CSV.", content(
        (PageOf<EntryView> = "application/json"), (String = "text/csv"))), ReadErrors))]
pub async fn ledger(
    State(app): State<App>,
    _: Caller<Reader>,
    headers: HeaderMap,
    Path(customer): Path<CustomerName>,
    Query(asked): Query<ListEntries>,
) -> Result<Response, Error> {
    let grant = asked.grant.map(|text| id::<GrantId>(&text, Code::UnknownGrant, "grant")).transpose();
    let page = LedgerPage {
        customer: customer.0,
        unit: asked.unit.0,
        kind: asked.kind,
        grant: grant.map_err(|error| error.about("grant"))?,
        from: asked.from.map(|at| at.0),
        to: asked.to.map(|at| at.0),
        before: asked.starting_after.map(|entry| entry.0.seq()),
        limit: asked.limit.one_more(),
    };
    if wants_csv(&headers) {
        return csv(app, page).await;
    }
    let entries = app.db().read(move |tx| {
        reads::known(tx, &page.customer)?;
        Ok::<_, Error>(ledger::page(tx, &page)?.iter().map(view::entry).collect::<Vec<_>>())
    });
    Ok(Json(PageOf::new(entries.await?, asked.limit)).into_response())
}

fn wants_csv(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accept.split(',').any(|kind| kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("text/csv"))
}

/// How many entries are read at a time for CSV.
const CSV_STEP: i64 = 500;

/// The whole ledger as CSV, read and sent step by step so that memory stays flat.
async fn csv(app: App, page: LedgerPage) -> Result<Response, Error> {
    let customer = page.customer.clone();
    app.db().read(move |tx| reads::known(tx, &customer)).await?;
    let first = Some(LedgerPage { limit: CSV_STEP, ..page });
    let stream = futures_util::stream::unfold((app, first, true), |(app, page, header)| async move {
        let page = page?;
        let asked = page.clone();
        let step = app.db().read(move |tx| ledger::page(tx, &asked)).await;
        let step = step.and_then(|entries| Ok((view::csv(&entries, header)?, entries)));
        match step {
            Err(error) => Some((Err(std::io::Error::other(format!("{error:?}"))), (app, None, false))),
            Ok((text, entries)) => {
                let full = i64::try_from(entries.len()).is_ok_and(|read| read == CSV_STEP);
                let next = entries.last().filter(|_| full).map(|entry| LedgerPage { before: Some(entry.seq), ..page });
                Some((Ok(Bytes::from(text)), (app, next, false)))
            }
        }
    });
    let kind = [(header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"))];
    // Compression asks once more after the end, which this stream answers with a panic unless it is fused.
    Ok((kind, Stream::from_stream(stream.fuse())).into_response())
}
