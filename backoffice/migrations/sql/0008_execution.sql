-- What has to be closed while a plan is executed, and what stands in the way of two at once.
--
-- A gate is closed from `closed_at` until it is lifted or runs out. Whoever closed it, for whichever
-- incident: what counts is that nobody trades or withdraws at the venue.

-- What the staged rows of a batch need closed, in the form of a manifest's `gates`: trading of every
-- contract in which a position moves, withdrawals when a customer's wallet ends lower.
CREATE FUNCTION plan_gates_needed(batch_number bigint) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
DECLARE
    needed jsonb;
BEGIN
    EXECUTE format(
        $q$
        SELECT jsonb_build_object(
            'market', coalesce((
                SELECT jsonb_agg(DISTINCT c.symbol)
                FROM %I m JOIN exchange_contract c ON c.id = m.contract_id), '[]'),
            'withdrawals', EXISTS (
                SELECT FROM %I m
                JOIN ledger_account l ON l.id = m.ledger_account_id
                JOIN exchange_account a ON a.id = l.account_id
                WHERE m.delta < 0 AND l.kind IN ('futures', 'funding') AND a.kind = 'customer'))
        $q$, 'position_before_' || batch_number, 'ledger_before_' || batch_number)
    INTO needed;
    RETURN needed;
END $$;

-- A manifest may ask for more than its rows need and never for less. The rows are frozen by the
-- seal and the manifest by this step, so it is asked once. What undoes a plan takes at least as many
-- people as the plan took, and nothing else reverses a batch.
CREATE FUNCTION plan_follows_rows() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    needed jsonb := plan_gates_needed(NEW.batch_id);
    named jsonb := NEW.manifest->'gates';
    undone plan%ROWTYPE;
BEGIN
    SELECT p.* INTO undone FROM batch b JOIN plan p ON p.batch_id = b.reverses_id
    WHERE b.id = NEW.batch_id;
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
CREATE TRIGGER plan_follows_rows BEFORE UPDATE ON plan
    FOR EACH ROW WHEN (OLD.state = 'draft' AND NEW.state = 'computed')
    EXECUTE FUNCTION plan_follows_rows();

-- The gates a plan needs, one row each; `contract` and `symbol` are null for withdrawals.
CREATE FUNCTION plan_gates(plan_number bigint)
RETURNS TABLE (kind text, contract bigint, symbol text) LANGUAGE sql STABLE AS $$
    SELECT 'market', c.id, n.symbol
    FROM plan p
    JOIN incident i ON i.id = p.incident_id
    CROSS JOIN LATERAL jsonb_array_elements_text(p.manifest->'gates'->'market') AS n (symbol)
    LEFT JOIN exchange_contract c ON c.venue_id = i.venue_id AND c.symbol = n.symbol
    WHERE p.id = plan_number
    UNION ALL
    SELECT 'withdrawals', NULL, NULL
    FROM plan p WHERE p.id = plan_number AND (p.manifest->'gates'->'withdrawals') = 'true'
$$;

-- When the gates of a venue were closed that keep `kind` of `contract` shut; one on the whole venue
-- does.
CREATE FUNCTION gates_closed(venue_number bigint, wanted text, contract bigint)
RETURNS TABLE (gate_id bigint, begins timestamptz, ends timestamptz) LANGUAGE sql STABLE AS $$
    SELECT g.id, g.closed_at, least(g.expires_at, g.lifted_at)
    FROM gate g JOIN incident i ON i.id = g.incident_id
    WHERE i.venue_id = venue_number AND g.kind = wanted
      AND (g.contract_id IS NULL OR g.contract_id = contract)
$$;

-- The gates a plan needs that do not hold: `opened_at` is when one last opened since the plan was
-- computed, which voids it, and null for one that has only not been closed yet.
CREATE FUNCTION plan_gates_wanting(plan_number bigint)
RETURNS TABLE (kind text, symbol text, opened_at timestamptz) LANGUAGE sql STABLE AS $$
    SELECT n.kind, n.symbol, opened.at
    FROM plan p
    JOIN incident i ON i.id = p.incident_id
    CROSS JOIN LATERAL plan_gates(p.id) AS n
    CROSS JOIN LATERAL (
        SELECT max(g.ends) FROM gates_closed(i.venue_id, n.kind, n.contract) AS g
        WHERE g.ends > p.computed_at AND g.ends <= clock_timestamp() AND g.begins < g.ends
          AND NOT EXISTS (
              SELECT FROM gates_closed(i.venue_id, n.kind, n.contract) AS other
              WHERE other.begins <= g.ends AND other.ends > g.ends)
    ) AS opened (at)
    WHERE p.id = plan_number AND (opened.at IS NOT NULL OR NOT EXISTS (
        SELECT FROM gates_closed(i.venue_id, n.kind, n.contract) AS g
        WHERE g.begins <= clock_timestamp() AND g.ends > clock_timestamp()))
$$;

-- Why a plan may not be executed for its gates: NULL when it may. `hold` keeps the venue's closed
-- gates from being lifted until the caller commits.
CREATE FUNCTION plan_gates_open(plan_number bigint, hold boolean DEFAULT false)
RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT (manifest->'gates') IS NULL FROM plan WHERE id = plan_number) THEN
        RETURN 'its manifest does not say which gates it needs';
    END IF;
    IF hold THEN
        PERFORM FROM gate g
        JOIN incident i ON i.id = g.incident_id
        WHERE g.lifted_at IS NULL AND i.venue_id = (
            SELECT own.venue_id FROM incident own JOIN plan p ON p.incident_id = own.id
            WHERE p.id = plan_number)
        ORDER BY g.id FOR SHARE OF g;
    END IF;
    RETURN (
        SELECT string_agg(concat_ws(' ',
                   CASE w.kind WHEN 'market' THEN 'trading of ' || w.symbol ELSE 'withdrawals' END,
                   coalesce('opened at ' || to_char(
                       w.opened_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') || ' UTC, after the'
                       || ' plan was computed', 'not closed')), '; ' ORDER BY w.kind, w.symbol)
        FROM plan_gates_wanting(plan_number) AS w);
END $$;

-- Why a gate may not be lifted now: NULL when it may. A plan that could be executed any moment, or
-- was and whose books are not compared yet, keeps what it needs closed.
CREATE FUNCTION gate_held(gate_number bigint) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT format('plan %s needs it and is %s', p.id, CASE p.state
                  WHEN 'executed' THEN 'executed, its books not yet compared' ELSE p.state END)
    FROM gate g
    JOIN incident own ON own.id = g.incident_id
    JOIN incident i ON i.venue_id = own.venue_id
    JOIN plan p ON p.incident_id = i.id
    CROSS JOIN LATERAL plan_gates(p.id) AS n
    WHERE g.id = gate_number AND g.lifted_at IS NULL AND g.expires_at > clock_timestamp()
      AND (p.state = 'executed' OR p.state = 'approved' AND p.expires_at > clock_timestamp())
      AND n.kind = g.kind AND (g.contract_id IS NULL OR g.contract_id = n.contract)
      AND NOT EXISTS (
          SELECT FROM gates_closed(own.venue_id, n.kind, n.contract) AS other
          WHERE other.gate_id <> g.id AND other.begins <= clock_timestamp()
            AND other.ends > clock_timestamp())
    ORDER BY p.id LIMIT 1
$$;

-- A gate is closed once and lifted once, by a person who says why; nothing else of it changes.
CREATE FUNCTION gate_guard() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE TRIGGER gate_guard BEFORE UPDATE ON gate FOR EACH ROW EXECUTE FUNCTION gate_guard();
CREATE TRIGGER gate_kept BEFORE DELETE OR TRUNCATE ON gate
    FOR EACH STATEMENT EXECUTE FUNCTION desk_append_only();

-- One remedy of an incident is before the officers at a time: two that were computed from the same
-- books cannot both be executed. Goodwill is paid beside a remedy, not instead of one.
CREATE UNIQUE INDEX plan_one_remedy_at_a_time ON plan (incident_id)
    WHERE state IN ('proposed', 'approved', 'executing') AND remedy <> 'goodwill';

-- One plan of an incident is executed at a time. The incident's row is locked, so two that are asked
-- for at once follow each other here.
CREATE FUNCTION execution_alone() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    other bigint;
    of_incident bigint;
BEGIN
    SELECT incident_id INTO of_incident FROM plan WHERE id = NEW.plan_id;
    PERFORM FROM incident WHERE id = of_incident FOR NO KEY UPDATE;
    SELECT e.plan_id INTO other FROM execution e JOIN plan p ON p.id = e.plan_id
    WHERE p.incident_id = of_incident AND e.plan_id <> NEW.plan_id
      AND e.state IN ('queued', 'running') LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'execution: plan % of this incident is being executed', other
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER execution_alone BEFORE INSERT ON execution
    FOR EACH ROW EXECUTE FUNCTION execution_alone();
CREATE TRIGGER execution_alone_again BEFORE UPDATE ON execution
    FOR EACH ROW WHEN (OLD.state = 'refused' AND NEW.state = 'queued')
    EXECUTE FUNCTION execution_alone();
