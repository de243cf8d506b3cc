-- Customers, keys, wallets and the ledger. One text for both databases: the shell renders the {tokens}.
-- Every table on a customer's side has `bucket` in its primary key, last, so that rows stay in arrival order.

CREATE TABLE customers (
    id                {text} NOT NULL,
    bucket            {i64} NOT NULL,
    name              {text},
    email             {text},
    stripe_customer_id {text},
    time_zone         {text} NOT NULL,
    metadata          {bytes} NOT NULL,
    overage_allowed   {bool} NOT NULL,
    salt              {bytes} NOT NULL,
    archived_at       {ts},
    created_at        {ts} NOT NULL,
    updated_at        {ts} NOT NULL,
    PRIMARY KEY (id, bucket)
) {clustered};

CREATE TABLE wallets (
    customer   {text} NOT NULL,
    unit       {text} NOT NULL,
    bucket     {i64} NOT NULL,
    seq        {i64} NOT NULL,
    head       {bytes} NOT NULL,
    last_at    {ts} NOT NULL,
    available  {i64} NOT NULL,
    debt       {i64} NOT NULL,
    body       {bytes} NOT NULL,
    PRIMARY KEY (customer, unit, bucket)
) {clustered} {hot};

-- Sweeps find what has fallen due, bucket by bucket; the hot path must not touch this index,
-- so it stands on a table of its own that is written when a wallet's next due instant moves.
CREATE TABLE wallets_due (
    bucket     {i64} NOT NULL,
    due_at     {ts} NOT NULL,
    customer   {text} NOT NULL,
    unit       {text} NOT NULL,
    PRIMARY KEY (customer, unit, bucket)
) {clustered};
CREATE INDEX wallets_due_by_instant ON wallets_due (bucket, due_at);

CREATE TABLE grants (
    id            {id} NOT NULL,
    bucket        {i64} NOT NULL,
    customer      {text} NOT NULL,
    unit          {text} NOT NULL,
    source_kind   {i64} NOT NULL,
    source_id     {text} NOT NULL,
    priority      {i64} NOT NULL,
    effective_at  {ts} NOT NULL,
    expires_at    {ts},
    rollover_max  {i64},
    rollover_seconds {i64},
    metadata      {bytes},
    created_at    {ts} NOT NULL,
    state         {i64} NOT NULL,
    granted       {i64} NOT NULL,
    available     {i64} NOT NULL,
    held          {i64} NOT NULL,
    frozen        {i64} NOT NULL,
    spent         {i64} NOT NULL,
    expired       {i64} NOT NULL,
    revoked       {i64} NOT NULL,
    revoke_on_release {i64} NOT NULL,
    freeze_on_release {i64} NOT NULL,
    PRIMARY KEY (id, bucket)
) {clustered};
CREATE UNIQUE INDEX grants_by_source ON grants (customer, unit, source_kind, source_id, bucket);
CREATE INDEX grants_by_state ON grants (customer, unit, state, bucket);

-- In order of arrival. SQLite's index by wallet follows behind, in bulk (decision 11); reads go through the views.
CREATE TABLE ledger ({only sqlite}
    position        {i64} NOT NULL PRIMARY KEY,{end}
    customer        {text} NOT NULL,
    unit            {text} NOT NULL,
    seq             {i64} NOT NULL,
    bucket          {i64} NOT NULL,
    at              {ts} NOT NULL,
    kind            {i64} NOT NULL,
    grant_id        {id},
    amount          {i64} NOT NULL,
    terms_digest    {bytes},
    cause_kind      {i64} NOT NULL,
    cause_id        {text} NOT NULL,
    request_id      {id},
    subject         {text} NOT NULL,
    user_digest     {bytes},
    metadata_digest {bytes},
    hash            {bytes} NOT NULL{only postgres},
    PRIMARY KEY (customer, unit, seq, bucket){end}
) {strict};
{only sqlite}
CREATE TABLE ledger_places (
    customer   {text} NOT NULL,
    unit       {text} NOT NULL,
    seq        {i64} NOT NULL,
    bucket     {i64} NOT NULL,
    position   {i64} NOT NULL,
    PRIMARY KEY (customer, unit, seq, bucket)
) {clustered};
CREATE TABLE ledger_placed (upto {i64} NOT NULL) {strict};
INSERT INTO ledger_placed (upto) VALUES (0);

CREATE VIEW ledger_entries AS
    SELECT p.customer, p.unit, p.seq, p.bucket, l.at, l.kind, l.grant_id, l.amount, l.terms_digest, l.cause_kind,
        l.cause_id, l.request_id, l.subject, l.user_digest, l.metadata_digest, l.hash
    FROM ledger_places p CROSS JOIN ledger l ON l.position = p.position AND l.customer = p.customer
        AND l.unit = p.unit AND l.seq = p.seq AND l.bucket = p.bucket
    UNION ALL
    SELECT l.customer, l.unit, l.seq, l.bucket, l.at, l.kind, l.grant_id, l.amount, l.terms_digest, l.cause_kind,
        l.cause_id, l.request_id, l.subject, l.user_digest, l.metadata_digest, l.hash
    FROM ledger l
    WHERE l.position > (SELECT upto FROM ledger_placed) AND NOT EXISTS (
        SELECT 1 FROM ledger_places p WHERE p.customer = l.customer AND p.unit = l.unit AND p.seq = l.seq
            AND p.bucket = l.bucket AND p.position = l.position);

-- Entries the index will never have: there are none, unless a number stands twice or an entry was renamed.
CREATE VIEW ledger_strays AS
    SELECT l.customer, l.unit, l.seq FROM ledger l
    WHERE l.position <= (SELECT upto FROM ledger_placed) AND NOT EXISTS (
        SELECT 1 FROM ledger_places p WHERE p.customer = l.customer AND p.unit = l.unit AND p.seq = l.seq
            AND p.bucket = l.bucket AND p.position = l.position);
{end}{only postgres}
CREATE VIEW ledger_entries AS SELECT * FROM ledger;
CREATE VIEW ledger_strays AS SELECT customer, unit, seq FROM ledger WHERE FALSE;
{end}
CREATE TABLE holds (
    id          {id} NOT NULL,
    bucket      {i64} NOT NULL,
    customer    {text} NOT NULL,
    unit        {text} NOT NULL,
    state       {i64} NOT NULL,
    created_at  {ts} NOT NULL,
    expires_at  {ts} NOT NULL,
    amount      {i64} NOT NULL,
    mode        {i64} NOT NULL,
    captured    {i64} NOT NULL,
    parts       {json} NOT NULL,
    user_id     {text},
    metadata    {bytes},
    PRIMARY KEY (id, bucket)
) {clustered};
CREATE INDEX holds_by_state ON holds (customer, unit, state, bucket);

-- One row per accepted spend or capture: what a replay answers, and what can be returned.
CREATE TABLE consumptions (
    id          {id} NOT NULL,
    bucket      {i64} NOT NULL,
    customer    {text} NOT NULL,
    unit        {text} NOT NULL,
    at          {ts} NOT NULL,
    occurred_at {ts},
    requested   {i64} NOT NULL,
    consumed    {i64} NOT NULL,
    overflow    {i64} NOT NULL,
    mode        {i64} NOT NULL,
    late        {bool} NOT NULL,
    hold_id     {id},
    parts       {bytes} NOT NULL,
    balance     {bytes} NOT NULL,
    user_id     {text},
    metadata    {bytes},
    PRIMARY KEY (id, bucket)
) {strict};

-- Like consumptions not clustered by its key: rows are added at the end, and a look for a key that is new, which is
-- most of them, goes through the index alone.
CREATE TABLE idempotency_keys (
    key         {text} NOT NULL,
    customer    {text} NOT NULL,
    bucket      {i64} NOT NULL,
    operation   {i64} NOT NULL,
    created_at  {ts} NOT NULL,
    request     {bytes} NOT NULL,
    answer      {bytes} NOT NULL,
    PRIMARY KEY (key, customer, bucket)
) {strict};

CREATE TABLE usage_days (
    customer    {text} NOT NULL,
    unit        {text} NOT NULL,
    day         {i64} NOT NULL,
    bucket      {i64} NOT NULL,
    count       {i64} NOT NULL,
    consumed    {i64} NOT NULL,
    overflow    {i64} NOT NULL,
    PRIMARY KEY (customer, unit, day, bucket)
) {clustered};

CREATE TABLE threshold_crossings (
    customer     {text} NOT NULL,
    unit         {text} NOT NULL,
    period_start {ts} NOT NULL,
    threshold    {i64} NOT NULL,
    arming       {i64} NOT NULL,
    bucket       {i64} NOT NULL,
    used         {i64} NOT NULL,
    limit_amount {i64} NOT NULL,
    at           {ts} NOT NULL,
    PRIMARY KEY (customer, unit, period_start, threshold, arming, bucket)
) {clustered};

-- What was reversed of each payment (rules 1.8).
CREATE TABLE payments (
    id          {text} NOT NULL,
    customer    {text} NOT NULL,
    unit        {text} NOT NULL,
    bucket      {i64} NOT NULL,
    body        {json} NOT NULL,
    PRIMARY KEY (id, customer, unit, bucket)
) {clustered};

-- A Stripe object is claimed for one customer, once (rules 1.2).
CREATE TABLE stripe_claims (
    stripe_id   {text} NOT NULL PRIMARY KEY,
    customer    {text} NOT NULL,
    claimed_at  {ts} NOT NULL
) {clustered};

CREATE TABLE api_keys (
    id           {id} NOT NULL PRIMARY KEY,
    name         {text} NOT NULL,
    role         {text} NOT NULL,
    secret_hash  {bytes} NOT NULL UNIQUE,
    hint         {text} NOT NULL,
    created_at   {ts} NOT NULL,
    expires_at   {ts},
    revoked_at   {ts},
    last_used_at {ts}
) {clustered};

CREATE TABLE audit (
    id          {id} NOT NULL PRIMARY KEY,
    at          {ts} NOT NULL,
    actor_kind  {text} NOT NULL,
    actor_id    {text} NOT NULL,
    action      {text} NOT NULL,
    subject     {text} NOT NULL,
    before      {json},
    after       {json},
    request_id  {text}
) {clustered};

CREATE TABLE jobs (
    id           {id} NOT NULL PRIMARY KEY,
    kind         {text} NOT NULL,
    order_key    {text},
    payload      {json} NOT NULL,
    state        {i64} NOT NULL,
    run_at       {ts} NOT NULL,
    attempts     {i64} NOT NULL,
    leased_until {ts},
    fence        {i64} NOT NULL,
    last_error   {text},
    created_at   {ts} NOT NULL
) {clustered};
CREATE INDEX jobs_by_run ON jobs (state, run_at);

CREATE TABLE schedules (
    name         {text} NOT NULL PRIMARY KEY,
    next_at      {ts} NOT NULL,
    last_at      {ts}
) {clustered};

CREATE TABLE job_runs (
    id           {id} NOT NULL PRIMARY KEY,
    job          {text} NOT NULL,
    started_at   {ts} NOT NULL,
    finished_at  {ts},
    result       {json}
) {clustered};
CREATE INDEX payments_by_wallet ON payments (customer, unit, bucket);
