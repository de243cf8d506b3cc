-- Whether a dispute of a payment is open stands beside its body, which is put down with it, and is looked up by its own
-- index: it costs the same however many payments a customer has. That a subscription gives no access is no dispute.
ALTER TABLE payments ADD COLUMN disputed {bool} NOT NULL DEFAULT FALSE;
{only sqlite}
UPDATE payments SET disputed = TRUE WHERE EXISTS (
    SELECT 1 FROM json_each(payments.body, '$.disputes') d
    WHERE json_extract(d.value, '$.state') = 'Open' AND json_extract(d.value, '$.id') <> 'no_access');
{end}{only postgres}
UPDATE payments SET disputed = TRUE WHERE EXISTS (
    SELECT 1 FROM jsonb_array_elements(body -> 'disputes') AS d (dispute)
    WHERE dispute ->> 'state' = 'Open' AND dispute ->> 'id' <> 'no_access');
{end}
CREATE INDEX payments_disputed ON payments (customer, bucket) WHERE disputed;
