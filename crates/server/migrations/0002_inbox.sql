-- What Stripe sends: kept under its own id, and done a subject at a time. These tables are of the account, not of a
-- customer: a subject may be one Purser does not know yet, so they have no bucket.

-- Every event that was taken, for ever; its body for as long as payloads are kept.
-- state: 1 waiting, 2 done, 3 ignored (nothing acts on its kind), 4 dead (a person must look).
CREATE TABLE stripe_events (
    id           {text} NOT NULL PRIMARY KEY,
    kind         {text} NOT NULL,
    thin         {bool} NOT NULL,
    object_kind  {text},
    object_id    {text},
    subject      {text} NOT NULL,
    livemode     {bool} NOT NULL,
    api_version  {text},
    created_at   {ts} NOT NULL,
    received_at  {ts} NOT NULL,
    payload      {bytes},
    state        {i64} NOT NULL,
    attempts     {i64} NOT NULL,
    last_error   {text},
    done_at      {ts}
) {strict};
-- What waits and what is dead is little beside what is done, and has small indexes of its own.
CREATE INDEX stripe_events_waiting ON stripe_events (subject, created_at, received_at, id) WHERE state = 1;
CREATE INDEX stripe_events_longest ON stripe_events (received_at, id) WHERE state = 1;
CREATE INDEX stripe_events_dead ON stripe_events (received_at, id) WHERE state = 4;
CREATE INDEX stripe_events_by_arrival ON stripe_events (received_at, id);
CREATE INDEX stripe_events_by_kind ON stripe_events (kind, received_at, id);
CREATE INDEX stripe_events_by_object ON stripe_events (object_id, received_at, id);

-- The queue: a row for each subject with events that wait. lease is 0, or who has it now: then run_at is when that ends.
CREATE TABLE stripe_inbox (
    subject      {text} NOT NULL PRIMARY KEY,
    run_at       {ts} NOT NULL,
    lease        {i64} NOT NULL,
    waits        {i64} NOT NULL,
    losses       {i64} NOT NULL
) {strict} {hot};
CREATE INDEX stripe_inbox_by_run ON stripe_inbox (run_at, subject);

-- How far something that goes through events has come: all before (at, id) was seen.
CREATE TABLE stripe_cursors (
    name         {text} NOT NULL PRIMARY KEY,
    at           {ts} NOT NULL,
    id           {text} NOT NULL
) {strict};
