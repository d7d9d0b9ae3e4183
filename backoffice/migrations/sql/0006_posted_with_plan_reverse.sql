DROP TRIGGER batch_needs_plan ON batch;

CREATE OR REPLACE FUNCTION batch_needs_plan() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    subject plan%ROWTYPE;
    why text;
BEGIN
    IF NEW.id = 0 OR OLD.state = 'posted' THEN
        RETURN NEW;
    END IF;
    SELECT * INTO subject FROM plan WHERE batch_id = NEW.id;
    IF subject.id IS NULL OR subject.state <> 'executing' THEN
        RAISE EXCEPTION 'batch: % has no approved plan in execution', NEW.key
            USING ERRCODE = 'check_violation';
    END IF;
    why := plan_blocked(subject.id);
    IF why IS NOT NULL THEN
        RAISE EXCEPTION 'batch: % cannot be posted: %', NEW.key, why
            USING ERRCODE = 'check_violation';
    END IF;
    IF subject.digest <> encode(sha256(convert_to('1' || subject.manifest::text, 'UTF8')), 'hex')
       OR (NEW.cash_digest, NEW.position_digest, NEW.precondition_digest)
          IS DISTINCT FROM (OLD.cash_digest, OLD.position_digest, OLD.precondition_digest) THEN
        RAISE EXCEPTION 'batch: % is not what was approved', NEW.key
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

-- A batch is born a draft (`books_batch_step`), so the step is all there is to guard.
CREATE TRIGGER batch_needs_plan BEFORE UPDATE ON batch
    FOR EACH ROW WHEN (NEW.state = 'posted') EXECUTE FUNCTION batch_needs_plan();
