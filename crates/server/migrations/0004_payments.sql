-- Payments: whose Stripe's customers are, checkout sessions, purchases, and what was asked of Stripe.

-- Stripe's customers, each of one of ours. Looked up by Stripe's id before it is known whose it is, so without bucket.
CREATE TABLE stripe_customers (
    stripe_customer_id {text} NOT NULL PRIMARY KEY,
    customer           {text} NOT NULL,
    created_at         {ts} NOT NULL
) {clustered};

-- A row stands here before Stripe is asked for its session. asked is what was asked for, to tell whether it is again.
-- state: 1 being opened (not answered yet), 2 open, 3 complete, 4 expired, 5 never opened.
CREATE TABLE checkout_sessions (
    id             {id} NOT NULL,
    bucket         {i64} NOT NULL,
    customer       {text} NOT NULL,
    purpose        {text} NOT NULL,
    asked          {text} NOT NULL,
    top_up_plan_id {id},
    plan_id        {id},
    quantity       {i64} NOT NULL,
    state          {i64} NOT NULL,
    session_id     {text},
    url            {text},
    expires_at     {ts},
    created_at     {ts} NOT NULL,
    PRIMARY KEY (id, bucket),
    UNIQUE (session_id, bucket)
) {clustered};
-- At most one at a time of a customer and a purpose.
CREATE UNIQUE INDEX checkout_sessions_open ON checkout_sessions (customer, purpose, bucket) WHERE state <= 2;

-- Credit packs that were bought. amount and refunded are in minor units of the currency, credits in millionths.
-- state: 1 pending, 2 paid, 3 failed, 4 refunded, 5 disputed.
CREATE TABLE purchases (
    id             {id} NOT NULL,
    bucket         {i64} NOT NULL,
    customer       {text} NOT NULL,
    session_id     {text},
    payment_intent {text},
    top_up_plan_id {id},
    quantity       {i64} NOT NULL,
    unit           {text} NOT NULL,
    credits        {i64} NOT NULL,
    expires_in_days {i64},
    priority       {i64} NOT NULL,
    amount         {i64} NOT NULL,
    refunded       {i64} NOT NULL,
    currency       {text} NOT NULL,
    state          {i64} NOT NULL,
    grant_id       {id},
    created_at     {ts} NOT NULL,
    paid_at        {ts},
    PRIMARY KEY (id, bucket),
    UNIQUE (session_id, bucket),
    UNIQUE (payment_intent, bucket)
) {clustered};
CREATE INDEX purchases_by_customer ON purchases (customer, bucket, id);

-- Writes at Stripe that must happen once: the exact request, and the key it is sent with. As long as it is not answered
-- it is sent again as it stands, for 23 hours. key and request change only when it was refused, or is known not to be done.
-- state: 1 sent, 2 answered, 3 indeterminate, 4 refused.
CREATE TABLE stripe_operations (
    kind        {text} NOT NULL,
    subject     {text} NOT NULL,
    bucket      {i64} NOT NULL,
    customer    {text} NOT NULL,
    key         {text} NOT NULL,
    request     {text} NOT NULL,
    first_sent  {ts} NOT NULL,
    state       {i64} NOT NULL,
    object_id   {text},
    PRIMARY KEY (kind, subject, bucket)
) {clustered};
