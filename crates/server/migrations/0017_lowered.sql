-- What of a period grant was revoked since its subscription changed to less, in millionths: it counts as not given, so
-- that who changes back has what is paid for then.
ALTER TABLE period_grants ADD COLUMN lowered {i64} NOT NULL DEFAULT 0;
-- Whether the invoice that paid for it gave money back too: a period that is begun anew without that takes the place of
-- none. Of rows of before that was taken for granted.
ALTER TABLE period_grants ADD COLUMN gave_back {bool} NOT NULL DEFAULT TRUE;
