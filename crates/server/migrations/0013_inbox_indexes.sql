-- What nobody is yet is gone through by id, every minute: what somebody is must cost nothing then.
DROP INDEX stripe_mirrors_unbound;
CREATE INDEX stripe_mirrors_unbound ON stripe_mirrors (id, stripe_customer_id) WHERE customer IS NULL;

-- The notices nobody read are few beside those that were.
CREATE INDEX notifications_unread ON notifications (customer, bucket, id) WHERE read_at IS NULL;
