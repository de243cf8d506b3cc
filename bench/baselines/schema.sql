-- The tables a team would make for credits, with what Purser also writes per spend: an entry, the day's count, the key.
-- Shared by the baselines in Node and in Rust. Amounts are whole credits.

CREATE TABLE grants (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer   text NOT NULL,
    priority   int NOT NULL,
    expires_at timestamptz,
    remaining  bigint NOT NULL CHECK (remaining >= 0)
) WITH (fillfactor = 80);
CREATE INDEX grants_by_customer ON grants (customer, priority, expires_at, id);

CREATE TABLE ledger (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    consumption uuid NOT NULL,
    customer    text NOT NULL,
    grant_id    bigint NOT NULL,
    amount      bigint NOT NULL,
    balance     bigint NOT NULL,
    at          timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE usage_days (
    customer text NOT NULL,
    day      date NOT NULL,
    count    bigint NOT NULL,
    consumed bigint NOT NULL,
    PRIMARY KEY (customer, day)
) WITH (fillfactor = 80);

CREATE TABLE idempotency_keys (
    customer   text NOT NULL,
    key        text NOT NULL,
    amount     bigint NOT NULL,
    answer     text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (customer, key)
);
