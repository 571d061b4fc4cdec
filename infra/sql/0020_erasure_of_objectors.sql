-- Whoever raised an objection is no registered person; what is kept of them lies under the key of the objection. Each
-- kind of subject is erased by the fact of its own kind, and no subject by any other.

CREATE OR REPLACE FUNCTION is_erased(of_log integer, subject text) RETURNS boolean
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT EXISTS (SELECT FROM event_tag WHERE log_id = of_log AND tag = subject
                   AND type = CASE split_part(subject, ':', 1)
                       WHEN 'person' THEN 'privacy.person_erased.v1'
                       WHEN 'objection' THEN 'privacy.objector_erased.v1' END)
$$;
