-- Erasure: what is kept of a subject is destroyed where the record says so, and nowhere else. The application's role can
-- no longer destroy a key by itself; this function is the only way, and it asks the record.

CREATE FUNCTION is_erased(of_log integer, subject text) RETURNS boolean
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT EXISTS (SELECT FROM event_tag
                   WHERE log_id = of_log AND tag = subject AND type = 'privacy.person_erased.v1')
$$;

-- What the record names cannot go, nor be altered; of a subject that it says is erased, what was sealed is emptied.
CREATE OR REPLACE FUNCTION guard_named() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    before jsonb := to_jsonb(OLD);
    after jsonb := CASE TG_OP WHEN 'UPDATE' THEN to_jsonb(NEW) END;
    name text := before ->> TG_ARGV[0];
    named bigint := coalesce(OLD.position, named_at(OLD.log_id, OLD.command_id, name));
BEGIN
    IF TG_OP = 'UPDATE' AND coalesce(after ->> 'sealed', after ->> 'sealed_key') = '\x'
        AND after - 'sealed' - 'sealed_key' = before - 'sealed' - 'sealed_key' AND is_erased(OLD.log_id, OLD.subject_id) THEN
        RETURN NEW;
    END IF;
    IF OLD.position IS NOT NULL OR (TG_OP = 'DELETE' AND named IS NOT NULL) THEN
        RAISE EXCEPTION 'The record names this row: % on % is refused.', TG_OP, TG_TABLE_NAME USING ERRCODE = 'BG003';
    END IF;
    IF TG_OP = 'UPDATE' AND named IS NOT NULL AND after - 'position' <> before - 'position' THEN
        RAISE EXCEPTION 'The record names this row: only its position may still be filled in.' USING ERRCODE = 'BG003';
    END IF;
    IF TG_OP = 'UPDATE' AND NEW.position IS NOT NULL AND NEW.position IS DISTINCT FROM named THEN
        RAISE EXCEPTION 'Only the event that names a part gives it a position.' USING ERRCODE = 'BG003';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;

-- Destroys the key of a subject, empties what it sealed, removes what was staged under it, and revokes the tokens of the
-- person. Rows stay as tombstones. It may be repeated. Parts are locked before the key, in the order in which whoever
-- settles an attempt does; what is staged meanwhile is sealed under a key that is gone, and swept.
CREATE FUNCTION erase_subject(of_log integer, subject text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT is_erased(of_log, subject) THEN
        RAISE EXCEPTION 'The record does not say that this subject is erased.' USING ERRCODE = 'BG003';
    END IF;
    DELETE FROM envelope WHERE log_id = of_log AND subject_id = subject AND position IS NULL
        AND named_at(log_id, command_id, commitment) IS NULL;
    UPDATE envelope SET sealed = '' WHERE log_id = of_log AND subject_id = subject AND sealed <> '';
    -- An upload that is still coming in ends by itself: it finds no key.
    DELETE FROM document WHERE log_id = of_log AND subject_id = subject AND position IS NULL AND document_id IS NOT NULL
        AND named_at(log_id, command_id, document_id) IS NULL;
    DELETE FROM document_chunk c USING document d
        WHERE d.log_id = of_log AND d.subject_id = subject AND d.document_id IS NOT NULL
        AND c.log_id = d.log_id AND c.upload_id = d.upload_id;
    UPDATE document SET sealed_key = '' WHERE log_id = of_log AND subject_id = subject AND sealed_key <> '';
    UPDATE subject_key SET wrapped = NULL, master_id = NULL, destroyed_at = clock_timestamp()
        WHERE log_id = of_log AND subject_id = subject AND destroyed_at IS NULL;
    UPDATE token SET revoked_at = clock_timestamp()
        WHERE log_id = of_log AND 'person:' || person_id = subject AND revoked_at IS NULL;
END $$;

REVOKE ALL ON FUNCTION is_erased(integer, text), erase_subject(integer, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION is_erased(integer, text), erase_subject(integer, text) TO biaogan_app;
REVOKE UPDATE (destroyed_at) ON subject_key FROM biaogan_app;
