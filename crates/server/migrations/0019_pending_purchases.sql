-- Packs whose money is on its way: whether there is one is asked before a customer is archived.
CREATE INDEX purchases_pending ON purchases (customer, bucket, created_at) WHERE state = 1;
