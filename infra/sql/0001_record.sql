-- The record: one append-only log per institution. Only the append function of 0002 writes here, and nothing changes
-- or removes what was written; log_id leads every key, so that logs never meet.

REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO biaogan_app;

CREATE TABLE log (
    log_id  integer PRIMARY KEY CHECK (log_id > 0),
    origin  text NOT NULL UNIQUE CHECK (origin <> ''),
    clock   text NOT NULL CHECK (clock IN ('real', 'simulated')),
    opened  timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON COLUMN log.origin IS 'Id of the institution: what its lines, checkpoints and receipts call this log.';

-- The row holds everything that its exported line and its leaf hash need, from the first event on.
CREATE TABLE event (
    log_id              integer NOT NULL,
    position            bigint NOT NULL CHECK (position > 0),
    event_id            uuid NOT NULL,
    type                text COLLATE "C" NOT NULL,
    tags                text[] NOT NULL,
    data                bytea NOT NULL,
    documents           text[] NOT NULL,
    actor_id            text NOT NULL,
    actor_kind          text NOT NULL,
    authority           text NOT NULL,
    on_behalf_of_id     text,
    command_id          uuid NOT NULL,
    cause               bigint,
    correlation_id      uuid NOT NULL,
    received_at         timestamptz NOT NULL,
    effective_at        timestamptz NOT NULL,
    recorded_at         timestamptz NOT NULL,
    reason_code         text,
    reason_document_id  text,
    line_version        smallint NOT NULL,
    nonce               bytea NOT NULL CHECK (octet_length(nonce) = 16),
    PRIMARY KEY (log_id, position)
);

-- Type stands before position: a boundary names types and tags, so each of its probes is one descent however many other
-- events share the tag. A search by tag alone hops from type to type.
CREATE TABLE event_tag (
    log_id    integer NOT NULL,
    tag       text COLLATE "C" NOT NULL,
    type      text COLLATE "C" NOT NULL,
    position  bigint NOT NULL,
    PRIMARY KEY (log_id, tag, type, position)
);

-- Accepted commands, remembered as long as the log lives: a repeated one gets its first receipt again, byte for byte.
CREATE TABLE command (
    log_id          integer NOT NULL,
    command_id      uuid NOT NULL,
    request_hash    bytea NOT NULL,
    first_position  bigint NOT NULL,
    last_position   bigint NOT NULL,
    recorded_at     timestamptz NOT NULL,
    receipt         bytea NOT NULL,
    PRIMARY KEY (log_id, command_id)
);
COMMENT ON COLUMN command.receipt IS 'What the front door wants to answer again beside positions and time; opaque here.';

CREATE TABLE checkpoint (
    log_id    integer NOT NULL REFERENCES log,
    consumer  text NOT NULL CHECK (consumer <> ''),
    position  bigint NOT NULL CHECK (position >= 0),
    PRIMARY KEY (log_id, consumer)
);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'The record is append-only: % on % is refused.', TG_OP, TG_TABLE_NAME USING ERRCODE = 'BG001';
END $$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON event FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON event_tag FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON command FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Opening is idempotent by origin, so that a retried opening finds its own log.
CREATE FUNCTION open_log(origin text, clock text) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    found log;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('biaogan.open_log'));
    SELECT * INTO found FROM log l WHERE l.origin = open_log.origin;
    IF found.log_id IS NULL THEN
        INSERT INTO log (log_id, origin, clock)
        SELECT coalesce(max(l.log_id), 0) + 1, open_log.origin, open_log.clock FROM log l
        RETURNING * INTO found;
    ELSIF found.clock <> open_log.clock THEN
        RAISE EXCEPTION 'The log of % has a % clock for ever.', origin, found.clock USING ERRCODE = 'BG002';
    END IF;
    RETURN found.log_id;
END $$;
REVOKE ALL ON FUNCTION open_log(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION open_log(text, text) TO biaogan_app;

REVOKE ALL ON log, event, event_tag, command, checkpoint FROM PUBLIC;
GRANT SELECT ON log, event, event_tag, command TO biaogan_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON checkpoint TO biaogan_app;

-- Views are derived data: the application makes, switches and drops their tables itself.
CREATE SCHEMA view;
GRANT USAGE, CREATE ON SCHEMA view TO biaogan_app;
