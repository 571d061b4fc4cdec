-- What the scheduler has done, and where it stands: the barrier of a simulated clock reads the second table.

CREATE TABLE schedule_run (
    log_id    integer NOT NULL REFERENCES log,
    rule      text NOT NULL CHECK (rule <> ''),
    due_key   text NOT NULL CHECK (due_key <> ''),
    due_at    timestamptz NOT NULL,
    ran_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    outcome   text NOT NULL CHECK (outcome IN ('recorded', 'refused')),
    refusal   text,
    position  bigint,
    PRIMARY KEY (log_id, rule, due_key)
);
COMMENT ON COLUMN schedule_run.refusal IS 'Kind of the refusal: an answer, which is kept and not asked for again.';

CREATE TABLE schedule_state (
    log_id       integer PRIMARY KEY REFERENCES log,
    position     bigint NOT NULL,
    clock_at     timestamptz NOT NULL,
    next_due_at  timestamptz,
    seen_at      timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE schedule_state IS 'Up to this position and this time of the institution''s clock nothing more is due.';

REVOKE ALL ON schedule_run, schedule_state FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE ON schedule_run, schedule_state TO biaogan_app;
