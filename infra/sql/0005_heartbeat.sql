-- Which processes live. Not business: nothing here is folded, exported or shown to applicants.
CREATE TABLE heartbeat (
    process text NOT NULL,
    instance uuid NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (process, instance)
);

GRANT SELECT, INSERT, UPDATE, DELETE ON heartbeat TO biaogan_app;
