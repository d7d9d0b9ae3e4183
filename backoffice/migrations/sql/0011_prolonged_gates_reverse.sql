-- A gate is closed once and lifted once, by a person who says why; nothing else of it changes.
CREATE OR REPLACE FUNCTION gate_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    why text;
BEGIN
    IF (NEW.id, NEW.incident_id, NEW.kind, NEW.contract_id, NEW.reason, NEW.owner_id,
        NEW.closed_at, NEW.expires_at)
       IS DISTINCT FROM
       (OLD.id, OLD.incident_id, OLD.kind, OLD.contract_id, OLD.reason, OLD.owner_id,
        OLD.closed_at, OLD.expires_at)
       OR OLD.lifted_at IS NOT NULL OR NEW.lifted_at IS NULL OR NEW.lifted_by_id IS NULL
       OR NEW.lifted_reason = '' THEN
        RAISE EXCEPTION 'gate: it is lifted once, by somebody, for a reason; the rest stays'
            USING ERRCODE = 'check_violation';
    END IF;
    why := gate_held(OLD.id);
    IF why IS NOT NULL THEN
        RAISE EXCEPTION 'gate: %', why USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
DROP TRIGGER gate_begins ON gate;
DROP FUNCTION gate_begins;
DROP TRIGGER gate_prolongation_moves ON gate_prolongation;
DROP FUNCTION gate_prolongation_moves;
DROP TRIGGER gate_prolongation_append_only ON gate_prolongation;
DROP TRIGGER gate_prolongation_check ON gate_prolongation;
DROP FUNCTION gate_prolongation_check;
