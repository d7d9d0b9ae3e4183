-- Who must agree to a plan: so many distinct people of each of three roles, {"risk": 2} or
-- {"risk": 1, "finance": 1}. `backoffice/services/quorums.py` is the twin; a test compares them.

CREATE FUNCTION quorum_is_sane(quorum jsonb) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF jsonb_typeof(quorum) IS DISTINCT FROM 'object' OR NOT quorum ? 'risk' OR EXISTS (
        SELECT FROM jsonb_each(quorum) AS q (role, wanted)
        WHERE q.role NOT IN ('risk', 'finance', 'legal') OR q.wanted::text !~ '^[1-9]$'
    ) THEN
        RETURN false;
    END IF;
    RETURN (SELECT sum(wanted::integer) FROM jsonb_each_text(quorum) AS q (role, wanted)) >= 2;
END $$;

-- The least a plan with this remedy needs. What spends the house's money needs finance; what takes
-- from customers needs legal too.
CREATE FUNCTION remedy_quorum(remedy text) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN remedy IN ('restore', 'reference', 'goodwill') THEN '{"risk": 1, "finance": 1}'
        WHEN remedy IN ('settle', 'socialise') THEN '{"risk": 1, "finance": 1, "legal": 1}'
        ELSE '{"risk": 2}'
    END::jsonb
$$;

-- The least a plan needs, with the remedies that follow its first: of each role as many as the
-- strictest of them wants.
CREATE FUNCTION plan_least_quorum(subject plan) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT jsonb_object_agg(role, most)
    FROM (
        SELECT w.role, max(w.wanted::integer) AS most
        FROM (
            SELECT subject.remedy AS remedy
            UNION ALL
            SELECT step->>'remedy'
            FROM jsonb_path_query(subject.parameters, '$.then[*]') AS step
        ) AS r, jsonb_each_text(remedy_quorum(r.remedy)) AS w (role, wanted)
        GROUP BY w.role
    ) AS strictest
$$;

-- What of `wanted` is not in `given`, by role; an empty object when nothing is missing.
CREATE FUNCTION quorum_missing(wanted jsonb, given jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(jsonb_object_agg(role, needed - had) FILTER (WHERE had < needed), '{}')
    FROM (
        SELECT role, count::integer AS needed, coalesce((given->>role)::integer, 0) AS had
        FROM jsonb_each_text(wanted) AS w (role, count)
    ) AS compared
$$;

-- A plan has its quorum once it is computed.
ALTER TABLE plan ADD CONSTRAINT plan_quorum_sane CHECK (
    quorum_is_sane(quorum) OR (quorum = '{}' AND state IN ('draft', 'withdrawn', 'superseded')));
