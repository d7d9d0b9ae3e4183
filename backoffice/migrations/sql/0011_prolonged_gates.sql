-- A gate is closed for at most 72 hours ahead of whoever decides it: when it is closed, and
-- whenever an officer prolongs it. The minute is for a desk whose clock is ahead of the database's.

CREATE FUNCTION gate_begins() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.lifted_at IS NOT NULL
       OR NEW.closed_at > clock_timestamp() + interval '1 minute'
       OR NEW.expires_at > NEW.closed_at + interval '72 hours' THEN
        RAISE EXCEPTION 'gate: it is closed from now on, for at most 72 hours'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER gate_begins BEFORE INSERT ON gate FOR EACH ROW EXECUTE FUNCTION gate_begins();

-- What ran out or was lifted is open. What was computed before is void then, and a prolongation
-- could not bring it back: such a gate is closed anew.
CREATE FUNCTION gate_prolongation_check() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    closed gate%ROWTYPE;
BEGIN
    SELECT * INTO closed FROM gate WHERE id = NEW.gate_id FOR UPDATE;
    NEW.decided_at := clock_timestamp();
    IF closed.lifted_at IS NOT NULL OR closed.expires_at <= NEW.decided_at THEN
        RAISE EXCEPTION 'gate: it is open, and is closed anew instead of prolonged'
            USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.expires_before <> closed.expires_at
       OR NEW.expires_at > NEW.decided_at + interval '72 hours 1 minute' THEN
        RAISE EXCEPTION 'gate: it is prolonged from when it ends, to at most 72 hours from now'
            USING ERRCODE = 'check_violation';
    END IF;
    IF NOT EXISTS (
        SELECT FROM role r JOIN backoffice_person p ON p.id = r.person_id
        WHERE p.id = NEW.officer_id AND p.is_active AND r.name IN ('risk', 'finance', 'legal')
    ) THEN
        RAISE EXCEPTION 'gate: it is prolonged by an officer' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER gate_prolongation_check BEFORE INSERT ON gate_prolongation
    FOR EACH ROW EXECUTE FUNCTION gate_prolongation_check();
CREATE TRIGGER gate_prolongation_append_only BEFORE UPDATE OR DELETE OR TRUNCATE
    ON gate_prolongation FOR EACH STATEMENT EXECUTE FUNCTION desk_append_only();

CREATE FUNCTION gate_prolongation_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE gate SET expires_at = NEW.expires_at WHERE id = NEW.gate_id;
    RETURN NULL;
END $$;
CREATE TRIGGER gate_prolongation_moves AFTER INSERT ON gate_prolongation
    FOR EACH ROW EXECUTE FUNCTION gate_prolongation_moves();

-- A gate is lifted once, by a person who says why, and ends later only by a prolongation; nothing
-- else of it changes.
CREATE OR REPLACE FUNCTION gate_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    why text;
    same boolean := (NEW.id, NEW.incident_id, NEW.kind, NEW.contract_id, NEW.reason, NEW.owner_id,
                     NEW.closed_at)
        IS NOT DISTINCT FROM
        (OLD.id, OLD.incident_id, OLD.kind, OLD.contract_id, OLD.reason, OLD.owner_id,
         OLD.closed_at) AND OLD.lifted_at IS NULL;
BEGIN
    IF same AND NEW.lifted_at IS NULL AND EXISTS (
        SELECT FROM gate_prolongation
        WHERE gate_id = OLD.id AND expires_before = OLD.expires_at AND expires_at = NEW.expires_at
    ) THEN
        RETURN NEW;
    END IF;
    IF NOT same OR NEW.expires_at <> OLD.expires_at OR NEW.lifted_at IS NULL
       OR NEW.lifted_by_id IS NULL OR NEW.lifted_reason = '' THEN
        RAISE EXCEPTION 'gate: it is lifted once, by somebody, for a reason; the rest stays'
            USING ERRCODE = 'check_violation';
    END IF;
    why := gate_held(OLD.id);
    IF why IS NOT NULL THEN
        RAISE EXCEPTION 'gate: %', why USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
