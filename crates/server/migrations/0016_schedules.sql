-- The schedule that a subscription is under at Stripe, by its id: without one nothing is agreed on for later any more.
-- Where something was agreed on before this was kept, it is not known until the subscription is fetched again.
ALTER TABLE subscriptions ADD COLUMN schedule {text};
UPDATE subscriptions SET schedule = 'unknown' WHERE ended_at IS NULL AND EXISTS (
    SELECT 1 FROM subscription_requests r WHERE r.subscription = subscriptions.id AND r.bucket = subscriptions.bucket
    AND r.state = 2 AND r.wish LIKE '_"Later"%');
