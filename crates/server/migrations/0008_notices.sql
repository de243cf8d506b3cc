-- What customers are told, each thing once; and of Stripe's customers how they pay and what they are entitled to.

-- dedupe_key is the business key of what is told: an invoice and which try, a subscription and when its trial ends.
CREATE TABLE notifications (
    id          {id} NOT NULL,
    bucket      {i64} NOT NULL,
    customer    {text} NOT NULL,
    kind        {text} NOT NULL,
    dedupe_key  {text} NOT NULL,
    severity    {text} NOT NULL,
    data        {json} NOT NULL,
    created_at  {ts} NOT NULL,
    read_at     {ts},
    PRIMARY KEY (id, bucket),
    UNIQUE (customer, kind, dedupe_key, bucket)
) {clustered};
CREATE INDEX notifications_by_customer ON notifications (customer, bucket, id);

-- Stripe's customers, as far as they are mirrored: what is charged unless a subscription names another. Fenced by the
-- row of stripe_mirrors with the same id. Name, address and metadata are the app's, and stand in customers.
CREATE TABLE payers (
    id                        {text} NOT NULL,
    bucket                    {i64} NOT NULL,
    customer                  {text},
    default_payment_method_id {text},
    deleted                   {bool} NOT NULL,
    PRIMARY KEY (id, bucket)
) {clustered};
CREATE INDEX payers_by_customer ON payers (customer, bucket);

-- What they pay with. brand, last4 and when it expires are of cards alone. One that was detached stays, and is not shown.
CREATE TABLE payment_methods (
    id                 {text} NOT NULL,
    bucket             {i64} NOT NULL,
    customer           {text},
    stripe_customer_id {text} NOT NULL,
    kind               {text} NOT NULL,
    brand              {text},
    last4              {text},
    exp_month          {i64},
    exp_year           {i64},
    created_at         {ts} NOT NULL,
    detached_at        {ts},
    PRIMARY KEY (id, bucket)
) {clustered};
CREATE INDEX payment_methods_by_customer ON payment_methods (customer, bucket, created_at);
CREATE INDEX payment_methods_by_payer ON payment_methods (stripe_customer_id, bucket);

-- What Stripe says a customer is entitled to by what it subscribes to. Fenced by the row of stripe_mirrors whose id is
-- `entitlements:` and Stripe's customer.
CREATE TABLE active_entitlements (
    id                 {text} NOT NULL,
    bucket             {i64} NOT NULL,
    customer           {text},
    stripe_customer_id {text} NOT NULL,
    lookup_key         {text} NOT NULL,
    PRIMARY KEY (id, bucket)
) {clustered};
CREATE INDEX active_entitlements_by_payer ON active_entitlements (stripe_customer_id, bucket);
