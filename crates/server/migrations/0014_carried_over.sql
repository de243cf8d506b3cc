-- Until when what a period grant carries over lives: it is frozen, taken back and seen to with the grant. Rows of before
-- carried nothing over that is known here.
ALTER TABLE period_grants ADD COLUMN lives_until {ts};
UPDATE period_grants SET lives_until = expires_at;
DROP INDEX period_grants_by_subscription;
CREATE INDEX period_grants_by_subscription ON period_grants (subscription, bucket, lives_until);
