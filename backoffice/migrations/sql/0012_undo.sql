-- As in `0008_execution.sql`, and an undo is not undone: people look at the remedy anew.
CREATE OR REPLACE FUNCTION plan_follows_rows() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    needed jsonb := plan_gates_needed(NEW.batch_id);
    named jsonb := NEW.manifest->'gates';
    undone plan%ROWTYPE;
BEGIN
    SELECT p.* INTO undone FROM batch b JOIN plan p ON p.batch_id = b.reverses_id
    WHERE b.id = NEW.batch_id;
    IF undone.remedy = 'undo' THEN
        RAISE EXCEPTION 'plan: an undo is not undone; the remedy is computed anew'
            USING ERRCODE = 'check_violation';
    END IF;
    IF (NEW.remedy = 'undo') <> (undone.id IS NOT NULL)
       OR (undone.id IS NOT NULL AND (NEW.manifest->'parameters'->>'undoes'
                                      IS DISTINCT FROM undone.digest
                                      OR quorum_missing(undone.quorum, NEW.quorum) <> '{}')) THEN
        RAISE EXCEPTION 'plan: an undo reverses the plan it names, under that plan''s quorum'
            USING ERRCODE = 'check_violation';
    END IF;
    IF ((named->'market') @> (needed->'market')) IS NOT TRUE
       OR ((named->'withdrawals') = 'true' OR (needed->'withdrawals') = 'false') IS NOT TRUE THEN
        RAISE EXCEPTION 'plan: its legs need the gates %, its manifest names %', needed, named
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
