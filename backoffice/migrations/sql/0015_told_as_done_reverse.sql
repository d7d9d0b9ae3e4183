DROP TRIGGER gate_ends ON gate;
DROP FUNCTION gate_ends();
CREATE OR REPLACE FUNCTION gate_begins() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.lifted_at IS NOT NULL
       OR NEW.closed_at > clock_timestamp() + interval '1 minute'
       OR NEW.expires_at > NEW.closed_at + interval '72 hours' THEN
        RAISE EXCEPTION 'gate: it is closed from now on, for at most 72 hours'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
DROP TRIGGER venue_stays_real ON exchange_venue;
DROP FUNCTION venue_stays_real();
DROP TRIGGER person_stays_tied ON backoffice_person;
DROP FUNCTION person_stays_tied();
DROP TRIGGER plan_effects_follow_rows ON plan;
DROP FUNCTION plan_effects_follow_rows();
ALTER TABLE plan DROP CONSTRAINT plan_told_as_digested;
