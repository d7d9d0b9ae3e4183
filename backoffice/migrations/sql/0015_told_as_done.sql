-- What a plan says of itself is what it does, whoever wrote its rows; and what recusals and gates
-- follow from is not taken back.

-- The columns that people read, that its quorum follows from and that the feed is made of, are
-- copies from the manifest, which the digest covers.
ALTER TABLE plan ADD CONSTRAINT plan_told_as_digested CHECK (
    manifest = '{}'
    OR (remedy = manifest->>'remedy' AND parameters = manifest->'parameters') IS TRUE);

-- Its effects are what its staged rows do to each account: recusal follows from them, and so do the
-- pages and letters that customers read.
CREATE FUNCTION plan_effects_follow_rows() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong bigint;
BEGIN
    EXECUTE format(
        $q$
        SELECT account_id
        FROM (
            SELECT l.account_id, m.asset_id,
                   CASE l.kind WHEN 'futures' THEN m.delta ELSE 0 END AS futures,
                   CASE l.kind WHEN 'funding' THEN m.delta ELSE 0 END AS funding,
                   CASE l.kind WHEN 'receivable' THEN m.delta ELSE 0 END AS receivable,
                   0 AS positions
            FROM %I m JOIN ledger_account l ON l.id = m.ledger_account_id
            WHERE l.account_id IS NOT NULL
            UNION ALL
            SELECT m.account_id, c.settle_id, 0, 0, 0, 1
            FROM %I m JOIN exchange_contract c ON c.id = m.contract_id
            UNION ALL
            SELECT account_id, asset_id,
                   -futures_delta, -funding_delta, -receivable_delta, -positions_changed
            FROM plan_effect WHERE plan_id = $1
        ) AS rows
        GROUP BY account_id, asset_id
        HAVING (sum(futures), sum(funding), sum(receivable), sum(positions))
               IS DISTINCT FROM (0, 0, 0, 0)
        LIMIT 1
        $q$, 'ledger_before_' || NEW.batch_id, 'position_before_' || NEW.batch_id)
    INTO wrong USING NEW.id;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'plan: its effects are not what its rows do to account %', wrong
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER plan_effects_follow_rows BEFORE UPDATE ON plan
    FOR EACH ROW WHEN (OLD.state = 'draft' AND NEW.state = 'computed')
    EXECUTE FUNCTION plan_effects_follow_rows();

-- Whoever is not that customer any more stays tied to the accounts they had: a role can be given
-- back afterwards.
CREATE FUNCTION person_stays_tied() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO interest (person_id, account_id, relation)
    SELECT OLD.id, a.id, 'their own, before'
    FROM exchange_account a WHERE a.customer_id = OLD.customer_id
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER person_stays_tied AFTER UPDATE OF customer_id ON backoffice_person
    FOR EACH ROW
    WHEN (OLD.customer_id IS NOT NULL AND NEW.customer_id IS DISTINCT FROM OLD.customer_id)
    EXECUTE FUNCTION person_stays_tied();

-- On a drill people with known passwords decide, so no real venue becomes one.
CREATE FUNCTION venue_stays_real() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'venue: % is real and stays so', OLD.code USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER venue_stays_real BEFORE UPDATE OF is_drill ON exchange_venue
    FOR EACH ROW WHEN (NEW.is_drill AND NOT OLD.is_drill) EXECUTE FUNCTION venue_stays_real();

-- As in `0011_prolonged_gates.sql`, and never earlier than the database's clock: one that began
-- earlier on paper would cover the time in which the doors were open, and revive what that made void.
CREATE OR REPLACE FUNCTION gate_begins() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.lifted_at IS NOT NULL
       OR NEW.closed_at > clock_timestamp() + interval '1 minute'
       OR NEW.expires_at > NEW.closed_at + interval '72 hours' THEN
        RAISE EXCEPTION 'gate: it is closed from now on, for at most 72 hours'
            USING ERRCODE = 'check_violation';
    END IF;
    NEW.closed_at := greatest(NEW.closed_at, clock_timestamp());
    RETURN NEW;
END $$;

-- Nor is one lifted earlier on paper, before the plans that its opening makes void.
CREATE FUNCTION gate_ends() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.lifted_at := greatest(NEW.lifted_at, clock_timestamp());
    RETURN NEW;
END $$;
CREATE TRIGGER gate_ends BEFORE UPDATE OF lifted_at ON gate
    FOR EACH ROW WHEN (OLD.lifted_at IS NULL AND NEW.lifted_at IS NOT NULL)
    EXECUTE FUNCTION gate_ends();
