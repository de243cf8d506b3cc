-- Items by a price that was in no plan when they were written: looked for every minute by what the price book sells now.
-- The period keeps those of subscriptions out that ended long ago.
CREATE INDEX subscription_items_unmapped ON subscription_items (price, period_end, subscription) WHERE plan_id IS NULL;
CREATE INDEX subscription_items_unmapped_product ON subscription_items (product, period_end, subscription)
    WHERE plan_id IS NULL;
