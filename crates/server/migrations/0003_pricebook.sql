-- The price book: plan versions with their prices, top-up plan versions, and a number that moves with each change.
-- These tables are small, belong to no customer, and so carry no bucket.

CREATE TABLE plans (
    id                {id} NOT NULL PRIMARY KEY,
    family            {text} NOT NULL,
    plan_group        {text} NOT NULL,
    version           {i64} NOT NULL,
    internal_id       {text} NOT NULL,
    public_name       {text} NOT NULL,
    rank              {i64} NOT NULL,
    kind              {text} NOT NULL,
    terms             {json} NOT NULL,
    active            {bool} NOT NULL,
    legacy            {bool} NOT NULL,
    is_default        {bool} NOT NULL,
    stripe_product_id {text},
    used_at           {ts},
    created_at        {ts} NOT NULL,
    archived_at       {ts},
    UNIQUE (family, version)
) {clustered};
CREATE INDEX plans_by_product ON plans (stripe_product_id);

CREATE TABLE plan_prices (
    id              {id} NOT NULL PRIMARY KEY,
    plan_id         {id} NOT NULL,
    place           {i64} NOT NULL,
    stripe_price_id {text} UNIQUE,
    currency        {text} NOT NULL,
    unit_amount     {i64},
    period          {text} NOT NULL,
    period_count    {i64} NOT NULL,
    kind            {text} NOT NULL
) {clustered};
CREATE INDEX plan_prices_by_plan ON plan_prices (plan_id, place);

CREATE TABLE top_up_plans (
    id              {id} NOT NULL PRIMARY KEY,
    family          {text} NOT NULL,
    plan_group      {text} NOT NULL,
    version         {i64} NOT NULL,
    internal_id     {text} NOT NULL,
    public_name     {text} NOT NULL,
    terms           {json} NOT NULL,
    stripe_price_id {text} UNIQUE,
    currency        {text},
    unit_amount     {i64},
    active          {bool} NOT NULL,
    legacy          {bool} NOT NULL,
    used_at         {ts},
    created_at      {ts} NOT NULL,
    archived_at     {ts},
    UNIQUE (family, version)
) {clustered};

-- One row: locked by whoever changes the book, one more with each change, so that a cache can tell that it is old.
CREATE TABLE pricebook_version (
    name    {text} NOT NULL PRIMARY KEY,
    version {i64} NOT NULL
) {clustered};
INSERT INTO pricebook_version (name, version) VALUES ('book', 0);
