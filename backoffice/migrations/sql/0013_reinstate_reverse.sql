-- The least a plan with this remedy needs. What spends the house's money needs finance; what takes
-- from customers needs legal too.
CREATE OR REPLACE FUNCTION remedy_quorum(remedy text) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN remedy IN ('restore', 'reference', 'goodwill') THEN '{"risk": 1, "finance": 1}'
        WHEN remedy IN ('settle', 'socialise') THEN '{"risk": 1, "finance": 1, "legal": 1}'
        ELSE '{"risk": 2}'
    END::jsonb
$$;
