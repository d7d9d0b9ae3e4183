-- Every function of ours looks for tables where the desk's are, whatever the session's search path
-- says, and in the session's temporary schema last. Otherwise a temporary table named `role`, `plan`
-- or `approval` would answer what the triggers ask, in any session that may connect.
--
-- `CREATE OR REPLACE FUNCTION` forgets this: a later migration that replaces one runs it again for
-- its own (tests/backoffice/attacks/test_shadows.py finds what was forgotten).

DO $$
DECLARE
    ours regprocedure;
BEGIN
    FOR ours IN
        SELECT p.oid FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
        WHERE p.pronamespace = current_schema()::regnamespace AND p.prokind = 'f'
          AND pg_get_userbyid(p.proowner) = current_user AND l.lanname IN ('sql', 'plpgsql')
          AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
    LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path = %I, pg_temp', ours, current_schema());
    END LOOP;
END $$;
