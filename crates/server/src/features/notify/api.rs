//! `/notifications`: what a customer is told, and that it was read.

use super::Notification;
use crate::platform::{
    App,
    auth::{Caller, Reader, Service},
    error::Error,
    http::{CustomerName, Instant, Limit, PageOf, Path, Query, ReadErrors, WriteErrors, fields::NotificationRef},
};
use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Which notifications are wanted.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct NotificationPage {
    /// Whose.
    #[param(inline)]
    customer_id: CustomerName,
    /// Only those that were not read.
    #[serde(default)]
    #[param(required = false)]
    unread: bool,
    #[serde(default)]
    #[param(inline, required = false)]
    limit: Limit,
    /// The id of the last notification of the page before.
    #[serde(default)]
    #[param(inline)]
    starting_after: Option<NotificationRef>,
}

/// Something a customer is told.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct NotificationView {
    /// Always `notification`.
    #[schema(value_type = String, pattern = "^notification$")]
    object: &'static str,
    id: NotificationRef,
    customer_id: CustomerName,
    /// What of: one of the guide's table of notifications. More may come.
    kind: String,
    /// `info`, `warning` or `urgent`.
    #[schema(pattern = "^(info|warning|urgent)$")]
    severity: String,
    /// What goes with it; its fields depend on the kind.
    #[schema(value_type = Object)]
    data: serde_json::Value,
    created_at: Instant,
    /// When it was read.
    #[schema(required)]
    read_at: Option<Instant>,
}

impl From<Notification> for NotificationView {
    fn from(notification: Notification) -> Self {
        Self {
            object: "notification",
            id: notification.id.into(),
            customer_id: CustomerName(notification.customer),
            kind: notification.kind,
            severity: notification.severity,
            data: notification.data,
            created_at: notification.created_at.into(),
            read_at: notification.read_at.map(Into::into),
        }
    }
}

/// What a customer is told, newest first. A customer nobody knows is told nothing.
#[utoipa::path(get, path = "/notifications", operation_id = "list_notifications", tag = "notifications",
    params(NotificationPage),
    responses((status = 200, description = "A page of notifications", body = PageOf<NotificationView>), ReadErrors))]
pub async fn list(
    State(app): State<App>,
    _: Caller<Reader>,
    Query(page): Query<NotificationPage>,
) -> Result<Json<PageOf<NotificationView>>, Error> {
    let (limit, unread, after) = (page.limit, page.unread, page.starting_after.map(|id| id.0));
    let customer = page.customer_id.0;
    let read = app.db().read(move |tx| super::list(tx, &customer, unread, after, limit.one_more())).await;
    let found = read.map_err(Error::from)?;
    Ok(Json(PageOf::new(found.into_iter().map(NotificationView::from).collect(), limit)))
}

/// Marks a notification read. Marked again, it stays as it was.
///
/// # Errors
/// 404 `unknown_notification`.
#[utoipa::path(post, path = "/notifications/{id}/read", operation_id = "read_notification", tag = "notifications",
    params(("id" = inline(NotificationRef), Path)),
    responses((status = 200, description = "The notification", body = NotificationView), WriteErrors))]
pub async fn read(
    State(app): State<App>,
    caller: Caller<Service>,
    Path(id): Path<NotificationRef>,
) -> Result<Json<NotificationView>, Error> {
    let random = app.random().clone();
    let read = app.db().write(move |tx| super::mark_read(tx, &random, &caller.actor, id.0)).await?;
    Ok(Json(read.into()))
}
