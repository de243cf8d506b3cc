-- The audit trail is asked for by what it was done to, by what was done and by who did it, the newest first; by time
-- through its ids, which are ordered by it.
CREATE INDEX audit_by_subject ON audit (subject, id);
CREATE INDEX audit_by_action ON audit (action, id);
CREATE INDEX audit_by_actor ON audit (actor_id, id);
