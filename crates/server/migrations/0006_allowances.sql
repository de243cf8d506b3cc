-- What a customer has bought, as far as it gives credits again and again, and the history of its time zone. Both are null
-- while there is nothing to say. They stand in the customer's row, since every write of a wallet reads that.
ALTER TABLE customers ADD COLUMN plans {bytes};
ALTER TABLE customers ADD COLUMN zones {bytes};

-- The default plans are read with every wallet.
CREATE INDEX plans_by_default ON plans (plan_group) WHERE is_default;

-- Each run of a job that met allowances whose period was over: how many there were, in how many the next one was put
-- down, why not in the others, and the credits given by plan and unit.
CREATE TABLE allowance_runs (
    id       {id} NOT NULL PRIMARY KEY,
    job      {text} NOT NULL,
    at       {ts} NOT NULL,
    due      {i64} NOT NULL,
    granted  {i64} NOT NULL,
    skipped  {json} NOT NULL,
    credits  {json} NOT NULL
) {clustered};
CREATE INDEX allowance_runs_by_time ON allowance_runs (at);
