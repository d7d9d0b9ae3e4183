-- The lock on the books is asked when the transaction commits, so that a dry run, which is a posting
-- rolled back, needs no approval, and nothing posted is ever seen without one.
DROP TRIGGER batch_needs_plan ON batch;

CREATE OR REPLACE FUNCTION batch_needs_plan() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    subject plan%ROWTYPE;
    why text;
BEGIN
    SELECT * INTO subject FROM plan WHERE batch_id = NEW.id;
    IF subject.id IS NULL OR subject.state NOT IN ('executed', 'reconciled') THEN
        RAISE EXCEPTION 'batch: % has no approved plan in execution', NEW.key
            USING ERRCODE = 'check_violation';
    END IF;
    why := plan_blocked(subject.id);
    IF why IS NOT NULL THEN
        RAISE EXCEPTION 'batch: % cannot be posted: %', NEW.key, why
            USING ERRCODE = 'check_violation';
    END IF;
    IF subject.digest <> encode(sha256(convert_to('1' || subject.manifest::text, 'UTF8')), 'hex')
    THEN
        RAISE EXCEPTION 'batch: % is not what was approved', NEW.key
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;

-- A batch is born a draft and everyday postings are batch 0, which never changes
-- (`books_batch_step`), so this step is all there is to guard.
CREATE CONSTRAINT TRIGGER batch_needs_plan AFTER UPDATE ON batch
    DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.state = 'posted' AND OLD.state <> 'posted')
    EXECUTE FUNCTION batch_needs_plan();
