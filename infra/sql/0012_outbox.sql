-- What automations have to do: one row for each of them and each event that it starts from. These rows are the truth; a
-- message in a queue only says that there are some. They hold ids, positions and kinds, never what happened or to whom.

CREATE TABLE outbox (
    log_id      integer NOT NULL REFERENCES log,
    position    bigint NOT NULL CHECK (position > 0),
    automation  text COLLATE "C" NOT NULL CHECK (automation <> ''),
    about       bigint NOT NULL CHECK (about > 0),
    key         uuid NOT NULL,
    state       text COLLATE "C" NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'done', 'refused', 'dead')),
    attempts    integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    due_at      timestamptz NOT NULL DEFAULT now(),
    entered_at  timestamptz NOT NULL DEFAULT now(),
    ended_at    timestamptz,
    recorded    bigint,
    refusal     text COLLATE "C",
    fault       text COLLATE "C",
    PRIMARY KEY (log_id, position, automation, about),
    UNIQUE (log_id, key),
    CHECK ((state = 'pending') = (ended_at IS NULL)),
    CHECK ((state = 'refused') = (refusal IS NOT NULL)),
    CHECK (state <> 'dead' OR fault IS NOT NULL)
);
CREATE INDEX outbox_open ON outbox (log_id, automation, state, due_at, position, about)
    WHERE state IN ('pending', 'dead');
COMMENT ON COLUMN outbox.about IS 'The event it is done for: the one it starts from, or one of those that this one leads to.';
COMMENT ON COLUMN outbox.key IS 'uuid5 of institution, automation and positions: the id of its command, the idempotency key of what is sent.';
COMMENT ON COLUMN outbox.due_at IS 'When it may be taken up: once entered, after a wait, or when whoever took it up has not been heard of again.';
COMMENT ON COLUMN outbox.recorded IS 'Where its command was recorded.';
COMMENT ON COLUMN outbox.refusal IS 'Kind of the refusal: an answer, which is kept and not asked for again.';
COMMENT ON COLUMN outbox.fault IS 'Kind of the last breakdown; never its message.';

-- A person had a dead row taken up again, and why.
CREATE TABLE outbox_retry (
    log_id       integer NOT NULL,
    key          uuid NOT NULL,
    at           timestamptz NOT NULL DEFAULT clock_timestamp(),
    reason_code  text COLLATE "C" NOT NULL CHECK (reason_code <> ''),
    PRIMARY KEY (log_id, key, at),
    FOREIGN KEY (log_id, key) REFERENCES outbox (log_id, key)
);

-- What simulated institutions would have sent to others, and how often.
CREATE TABLE rehearsed (
    log_id    integer NOT NULL,
    key       uuid NOT NULL,
    times     integer NOT NULL DEFAULT 1,
    first_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (log_id, key),
    FOREIGN KEY (log_id, key) REFERENCES outbox (log_id, key)
);

REVOKE ALL ON outbox, outbox_retry, rehearsed FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE ON outbox, rehearsed TO biaogan_app;
GRANT SELECT, INSERT ON outbox_retry TO biaogan_app;
