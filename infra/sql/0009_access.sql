-- The access journal: refusals of permission and reads of sealed or personal material. Append-only through one function;
-- dense, because a missing line must be seen. It is not part of the record; each closed day's root is.

CREATE TABLE access (
    log_id    integer NOT NULL REFERENCES log,
    seq       bigint NOT NULL CHECK (seq > 0),
    at        timestamptz NOT NULL,
    filed_at  timestamptz NOT NULL,
    actor_id  text NOT NULL,
    token_id  uuid,
    act       text NOT NULL,
    what      text NOT NULL,
    outcome   text NOT NULL,
    nonce     bytea NOT NULL CHECK (octet_length(nonce) = 16),
    PRIMARY KEY (log_id, seq),
    UNIQUE (log_id, nonce),
    CHECK (filed_at >= at)
);
CREATE INDEX access_filed ON access (log_id, filed_at);
COMMENT ON COLUMN access.at IS 'When it happened, by this server''s clock, whatever clock the institution has.';
COMMENT ON COLUMN access.filed_at IS 'The day it is filed under: at, or later where the day of at was closed already.';

-- Up to when the days of a journal are closed: a late line is filed from here on, so a closed day never grows.
CREATE TABLE access_closed (
    log_id  integer PRIMARY KEY REFERENCES log,
    until   timestamptz NOT NULL
);

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON access FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE FUNCTION lock_access(log_id integer) RETURNS void LANGUAGE sql SET search_path = public, pg_temp AS $$
    SELECT pg_advisory_xact_lock(hashtext('biaogan.access'), log_id)
$$;

-- A batch that is sent again after a lost answer adds nothing: its nonces are there.
CREATE FUNCTION append_access(
    for_log integer, waited interval[], actor_ids text[], token_ids uuid[], acts text[], whats text[], outcomes text[],
    nonces bytea[]
) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    arrived timestamptz := clock_timestamp();
    head bigint;
    floor timestamptz;
BEGIN
    PERFORM lock_access(for_log);
    SELECT coalesce(max(seq), 0) INTO head FROM access WHERE log_id = for_log;
    SELECT coalesce(max(until), '-infinity') INTO floor FROM access_closed WHERE log_id = for_log;
    INSERT INTO access (log_id, seq, at, filed_at, actor_id, token_id, act, what, outcome, nonce)
    SELECT for_log, head + row_number() OVER (ORDER BY n), arrived - waiting, greatest(arrived - waiting, floor),
           actor_id, token_id, act, what, outcome, line.nonce
    FROM unnest(waited, actor_ids, token_ids, acts, whats, outcomes, nonces)
        WITH ORDINALITY AS line (waiting, actor_id, token_id, act, what, outcome, nonce, n)
    WHERE NOT EXISTS (SELECT FROM access a WHERE a.log_id = for_log AND a.nonce = line.nonce);
    RETURN (SELECT coalesce(max(seq), 0) FROM access WHERE log_id = for_log);
END $$;

CREATE FUNCTION close_access(for_log integer, day_end timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF day_end > clock_timestamp() THEN
        RAISE EXCEPTION 'A day is closed when it is over.' USING ERRCODE = 'BG004';
    END IF;
    PERFORM lock_access(for_log);
    INSERT INTO access_closed VALUES (for_log, day_end)
    ON CONFLICT (log_id) DO UPDATE SET until = greatest(access_closed.until, excluded.until);
END $$;

REVOKE ALL ON access, access_closed FROM PUBLIC;
REVOKE ALL ON FUNCTION lock_access(integer), close_access(integer, timestamptz),
    append_access(integer, interval[], text[], uuid[], text[], text[], text[], bytea[]) FROM PUBLIC;
GRANT SELECT ON access, access_closed TO biaogan_app;
GRANT EXECUTE ON FUNCTION close_access(integer, timestamptz),
    append_access(integer, interval[], text[], uuid[], text[], text[], text[], bytea[]) TO biaogan_app;
