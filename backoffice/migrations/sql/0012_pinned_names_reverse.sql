-- Functions follow the session's search path again.

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
        EXECUTE format('ALTER FUNCTION %s RESET search_path', ours);
    END LOOP;
END $$;
