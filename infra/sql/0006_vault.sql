-- The vault: what may be forgotten lies here, sealed, and never in the record. Every subject has a data key of its own,
-- wrapped by a master key that the database never holds; destroying the data key destroys what it sealed.

CREATE TABLE subject_key (
    log_id        integer NOT NULL REFERENCES log,
    subject_id    text NOT NULL CHECK (length(subject_id) BETWEEN 1 AND 200),
    wrapped       bytea,
    master_id     bytea CHECK (octet_length(master_id) = 8),
    created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    destroyed_at  timestamptz,
    PRIMARY KEY (log_id, subject_id),
    CHECK ((wrapped IS NULL) = (destroyed_at IS NOT NULL) AND (master_id IS NULL) = (wrapped IS NULL))
);

-- Commands whose sealed parts lie ready but are not settled yet. The row is also the lock of its command.
CREATE TABLE staging (
    log_id      integer NOT NULL REFERENCES log,
    command_id  uuid NOT NULL,
    attempts    uuid[] NOT NULL,
    staged_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (log_id, command_id)
);

-- Which event of a command names a sealed part. Named is what makes a part part of history; nothing else does.
CREATE FUNCTION named_at(of_log integer, of_command uuid, name text) RETURNS bigint
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT min(e.position) FROM command c JOIN event e
        ON e.log_id = c.log_id AND e.position BETWEEN c.first_position AND c.last_position
    WHERE c.log_id = of_log AND c.command_id = of_command AND position(convert_to(name, 'UTF8') IN e.data) > 0
$$;

-- position stays empty while the part is only staged; settled, it is that of the event that names its commitment.
CREATE TABLE envelope (
    log_id       integer NOT NULL,
    envelope_id  uuid NOT NULL,
    subject_id   text NOT NULL,
    kind         text NOT NULL CHECK (length(kind) BETWEEN 1 AND 100),
    command_id   uuid NOT NULL,
    commitment   text NOT NULL CHECK (commitment ~ '^[0-9a-f]{64}$'),
    sealed       bytea NOT NULL,
    position     bigint,
    PRIMARY KEY (log_id, envelope_id),
    FOREIGN KEY (log_id, subject_id) REFERENCES subject_key ON DELETE RESTRICT
);
CREATE INDEX envelope_subject ON envelope (log_id, subject_id, kind);
CREATE INDEX envelope_command ON envelope (log_id, command_id);

-- The last line of defence against a fault in the protocol: what the record names cannot go, nor be altered.
CREATE FUNCTION guard_named() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    name text := to_jsonb(OLD) ->> TG_ARGV[0];
    named bigint := coalesce(OLD.position, named_at(OLD.log_id, OLD.command_id, name));
BEGIN
    IF OLD.position IS NOT NULL OR (TG_OP = 'DELETE' AND named IS NOT NULL) THEN
        RAISE EXCEPTION 'The record names this row: % on % is refused.', TG_OP, TG_TABLE_NAME USING ERRCODE = 'BG003';
    END IF;
    IF TG_OP = 'UPDATE' AND named IS NOT NULL AND to_jsonb(NEW) - 'position' <> to_jsonb(OLD) - 'position' THEN
        RAISE EXCEPTION 'The record names this row: only its position may still be filled in.' USING ERRCODE = 'BG003';
    END IF;
    IF TG_OP = 'UPDATE' AND NEW.position IS NOT NULL AND NEW.position IS DISTINCT FROM named THEN
        RAISE EXCEPTION 'Only the event that names a part gives it a position.' USING ERRCODE = 'BG003';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER named BEFORE UPDATE OR DELETE ON envelope FOR EACH ROW EXECUTE FUNCTION guard_named('commitment');

-- A destroyed key stays destroyed, and its row stays as the tombstone.
CREATE FUNCTION guard_destroyed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'This key was destroyed: % is refused.', TG_OP USING ERRCODE = 'BG003';
END $$;
CREATE TRIGGER destroyed BEFORE UPDATE OR DELETE ON subject_key
    FOR EACH ROW WHEN (OLD.destroyed_at IS NOT NULL) EXECUTE FUNCTION guard_destroyed();

REVOKE ALL ON subject_key, staging, envelope FROM PUBLIC;
REVOKE ALL ON FUNCTION named_at(integer, uuid, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION named_at(integer, uuid, text) TO biaogan_app;
GRANT SELECT, INSERT, DELETE, UPDATE (wrapped, master_id, destroyed_at) ON subject_key TO biaogan_app;
GRANT SELECT, INSERT, DELETE, UPDATE (attempts, staged_at) ON staging TO biaogan_app;
GRANT SELECT, INSERT, DELETE, UPDATE (position) ON envelope TO biaogan_app;
