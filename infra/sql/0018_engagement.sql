-- A token bound to an audit engagement opens what that opens and nothing else; to which one never changes.

ALTER TABLE token ADD COLUMN engagement_id text CHECK (engagement_id <> '');

-- What was read under an engagement, in order.
CREATE INDEX access_engagement ON access (log_id, act, seq) WHERE act LIKE 'engagement:%';
