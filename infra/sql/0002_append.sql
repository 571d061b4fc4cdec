-- The only way into the record. One call writes a batch of commands, each with its own condition, id and outcome; the
-- call is one transaction, so no client round trip ever happens under the lock.

-- Every type that a tag has been seen with: hops along the index, one descent per type however many events there are.
CREATE FUNCTION types_of(in_log integer, in_tag text) RETURNS SETOF text LANGUAGE sql STABLE PARALLEL SAFE AS $$
    WITH RECURSIVE kind(type) AS (
        (SELECT t.type FROM event_tag t WHERE t.log_id = in_log AND t.tag = in_tag ORDER BY t.type LIMIT 1)
        UNION ALL
        SELECT (SELECT t.type FROM event_tag t WHERE t.log_id = in_log AND t.tag = in_tag AND t.type > kind.type
                ORDER BY t.type LIMIT 1)
        FROM kind WHERE kind.type IS NOT NULL
    )
    SELECT kind.type FROM kind WHERE kind.type IS NOT NULL
$$;

-- Lists inside a list (tags, document digests) come joined by the unit separator, which no tag may contain; an empty
-- text and a zero stand for null, and an empty list for one of nothing but nulls.
--
-- Commands are numbered from 1 in c_*; their events stand in e_* in order, with the number of their command in e_command
-- and the envelope beside each event. A condition is a set of probes p_*: no event of this type with this tag and the
-- tags of p_rest, after c_after of the command and outside c_seen, may exist; an empty type or tag leaves that side
-- open. m_* is If-Match: no event with this tag after this position. d_command was decided on the events of d_on, which
-- stands before it in the batch, and falls with it.
--
-- Everything accepted follows head in order, recorded one microsecond after another from recorded_at on. Whatever was
-- not accepted is listed in x_*: repeated (with its first receipt), reused, stale (with the positions missed), conflict.
CREATE FUNCTION append(
    in_log integer,
    c_id uuid[], c_hash bytea[], c_receipt bytea[], c_events integer[], c_after bigint[], c_seen text[],
    e_command integer[], e_id uuid[], e_type text[], e_tags text[], e_data bytea[], e_documents text[], e_nonces bytea,
    e_actor text[], e_actor_kind text[], e_authority text[], e_behalf text[], e_cause bigint[], e_correlation uuid[],
    e_received timestamptz[], e_effective timestamptz[], e_reason text[], e_reason_document text[],
    p_command integer[], p_type text[], p_tag text[], p_rest text[],
    m_command integer[], m_tag text[], m_after bigint[],
    d_command integer[], d_on integer[],
    OUT head bigint, OUT recorded_at timestamptz, OUT ahead interval,
    OUT x_command integer[], OUT x_kind text[], OUT x_first bigint[], OUT x_last bigint[],
    OUT x_recorded timestamptz[], OUT x_receipt bytea[], OUT x_missed text[]
)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
-- A plan made while a table was empty must still be right when it is full, also where nobody ever runs ANALYZE.
SET enable_seqscan = off
SET enable_bitmapscan = off
SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
DECLARE
    clock_kind text;
    last_at timestamptz;
    sep CONSTANT text := chr(31);
    dependent record;
BEGIN
    -- Late and brief: all that follows until the commit is this one call.
    PERFORM pg_advisory_xact_lock(1651467887, in_log);

    SELECT l.clock, h.position, h.recorded_at INTO clock_kind, append.head, last_at
    FROM log l LEFT JOIN LATERAL (SELECT e.position, e.recorded_at FROM event e WHERE e.log_id = in_log
                                  ORDER BY e.position DESC LIMIT 1) h ON true
    WHERE l.log_id = in_log;
    IF clock_kind IS NULL THEN
        RAISE EXCEPTION 'There is no log %.', in_log USING ERRCODE = 'BG003';
    END IF;
    IF clock_kind = 'real' AND 'institution.clock_advanced.v1' = ANY (e_type) THEN
        RAISE EXCEPTION 'The clock of log % is real and cannot be moved.', in_log USING ERRCODE = 'BG004';
    END IF;

    append.head := coalesce(append.head, 0);
    append.recorded_at := clock_timestamp();
    append.ahead := coalesce(last_at - append.recorded_at, interval '0');
    append.recorded_at := greatest(append.recorded_at, last_at + interval '1 microsecond');

    -- 1. A known command gets its first receipt again, before anything else is asked of it.
    x_command := '{}';
    x_missed := '{}';
    IF EXISTS (SELECT FROM command k WHERE k.log_id = in_log AND k.command_id = ANY (c_id)) THEN
        SELECT array_agg(c.n), array_agg(CASE WHEN k.request_hash = c.hash THEN 'repeated' ELSE 'reused' END),
               array_agg(k.first_position), array_agg(k.last_position), array_agg(k.recorded_at), array_agg(k.receipt),
               array_agg(''::text)
        INTO x_command, x_kind, x_first, x_last, x_recorded, x_receipt, x_missed
        FROM unnest(c_id, c_hash) WITH ORDINALITY AS c(id, hash, n),
             LATERAL (SELECT * FROM command k WHERE k.log_id = in_log AND k.command_id = c.id LIMIT 1) k;
    END IF;

    -- 2. If-Match.
    IF cardinality(m_command) > 0 THEN
        FOR dependent IN
            SELECT m.command, string_agg(hit.position::text, ',' ORDER BY hit.position) AS missed
            FROM unnest(m_command, m_tag, m_after) AS m(command, tag, after),
                 LATERAL types_of(in_log, m.tag) AS kind(type),
                 LATERAL (SELECT t.position FROM event_tag t WHERE t.log_id = in_log AND t.tag = m.tag
                          AND t.type = kind.type AND t.position > m.after ORDER BY t.position LIMIT 100) hit
            WHERE m.command <> ALL (x_command) GROUP BY m.command
        LOOP
            x_command := x_command || dependent.command;
            x_kind := x_kind || 'stale'::text;
            x_missed := x_missed || dependent.missed;
        END LOOP;
    END IF;

    -- 3. Conditions, unless nothing was written since the commands were decided.
    IF append.head > ANY (c_after) THEN
        FOR dependent IN
            SELECT DISTINCT p.command
            FROM unnest(p_command, p_type, p_tag, p_rest) AS p(command, type, tag, rest),
                 LATERAL (SELECT 1 FROM event_tag t
                          WHERE t.log_id = in_log AND t.tag = p.tag AND t.type = p.type
                            AND t.position > c_after[p.command]
                            AND (coalesce(c_seen[p.command], '') = '' OR NOT t.position <@ c_seen[p.command]::int8multirange)
                            AND (p.rest = '' OR (SELECT e.tags @> string_to_array(p.rest, sep) FROM event e
                                                 WHERE e.log_id = in_log AND e.position = t.position))
                          LIMIT 1) hit
            WHERE p.tag <> '' AND p.type <> '' AND append.head > c_after[p.command] AND p.command <> ALL (x_command)
        LOOP
            x_command := x_command || dependent.command;
            x_kind := x_kind || 'conflict'::text;
        END LOOP;
        -- Probes that leave a side open are rare, and their search costs more.
        IF '' = ANY (p_type) OR '' = ANY (p_tag) THEN
            FOR dependent IN
                SELECT DISTINCT p.command
                FROM unnest(p_command, p_type, p_tag, p_rest) AS p(command, type, tag, rest),
                     LATERAL types_of(in_log, p.tag) AS kind(type),
                     LATERAL (SELECT 1 FROM event_tag t
                              WHERE t.log_id = in_log AND t.tag = p.tag AND t.type = kind.type
                                AND t.position > c_after[p.command]
                                AND (coalesce(c_seen[p.command], '') = '' OR NOT t.position <@ c_seen[p.command]::int8multirange)
                                AND (p.rest = '' OR (SELECT e.tags @> string_to_array(p.rest, sep) FROM event e
                                                     WHERE e.log_id = in_log AND e.position = t.position))
                              LIMIT 1) hit
                WHERE p.tag <> '' AND p.type = '' AND append.head > c_after[p.command] AND p.command <> ALL (x_command)
                UNION
                SELECT DISTINCT p.command
                FROM unnest(p_command, p_type, p_tag) AS p(command, type, tag),
                     LATERAL (SELECT 1 FROM event e
                              WHERE e.log_id = in_log AND e.position > c_after[p.command]
                                AND (p.type = '' OR e.type = p.type)
                                AND (coalesce(c_seen[p.command], '') = '' OR NOT e.position <@ c_seen[p.command]::int8multirange)
                              ORDER BY e.position LIMIT 1) hit
                WHERE p.tag = '' AND append.head > c_after[p.command] AND p.command <> ALL (x_command)
            LOOP
                x_command := x_command || dependent.command;
                x_kind := x_kind || 'conflict'::text;
            END LOOP;
        END IF;
    END IF;

    -- 4. Whoever was decided on events that are not written now falls too; forerunners stand before their followers.
    IF cardinality(x_command) > 0 THEN
        FOR dependent IN
            SELECT d.command, d.forerunner FROM unnest(d_command, d_on) AS d(command, forerunner) ORDER BY d.command
        LOOP
            IF dependent.forerunner = ANY (x_command) AND dependent.command <> ALL (x_command) THEN
                x_command := x_command || dependent.command;
                x_kind := x_kind || 'conflict'::text;
            END IF;
        END LOOP;
        IF cardinality(x_command) = cardinality(c_id) THEN
            RETURN;
        END IF;
    END IF;

    WITH written AS (
        INSERT INTO event (log_id, position, event_id, type, tags, data, documents, actor_id, actor_kind, authority,
                           on_behalf_of_id, command_id, cause, correlation_id, received_at, effective_at, recorded_at,
                           reason_code, reason_document_id, line_version, nonce)
        SELECT in_log, append.head + e.place, e_id[e.n], e_type[e.n], string_to_array(e_tags[e.n], sep), e_data[e.n],
               coalesce(string_to_array(e_documents[e.n], sep), '{}'), e_actor[e.n], e_actor_kind[e.n], e_authority[e.n],
               nullif(e_behalf[e.n], ''), c_id[e_command[e.n]], nullif(e_cause[e.n], 0), e_correlation[e.n],
               e_received[e.n], e_effective[e.n], append.recorded_at + (e.place - 1) * interval '1 microsecond',
               nullif(e_reason[e.n], ''), nullif(e_reason_document[e.n], ''), 1,
               substring(e_nonces FROM 16 * e.n - 15 FOR 16)
        FROM (SELECT row_number() OVER () AS place, n FROM generate_series(1, cardinality(e_id)) AS n
              WHERE e_command[n] <> ALL (x_command)) e
        RETURNING position, type, tags
    ), tagged AS (
        INSERT INTO event_tag (log_id, tag, type, position)
        SELECT in_log, t.tag, w.type, w.position FROM written w, unnest(w.tags) AS t(tag)
    )
    INSERT INTO command (log_id, command_id, request_hash, first_position, last_position, recorded_at, receipt)
    SELECT in_log, c_id[c.n], c_hash[c.n], append.head + c.until - c_events[c.n] + 1, append.head + c.until,
           append.recorded_at + (c.until - c_events[c.n]) * interval '1 microsecond', coalesce(c_receipt[c.n], '')
    FROM (SELECT n, sum(c_events[n]) OVER (ORDER BY n) AS until FROM generate_series(1, cardinality(c_id)) AS n
          WHERE n <> ALL (x_command)) c;
END $$;

REVOKE ALL ON FUNCTION append FROM PUBLIC;
GRANT EXECUTE ON FUNCTION append TO biaogan_app;
