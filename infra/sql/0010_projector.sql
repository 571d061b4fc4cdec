-- Which table of a view is read, and where a fold failed. The tables themselves are made, switched and dropped by the
-- application; their names end in the view's version, so they never meet these two.

CREATE TABLE view.live (
    name      text COLLATE "C" PRIMARY KEY CHECK (name <> ''),
    version   integer NOT NULL CHECK (version > 0),
    relation  text COLLATE "C" NOT NULL UNIQUE,
    shape     text NOT NULL,
    since     timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE view.live IS 'The table that readers of a view read, and the consumer name of its checkpoints.';
COMMENT ON COLUMN view.live.shape IS 'Columns and types of the table: a program whose rows look otherwise does not read it.';

CREATE TABLE view.stopped (
    log_id    integer NOT NULL REFERENCES log,
    relation  text COLLATE "C" NOT NULL,
    position  bigint NOT NULL,
    kind      text NOT NULL,
    since     timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (log_id, relation)
);
COMMENT ON TABLE view.stopped IS 'The event that a view cannot take in, and the kind of error; never its content.';

REVOKE ALL ON view.live, view.stopped FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE, DELETE ON view.live, view.stopped TO biaogan_app;
