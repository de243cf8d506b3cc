-- Customers with grants: `psql -v customers=10000 -v grants=3 -v amount=1000000000 -v first=0 -f seed.sql URL`.
-- The names are those `purser bench` gives its customers.

INSERT INTO grants (customer, priority, expires_at, remaining)
SELECT 'bench-' || lpad(customer::text, 7, '0'),
       10 * (1 + grant_number % 3),
       CASE WHEN grant_number % 2 = 0 THEN now() + interval '1 year' END,
       :amount
FROM generate_series(0, :customers - 1) AS customer, generate_series(0, :grants - 1) AS grant_number;

-- As autovacuum would soon do. The other tables are empty and stay unknown to the planner, which then uses their indexes.
VACUUM (ANALYZE) grants;
