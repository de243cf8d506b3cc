-- How far the sync of an account came with each kind of object, so that a run that was ended goes on there: between which
-- ids the list was read, and what was found so far. Forgotten when a sync begins anew; nothing else follows from it.
CREATE TABLE stripe_syncs (
    kind         {text} NOT NULL PRIMARY KEY,
    place        {json} NOT NULL,
    updated_at   {ts} NOT NULL
) {strict};
