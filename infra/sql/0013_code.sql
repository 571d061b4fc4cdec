-- Codes: under which persons act in a matter where nobody is named, such as the seats of a panel. A row tells nothing by
-- itself: blind is an HMAC of matter and person under the key of the matter, which lies wrapped in subject_key, and who
-- it is stands sealed in the envelope of the commitment. One person has one code in a matter.

CREATE TABLE code (
    log_id      integer NOT NULL,
    subject_id  text NOT NULL CHECK (subject_id LIKE 'matter:_%'),
    blind       bytea NOT NULL CHECK (octet_length(blind) = 32),
    code        text NOT NULL CHECK (length(code) BETWEEN 1 AND 100),
    command_id  uuid NOT NULL,
    commitment  text NOT NULL CHECK (commitment ~ '^[0-9a-f]{64}$'),
    position    bigint,
    PRIMARY KEY (log_id, subject_id, blind),
    FOREIGN KEY (log_id, subject_id) REFERENCES subject_key ON DELETE RESTRICT
);
CREATE INDEX code_command ON code (log_id, command_id);
CREATE TRIGGER named BEFORE UPDATE OR DELETE ON code FOR EACH ROW EXECUTE FUNCTION guard_named('commitment');

REVOKE ALL ON code FROM PUBLIC;
GRANT SELECT, INSERT, DELETE, UPDATE (position) ON code TO biaogan_app;
