-- Who is tied to an incident, computed: nobody has to remember to recuse themselves.
--
-- A person is tied to the accounts they declared an interest in and to those of the customer they
-- are. They are recused from an incident when such an account would change under any plan of it,
-- under any remedy that was compared for it, or by an award: who would gain under a remedy that
-- lost is no judge of the one that won. What changes nothing for an account ties nobody.

CREATE FUNCTION person_ties(someone bigint) RETURNS SETOF bigint LANGUAGE sql STABLE AS $$
    SELECT account_id FROM interest WHERE person_id = someone
    UNION
    SELECT a.id FROM backoffice_person p JOIN exchange_account a ON a.customer_id = p.customer_id
    WHERE p.id = someone
$$;

-- Asked once a tie and stopped at the first row, through the indexes by account: a person has few
-- ties, a comparison has a row for nearly every account of the venue.
CREATE FUNCTION person_recused(incident_number bigint, someone bigint) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
DECLARE
    tied bigint;
BEGIN
    FOR tied IN SELECT person_ties(someone) LOOP
        IF EXISTS (
            SELECT FROM plan_effect e JOIN plan p ON p.id = e.plan_id
            WHERE e.account_id = tied AND p.incident_id = incident_number
              AND (e.reliquidated OR (0, 0, 0, 0, 0) IS DISTINCT FROM (
                  e.futures_delta, e.funding_delta, e.receivable_delta, e.paid,
                  e.positions_changed))
        ) OR EXISTS (
            SELECT FROM scenario_effect e
            JOIN scenario s ON s.id = e.scenario_id
            JOIN comparison c ON c.id = s.comparison_id
            WHERE e.account_id = tied AND c.incident_id = incident_number
              AND (e.reliquidated OR (0, 0, 0, 0, 0) IS DISTINCT FROM (
                  e.futures_delta, e.funding_delta, e.receivable_delta, e.worth_delta,
                  e.positions_changed))
        ) OR EXISTS (
            SELECT FROM award w JOIN programme g ON g.id = w.programme_id
            WHERE w.account_id = tied AND g.incident_id = incident_number
        ) THEN
            RETURN true;
        END IF;
    END LOOP;
    RETURN false;
END $$;

-- How many of those who could otherwise make or decide something are recused: a public number.
CREATE FUNCTION incident_recusals(incident_number bigint) RETURNS integer
LANGUAGE sql STABLE AS $$
    SELECT count(*)::integer FROM backoffice_person p
    WHERE p.is_active
      AND EXISTS (
          SELECT FROM role r
          WHERE r.person_id = p.id AND r.name IN ('analyst', 'risk', 'finance', 'legal'))
      AND person_recused(incident_number, p.id)
$$;

-- What recusals follow from is only ever added to.
CREATE FUNCTION desk_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append only: % is refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'check_violation';
END $$;

CREATE TRIGGER interest_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON interest
    FOR EACH STATEMENT EXECUTE FUNCTION desk_append_only();
CREATE TRIGGER scenario_effect_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON scenario_effect
    FOR EACH STATEMENT EXECUTE FUNCTION desk_append_only();
CREATE TRIGGER scenario_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON scenario
    FOR EACH STATEMENT EXECUTE FUNCTION desk_append_only();
CREATE TRIGGER comparison_kept BEFORE UPDATE OF incident_id OR DELETE OR TRUNCATE ON comparison
    FOR EACH STATEMENT EXECUTE FUNCTION desk_append_only();

-- Someone with a role does not stop being a customer: the tie would go with it.
CREATE FUNCTION person_tie_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM role WHERE person_id = OLD.id) THEN
        RAISE EXCEPTION 'person: a member of staff stays the customer they are'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER person_tie_kept BEFORE UPDATE OF customer_id ON backoffice_person
    FOR EACH ROW
    WHEN (OLD.customer_id IS NOT NULL AND NEW.customer_id IS DISTINCT FROM OLD.customer_id)
    EXECUTE FUNCTION person_tie_kept();
