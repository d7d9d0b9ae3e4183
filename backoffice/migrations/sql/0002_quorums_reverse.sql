ALTER TABLE plan DROP CONSTRAINT plan_quorum_sane;
DROP FUNCTION quorum_missing(jsonb, jsonb);
DROP FUNCTION plan_least_quorum(plan);
DROP FUNCTION remedy_quorum(text);
DROP FUNCTION quorum_is_sane(jsonb);
