-- Whoever came with a drill stays of the drill: the mail domain is what keeps people whose passwords
-- are printed from deciding on a real plan (`officer_ineligible`), and an address can be changed.
CREATE FUNCTION person_stays_of_the_drill() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'person: who came with a drill keeps its address'
        USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER person_stays_of_the_drill BEFORE UPDATE OF email ON backoffice_person
    FOR EACH ROW
    WHEN (OLD.email LIKE '%@drill.makewhole.example'
          AND NEW.email NOT LIKE '%@drill.makewhole.example')
    EXECUTE FUNCTION person_stays_of_the_drill();

-- What the comparison of the books after an execution found stands, and a plan is reconciled, and
-- its gates may be lifted, when one found that all agree.
CREATE TRIGGER reconciliation_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON reconciliation
    FOR EACH STATEMENT EXECUTE FUNCTION desk_append_only();

CREATE FUNCTION plan_reconciled() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM reconciliation WHERE plan_id = NEW.id AND ledger_ok AND positions_ok
    ) THEN
        RAISE EXCEPTION 'plan: its books were not compared, or did not agree'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER plan_reconciled BEFORE UPDATE ON plan
    FOR EACH ROW WHEN (NEW.state = 'reconciled' AND OLD.state <> 'reconciled')
    EXECUTE FUNCTION plan_reconciled();
