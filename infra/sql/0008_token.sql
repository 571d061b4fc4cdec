-- Tokens: only the SHA-256 of the secret is here. The hash alone is unique across logs, because a token is what names
-- its institution: no path does.

CREATE TABLE token (
    log_id      integer NOT NULL REFERENCES log,
    token_id    uuid NOT NULL,
    hash        bytea NOT NULL UNIQUE CHECK (octet_length(hash) = 32),
    person_id   text NOT NULL CHECK (person_id <> ''),
    scopes      text[] NOT NULL,
    once        boolean NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz,
    revoked_at  timestamptz,
    used_at     timestamptz,
    PRIMARY KEY (log_id, token_id),
    CHECK (expires_at > created_at),
    CHECK (once OR used_at IS NULL)
);
CREATE INDEX token_person ON token (log_id, person_id);

-- Revoked and spent are for ever.
CREATE FUNCTION guard_token() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.revoked_at IS NOT NULL AND NEW.revoked_at IS DISTINCT FROM OLD.revoked_at)
        OR (OLD.used_at IS NOT NULL AND NEW.used_at IS DISTINCT FROM OLD.used_at) THEN
        RAISE EXCEPTION 'A revoked or spent token stays so.' USING ERRCODE = 'BG003';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER for_ever BEFORE UPDATE ON token FOR EACH ROW EXECUTE FUNCTION guard_token();

REVOKE ALL ON token FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE (revoked_at, used_at) ON token TO biaogan_app;
