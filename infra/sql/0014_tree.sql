-- The tree over each log's leaves, and its signed checkpoints. Everything here follows from the record but the
-- signatures, and whatever is changed here proves nothing any more: no path of it leads to a root that was signed.

CREATE TABLE tree (
    log_id  integer PRIMARY KEY REFERENCES log,
    size    bigint NOT NULL CHECK (size >= 0)
);

CREATE TABLE tile (
    log_id  integer NOT NULL REFERENCES log,
    level   smallint NOT NULL CHECK (level >= 0),
    number  bigint NOT NULL CHECK (number >= 0),
    hashes  bytea NOT NULL CHECK (octet_length(hashes) BETWEEN 32 AND 8192 AND octet_length(hashes) % 32 = 0),
    PRIMARY KEY (log_id, level, number)
);
ALTER TABLE tile ALTER COLUMN hashes SET STORAGE EXTERNAL;
COMMENT ON TABLE tile IS 'C2SP tlog-tiles: up to 256 hashes of neighbouring subtrees of 256^level leaves each.';

CREATE TABLE signed_checkpoint (
    log_id     integer NOT NULL REFERENCES log,
    size       bigint NOT NULL CHECK (size > 0),
    note       text NOT NULL,
    signed_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (log_id, size)
);
COMMENT ON COLUMN signed_checkpoint.note IS 'C2SP signed-note of origin, size and root; once handed out it stays what it is.';

CREATE TABLE verifier (
    log_id      integer NOT NULL REFERENCES log,
    vkey        text NOT NULL,
    present     boolean NOT NULL,
    first_seen  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (log_id, vkey)
);
COMMENT ON TABLE verifier IS 'Public keys as the signer names them; auditors keep them elsewhere, from the first day on.';

REVOKE ALL ON tree, tile, signed_checkpoint, verifier FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE ON tree, tile, verifier TO biaogan_app;
GRANT SELECT, INSERT ON signed_checkpoint TO biaogan_app;
