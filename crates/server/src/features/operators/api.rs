//! `/admin/keys` and `/admin/audit`.

use super::{ApiKey, AuditFilter, AuditLine, NewKey};
use crate::config::Secret;
use crate::platform::{
    App,
    auth::{Admin, Caller, Role},
    error::Error,
    http::{
        Body, Instant, Limit, PageOf, Path, Query, ReadErrors, WriteErrors,
        fields::{AuditRef, CauseKindName, KeyRef, text_fields},
    },
};
use axum::{Json, extract::State};
use serde::{Deserialize, Serialize, Serializer};
use utoipa::{IntoParams, ToSchema};

text_fields! {
    /// What a key is for.
    KeyName = 1..=100, "What the key is for, in your words.";
    /// An actor's id in a filter.
    ActorName = 1..=200, "Only what this actor did: a key's id, `bootstrap`, a job's name.";
    /// An action in a filter.
    ActionName = 1..=100, "Only this action, such as `customer.updated`.";
    /// A subject in a filter.
    SubjectName = 1..=200, "Only what was done to this: a customer's, grant's or key's id.";
}

/// A key's role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RoleName {
    /// Reads.
    Read,
    /// What an app does.
    Service,
    /// Everything.
    Admin,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Read => Self::Read,
            RoleName::Service => Self::Service,
            RoleName::Admin => Self::Admin,
        }
    }
}

impl From<Role> for RoleName {
    fn from(role: Role) -> Self {
        match role {
            Role::Read => Self::Read,
            Role::Service => Self::Service,
            Role::Admin => Self::Admin,
        }
    }
}

/// A new API key.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyToMake {
    name: KeyName,
    role: RoleName,
    /// When it ends; never unless given.
    #[serde(default)]
    expires_at: Option<Instant>,
}

/// An API key; its secret is told once, when it is made.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct KeyView {
    /// Always `api_key`.
    #[schema(value_type = String, pattern = "^api_key$")]
    object: &'static str,
    id: KeyRef,
    name: String,
    role: RoleName,
    /// The last four characters of its secret.
    hint: String,
    created_at: Instant,
    #[schema(required)]
    expires_at: Option<Instant>,
    #[schema(required)]
    revoked_at: Option<Instant>,
    /// When it was last used, to the minute.
    #[schema(required)]
    last_used_at: Option<Instant>,
    /// The secret: only in the answer that makes the key.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "reveal")]
    #[schema(value_type = String, required = false, nullable = false)]
    secret: Option<Secret>,
}

/// Tells the secret: the one place that does.
fn reveal<S: Serializer>(secret: &Option<Secret>, to: S) -> Result<S::Ok, S::Error> {
    secret.as_ref().map(Secret::reveal).serialize(to)
}

impl From<ApiKey> for KeyView {
    fn from(key: ApiKey) -> Self {
        Self {
            object: "api_key",
            id: key.id.into(),
            name: key.name,
            role: key.role.into(),
            hint: key.hint,
            created_at: key.created_at.into(),
            expires_at: key.expires_at.map(Into::into),
            revoked_at: key.revoked_at.map(Into::into),
            last_used_at: key.last_used_at.map(Into::into),
            secret: None,
        }
    }
}

/// Which keys are wanted.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct KeyPage {
    #[serde(default)]
    #[param(inline, required = false)]
    limit: Limit,
    /// The id of the last key of the page before.
    #[serde(default)]
    #[param(inline)]
    starting_after: Option<KeyRef>,
}

/// Makes an API key. The secret stands in this answer and nowhere else.
#[utoipa::path(post, path = "/admin/keys", operation_id = "create_key", tag = "operators", request_body = KeyToMake,
    responses((status = 200, description = "The key, with its secret", body = KeyView), WriteErrors))]
pub async fn create_key(
    State(app): State<App>,
    caller: Caller<Admin>,
    Body(asked): Body<KeyToMake>,
) -> Result<Json<KeyView>, Error> {
    let new =
        NewKey { name: asked.name.into_string(), role: asked.role.into(), expires_at: asked.expires_at.map(|at| at.0) };
    let random = app.random().clone();
    let made = app.db().write(move |tx| super::create_key(tx, &random, &caller.actor, &new)).await?;
    let (key, secret) = made;
    Ok(Json(KeyView { secret: Some(secret), ..key.into() }))
}

/// The API keys, newest first.
#[utoipa::path(get, path = "/admin/keys", operation_id = "list_keys", tag = "operators", params(KeyPage),
    responses((status = 200, description = "A page of keys", body = PageOf<KeyView>), ReadErrors))]
pub async fn list_keys(
    State(app): State<App>,
    _: Caller<Admin>,
    Query(page): Query<KeyPage>,
) -> Result<Json<PageOf<KeyView>>, Error> {
    let after = page.starting_after.map(|key| key.0);
    let keys =
        app.db().read(move |tx| super::list_keys(tx, after, page.limit.one_more())).await.map_err(Error::from)?;
    Ok(Json(PageOf::new(keys.into_iter().map(KeyView::from).collect(), page.limit)))
}

/// Revokes an API key at once and for good.
#[utoipa::path(post, path = "/admin/keys/{id}/revoke", operation_id = "revoke_key", tag = "operators", params(("id" = inline(KeyRef), Path)),
    responses((status = 200, description = "The revoked key", body = KeyView), WriteErrors))]
pub async fn revoke_key(
    State(app): State<App>,
    caller: Caller<Admin>,
    Path(id): Path<KeyRef>,
) -> Result<Json<KeyView>, Error> {
    let random = app.random().clone();
    let key = app.db().write(move |tx| super::revoke_key(tx, &random, &caller.actor, id.0)).await?;
    Ok(Json(key.into()))
}

/// Which lines of the audit trail are wanted.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AuditPage {
    #[serde(default)]
    #[param(inline, required = false)]
    limit: Limit,
    /// The id of the last line of the page before.
    #[serde(default)]
    #[param(inline)]
    starting_after: Option<AuditRef>,
    #[serde(default)]
    #[param(inline)]
    actor_id: Option<ActorName>,
    #[serde(default)]
    #[param(inline)]
    action: Option<ActionName>,
    #[serde(default)]
    #[param(inline)]
    subject: Option<SubjectName>,
    /// At or after this instant.
    #[serde(default)]
    #[param(inline)]
    from: Option<Instant>,
    /// Before this instant.
    #[serde(default)]
    #[param(inline)]
    to: Option<Instant>,
}

/// A line of the audit trail.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AuditView {
    /// Always `audit_line`.
    #[schema(value_type = String, pattern = "^audit_line$")]
    object: &'static str,
    id: AuditRef,
    at: Instant,
    /// `api`, `job`, `operator` or `stripe`.
    #[schema(value_type = CauseKindName)]
    actor_kind: String,
    /// A key's id, `bootstrap`, or a job's name.
    actor_id: String,
    action: String,
    subject: String,
    /// What stood before, if anything.
    #[schema(value_type = Option<Object>, required)]
    before: Option<serde_json::Value>,
    /// What stood after, if anything.
    #[schema(value_type = Option<Object>, required)]
    after: Option<serde_json::Value>,
    #[schema(required)]
    request_id: Option<String>,
}

impl From<AuditLine> for AuditView {
    fn from(line: AuditLine) -> Self {
        Self {
            object: "audit_line",
            id: line.id.into(),
            at: line.at.into(),
            actor_kind: line.actor_kind,
            actor_id: line.actor_id,
            action: line.action,
            subject: line.subject,
            before: line.before,
            after: line.after,
            request_id: line.request_id,
        }
    }
}

/// The audit trail, newest first: every write, by whom, and what stood before and after.
#[utoipa::path(get, path = "/admin/audit", operation_id = "list_audit", tag = "operators", params(AuditPage),
    responses((status = 200, description = "A page of the trail", body = PageOf<AuditView>), ReadErrors))]
pub async fn list_audit(
    State(app): State<App>,
    _: Caller<Admin>,
    Query(page): Query<AuditPage>,
) -> Result<Json<PageOf<AuditView>>, Error> {
    let limit = page.limit;
    let filter = AuditFilter {
        actor_id: page.actor_id.map(ActorName::into_string),
        action: page.action.map(ActionName::into_string),
        subject: page.subject.map(SubjectName::into_string),
        from: page.from.map(|at| at.0),
        to: page.to.map(|at| at.0),
        after: page.starting_after.map(|id| id.0),
    };
    let lines = app.db().read(move |tx| super::list_audit(tx, &filter, limit.one_more())).await.map_err(Error::from)?;
    Ok(Json(PageOf::new(lines.into_iter().map(AuditView::from).collect(), limit)))
}
