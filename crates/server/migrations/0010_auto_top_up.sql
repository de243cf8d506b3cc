-- Auto top-up: what customers agreed to, who fell below it, and every attempt to buy a pack.

-- Below what a spend asks for a pack, in millionths. Null while auto top-up is off or stopped: then a spend, which reads
-- this row anyway, has nothing to do.
ALTER TABLE customers ADD COLUMN auto_top_up_unit {text};
ALTER TABLE customers ADD COLUMN auto_top_up_below {i64};

-- threshold is in millionths of the unit, most_a_month in minor units of the pack's currency. why_not is why the last
-- pack that was wanted was not bought, so that the audit trail says it once.
CREATE TABLE auto_top_ups (
    customer       {text} NOT NULL,
    bucket         {i64} NOT NULL,
    unit           {text} NOT NULL,
    threshold      {i64} NOT NULL,
    top_up_plan_id {id} NOT NULL,
    most_a_day     {i64} NOT NULL,
    most_a_month   {i64} NOT NULL,
    enabled        {bool} NOT NULL,
    why_not        {text},
    created_at     {ts} NOT NULL,
    updated_at     {ts} NOT NULL,
    PRIMARY KEY (customer, bucket)
) {clustered};

-- A row stands here before Stripe is asked. price is in minor units of the currency.
-- cause: 1 spend, 2 hold, 3 refusal. outcome: 1 unknown, 2 succeeded, 3 failed. cleared: a person looked at the failure.
CREATE TABLE auto_top_up_attempts (
    id             {id} NOT NULL,
    bucket         {i64} NOT NULL,
    customer       {text} NOT NULL,
    unit           {text} NOT NULL,
    top_up_plan_id {id} NOT NULL,
    price          {i64} NOT NULL,
    currency       {text} NOT NULL,
    cause          {i64} NOT NULL,
    outcome        {i64} NOT NULL,
    cleared        {bool} NOT NULL,
    payment_intent {text},
    error_code     {text},
    purchase_id    {id},
    at             {ts} NOT NULL,
    settled_at     {ts},
    PRIMARY KEY (id, bucket)
) {clustered};
CREATE INDEX auto_top_up_attempts_by_customer ON auto_top_up_attempts (customer, bucket, at);

-- Two queues. They are of the account, not of a customer, so they have no bucket. Who fell below its threshold: at most
-- one row a customer, put in by the spend, gone once it is decided.
CREATE TABLE auto_top_up_wants (
    customer {text} NOT NULL PRIMARY KEY,
    cause    {i64} NOT NULL,
    at       {ts} NOT NULL,
    run_at   {ts} NOT NULL
) {clustered};
CREATE INDEX auto_top_up_wants_due ON auto_top_up_wants (run_at);

-- Attempts whose outcome is not known, and when it is looked for.
CREATE TABLE auto_top_up_looks (
    attempt  {id} NOT NULL PRIMARY KEY,
    looks    {i64} NOT NULL,
    look_at  {ts} NOT NULL
) {clustered};
CREATE INDEX auto_top_up_looks_due ON auto_top_up_looks (look_at);
