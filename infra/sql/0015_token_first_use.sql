-- When a token was first used: until then its secret may have been lost on the wire, and whoever asked for it may ask for
-- another one in its place. Of those there are already nobody knows; they count as used from the start.

ALTER TABLE token DROP CONSTRAINT token_check1;
UPDATE token SET used_at = created_at WHERE NOT once AND used_at IS NULL;

CREATE OR REPLACE FUNCTION guard_token() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.revoked_at IS NOT NULL AND NEW.revoked_at IS DISTINCT FROM OLD.revoked_at)
        OR (OLD.used_at IS NOT NULL AND NEW.used_at IS DISTINCT FROM OLD.used_at) THEN
        RAISE EXCEPTION 'A revoked or spent token stays so.' USING ERRCODE = 'BG003';
    END IF;
    IF NEW.hash IS DISTINCT FROM OLD.hash AND (OLD.revoked_at IS NOT NULL OR OLD.used_at IS NOT NULL) THEN
        RAISE EXCEPTION 'A token that was used or revoked keeps its secret.' USING ERRCODE = 'BG003';
    END IF;
    RETURN NEW;
END $$;

GRANT UPDATE (hash) ON token TO biaogan_app;
