-- Files that were published, each once, known by the digest of its bytes. An event names the digest; here lie the bytes.
-- They hold ids, codes, days and amounts, as events do. Nothing of them is ever changed or removed: what was published
-- reads the same for ever, and whoever doubts it hashes it.

CREATE TABLE published_file (
    log_id   integer NOT NULL REFERENCES log,
    digest   text NOT NULL CHECK (digest = encode(sha256(bytes), 'hex')),
    bytes    bytea NOT NULL,
    kept_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (log_id, digest)
);
COMMENT ON COLUMN published_file.digest IS 'SHA-256 of the bytes, in lower-case hexadecimal.';

REVOKE ALL ON published_file FROM PUBLIC;
GRANT SELECT, INSERT ON published_file TO biaogan_app;
