-- Documents: sealed piece by piece under a key of their own, which is sealed under the subject's key. The id is the
-- SHA-256 of the ciphertext, known when the last byte has come; until then the row has an upload_id only.

CREATE TABLE document (
    log_id       integer NOT NULL,
    upload_id    uuid NOT NULL,
    document_id  text CHECK (document_id ~ '^[0-9a-f]{64}$'),
    subject_id   text NOT NULL,
    kind         text NOT NULL CHECK (length(kind) BETWEEN 1 AND 100),
    media_type   text,
    size         bigint CHECK (size > 0),
    pieces       integer CHECK (pieces > 0),
    sealed_key   bytea,
    command_id   uuid NOT NULL,
    position     bigint,
    PRIMARY KEY (log_id, upload_id),
    UNIQUE (log_id, document_id),
    FOREIGN KEY (log_id, subject_id) REFERENCES subject_key ON DELETE RESTRICT,
    CHECK (num_nulls(document_id, media_type, size, pieces, sealed_key) IN (0, 5)),
    CHECK (position IS NULL OR document_id IS NOT NULL)
);
CREATE INDEX document_command ON document (log_id, command_id);
CREATE INDEX document_subject ON document (log_id, subject_id);
CREATE TRIGGER named BEFORE UPDATE OR DELETE ON document FOR EACH ROW EXECUTE FUNCTION guard_named('document_id');

-- Piece 0 is the header of the ciphertext. Pieces go with their document and are never changed.
CREATE TABLE document_chunk (
    log_id     integer NOT NULL,
    upload_id  uuid NOT NULL,
    seq        integer NOT NULL CHECK (seq >= 0),
    bytes      bytea NOT NULL CHECK (octet_length(bytes) BETWEEN 1 AND 262144),
    PRIMARY KEY (log_id, upload_id, seq),
    FOREIGN KEY (log_id, upload_id) REFERENCES document ON DELETE CASCADE
);
-- Ciphertext does not compress; trying costs time.
ALTER TABLE document_chunk ALTER COLUMN bytes SET STORAGE EXTERNAL;

REVOKE ALL ON document, document_chunk FROM PUBLIC;
GRANT SELECT, INSERT, DELETE, UPDATE (document_id, media_type, size, pieces, sealed_key, position) ON document TO biaogan_app;
GRANT SELECT, INSERT ON document_chunk TO biaogan_app;
