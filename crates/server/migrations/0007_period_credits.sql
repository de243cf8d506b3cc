-- Credits of paid invoice lines and of trials: what was given under which key, and what became of its subscription.

-- One row for each grant. period_key is PLAN_GROUP:LABEL, or FAMILY:trial, and names no object of Stripe's. most is
-- what the plan gives for a whole month, in millionths, before proration. line_start to line_end is the paid period,
-- period_start to period_end the month of it that the grant is for. The grant may live on after that (by_overlap).
-- invoice is what refunds of it are looked up by: an invoice, or the key of a trial. It is suspended while its
-- subscription gives no access, and ended once that was deleted.
CREATE TABLE period_grants (
    grant_id        {id} NOT NULL,
    bucket          {i64} NOT NULL,
    customer        {text} NOT NULL,
    unit            {text} NOT NULL,
    plan_group      {text} NOT NULL,
    period_key      {text} NOT NULL,
    most            {i64} NOT NULL,
    amount          {i64} NOT NULL,
    plan_id         {id} NOT NULL,
    subscription    {text} NOT NULL,
    invoice         {text} NOT NULL,
    line            {text} NOT NULL,
    line_start      {ts} NOT NULL,
    line_end        {ts} NOT NULL,
    period_start    {ts} NOT NULL,
    period_end      {ts} NOT NULL,
    expires_at      {ts} NOT NULL,
    by_overlap      {bool} NOT NULL,
    suspended       {bool} NOT NULL,
    ended           {bool} NOT NULL,
    created_at      {ts} NOT NULL,
    PRIMARY KEY (grant_id, bucket)
) {clustered};
CREATE INDEX period_grants_by_group ON period_grants (customer, unit, plan_group, bucket, period_end);
CREATE INDEX period_grants_by_subscription ON period_grants (subscription, bucket, expires_at);
CREATE INDEX period_grants_by_invoice ON period_grants (invoice, customer, unit, bucket);

-- Subscriptions and invoices that are to be looked at again at an instant: grace ends, or a customer became known.
-- This table is of the account, as stripe_mirrors is, which says in which bucket the rows are.
CREATE TABLE stripe_checks (
    id              {text} NOT NULL PRIMARY KEY,
    at              {ts} NOT NULL
) {strict};
CREATE INDEX stripe_checks_by_time ON stripe_checks (at, id);
