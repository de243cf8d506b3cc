-- What was asked of subscriptions: changes, ends and their taking back. A row stands here before anything is written at
-- Stripe. wish is what is to stand there in the end, asked what was asked word by word, answer the first answer.
-- number counts those of a subscription. state: 1 under way, 2 done, 3 given up.
CREATE TABLE subscription_requests (
    id           {id} NOT NULL,
    bucket       {i64} NOT NULL,
    customer     {text} NOT NULL,
    subscription {text} NOT NULL,
    number       {i64} NOT NULL,
    key          {text},
    asked        {text} NOT NULL,
    wish         {text} NOT NULL,
    state        {i64} NOT NULL,
    answer       {text},
    created_at   {ts} NOT NULL,
    PRIMARY KEY (id, bucket),
    UNIQUE (customer, key, bucket)
) {clustered};
-- At most one of a subscription at a time.
CREATE UNIQUE INDEX subscription_requests_going ON subscription_requests (subscription, bucket) WHERE state = 1;
CREATE INDEX subscription_requests_by_subscription ON subscription_requests (subscription, bucket, number);

CREATE INDEX subscription_changes_by_customer ON subscription_changes (customer, bucket, at);

-- Subscriptions that have ended and whose last invoice was looked at: Stripe leaves it a draft.
CREATE TABLE last_invoices (
    subscription {text} NOT NULL,
    bucket       {i64} NOT NULL,
    looked_at    {ts} NOT NULL,
    PRIMARY KEY (subscription, bucket)
) {clustered};
CREATE INDEX subscriptions_ended ON subscriptions (bucket, ended_at) WHERE ended_at IS NOT NULL;
