-- What Stripe says of subscriptions and invoices, kept whole. Nothing here is truth of ours but the plan that was
-- recorded for an item.

-- Every object that is mirrored: whose it is, and how often it was written. This table is of the account: it is what is
-- looked up and locked before the customer is known, so it has no bucket. It says in which bucket the rows are: that of
-- the customer, and until there is one, one that follows from the customer's id at Stripe.
CREATE TABLE stripe_mirrors (
    id                 {text} NOT NULL PRIMARY KEY,
    kind               {text} NOT NULL,
    stripe_customer_id {text} NOT NULL,
    customer           {text},
    bucket             {i64} NOT NULL,
    revision           {i64} NOT NULL,
    fetched_at         {ts} NOT NULL
) {strict};
CREATE INDEX stripe_mirrors_unbound ON stripe_mirrors (stripe_customer_id, id) WHERE customer IS NULL;
CREATE INDEX customers_by_stripe ON customers (stripe_customer_id);

CREATE TABLE subscriptions (
    id                   {text} NOT NULL,
    bucket               {i64} NOT NULL,
    customer             {text},
    stripe_customer_id   {text} NOT NULL,
    status               {text} NOT NULL,
    cancel_at            {ts},
    cancel_at_period_end {bool} NOT NULL,
    canceled_at          {ts},
    ended_at             {ts},
    trial_start          {ts},
    trial_end            {ts},
    default_payment_method_id {text},
    checkout_session_id  {text},
    first_failure_at     {ts},
    plan_id              {id},
    created_at           {ts} NOT NULL,
    PRIMARY KEY (id, bucket)
) {clustered};
CREATE INDEX subscriptions_by_customer ON subscriptions (customer, bucket, created_at);
CREATE UNIQUE INDEX subscriptions_by_session ON subscriptions (checkout_session_id, bucket);

-- plan_id is the version its price sold when the item was first seen with it; null for a price nobody mapped.
CREATE TABLE subscription_items (
    id              {text} NOT NULL,
    bucket          {i64} NOT NULL,
    subscription    {text} NOT NULL,
    customer        {text},
    price           {text} NOT NULL,
    product         {text} NOT NULL,
    quantity        {i64},
    metered         {bool} NOT NULL,
    period          {text} NOT NULL,
    period_count    {i64} NOT NULL,
    period_start    {ts} NOT NULL,
    period_end      {ts} NOT NULL,
    plan_id         {id},
    created_at      {ts} NOT NULL,
    updated_at      {ts} NOT NULL,
    PRIMARY KEY (id, bucket)
) {clustered};
CREATE INDEX subscription_items_by_subscription ON subscription_items (subscription, bucket);
CREATE INDEX subscription_items_by_customer ON subscription_items (customer, bucket);
CREATE INDEX subscription_items_by_price ON subscription_items (price, bucket);

-- Each change of a subscription, never edited: revision is that of stripe_mirrors, cause the event that told of it.
CREATE TABLE subscription_changes (
    subscription    {text} NOT NULL,
    revision        {i64} NOT NULL,
    bucket          {i64} NOT NULL,
    customer        {text},
    before          {json},
    after           {json} NOT NULL,
    cause           {text} NOT NULL,
    at              {ts} NOT NULL,
    PRIMARY KEY (subscription, revision, bucket)
) {clustered};

-- Amounts are minor units of the currency. first_failed_at is when its payment first failed, as far as events told.
CREATE TABLE invoices (
    id                   {text} NOT NULL,
    bucket               {i64} NOT NULL,
    customer             {text},
    stripe_customer_id   {text} NOT NULL,
    subscription         {text},
    number               {text},
    status               {text} NOT NULL,
    amount_due           {i64} NOT NULL,
    amount_paid          {i64} NOT NULL,
    currency             {text} NOT NULL,
    period_start         {ts} NOT NULL,
    period_end           {ts} NOT NULL,
    hosted_url           {text},
    next_payment_attempt {ts},
    paid_at              {ts},
    first_failed_at      {ts},
    created_at           {ts} NOT NULL,
    PRIMARY KEY (id, bucket)
) {clustered};
CREATE INDEX invoices_by_customer ON invoices (customer, bucket, created_at);
CREATE INDEX invoices_by_subscription ON invoices (subscription, bucket, created_at);
