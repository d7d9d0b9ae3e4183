-- Breaking the glass: every condition of it, whoever writes the rows.
--
-- Opened by one officer and seconded by another within 30 minutes, both with a proof of their own,
-- both on the digest and the rows the plan has; then any two officers decide, never its maker.

-- The break-glass that holds for a plan now: for this very digest and these rows, by two people who
-- might still do it. NULL when there is none.
CREATE FUNCTION plan_break_glass(plan_number bigint) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT g.id
    FROM break_glass g
    JOIN break_glass_second s ON s.break_glass_id = g.id
    JOIN plan p ON p.id = g.plan_id
    WHERE g.plan_id = plan_number AND g.digest = p.digest
      AND g.evidence->>'seal' = batch_seal(p.batch_id)
      AND s.evidence->>'seal' = batch_seal(p.batch_id)
      AND officer_ineligible(g.plan_id, g.officer_id, g.role) IS NULL
      AND officer_ineligible(g.plan_id, s.officer_id, s.role) IS NULL
    ORDER BY g.id DESC LIMIT 1
$$;

-- Whether a code stands behind something already: a decision, or a step of a break-glass.
CREATE FUNCTION code_decided(officer bigint, code_step bigint) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT FROM approval a WHERE a.officer_id = officer AND a.method = 'totp'
            AND (a.evidence->>'step')::bigint = code_step
        UNION ALL
        SELECT FROM break_glass g WHERE g.officer_id = officer AND g.method = 'totp'
            AND (g.evidence->>'step')::bigint = code_step
        UNION ALL
        SELECT FROM break_glass_second s WHERE s.officer_id = officer AND s.method = 'totp'
            AND (s.evidence->>'step')::bigint = code_step
    )
$$;

-- Raises unless an officer may take this step of a break-glass on the plan as it is now, which is
-- locked: two steps on one plan follow each other.
CREATE FUNCTION break_glass_step(
    plan_number bigint, officer bigint, deciding_role text, step text, proved_by text, evidence jsonb
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    subject plan%ROWTYPE;
    why text;
BEGIN
    SELECT * INTO subject FROM plan WHERE id = plan_number FOR UPDATE;
    why := CASE
        WHEN subject.state IS DISTINCT FROM 'proposed' THEN
            format('the plan is %s, not proposed', subject.state)
        WHEN subject.expires_at IS NULL OR subject.expires_at <= clock_timestamp() THEN
            'the plan expired'
        WHEN evidence->>'seal' IS DISTINCT FROM batch_seal(subject.batch_id) THEN
            'other rows than the plan has staged'
        WHEN proved_by = 'totp' AND code_decided(officer, (evidence->>'step')::bigint) THEN
            'that code decided something else'
        ELSE coalesce(
            officer_ineligible(plan_number, officer, deciding_role),
            approval_proof(plan_number, officer, deciding_role, step, proved_by, evidence))
    END;
    IF why IS NOT NULL THEN
        RAISE EXCEPTION 'break_glass: %', why USING ERRCODE = 'check_violation';
    END IF;
END $$;

CREATE FUNCTION break_glass_check() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM break_glass_step(
        NEW.plan_id, NEW.officer_id, NEW.role, 'open', NEW.method, NEW.evidence);
    NEW.at := clock_timestamp();
    IF NEW.digest <> (SELECT digest FROM plan WHERE id = NEW.plan_id) THEN
        RAISE EXCEPTION 'break_glass: another digest than the plan has'
            USING ERRCODE = 'check_violation';
    END IF;
    IF EXISTS (
        SELECT FROM break_glass g LEFT JOIN break_glass_second s ON s.break_glass_id = g.id
        WHERE g.plan_id = NEW.plan_id AND (
            (s.id IS NULL AND g.at > NEW.at - interval '30 minutes')
            OR g.id = plan_break_glass(NEW.plan_id))
    ) THEN
        RAISE EXCEPTION 'break_glass: it is open already' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER break_glass_check BEFORE INSERT ON break_glass
    FOR EACH ROW EXECUTE FUNCTION break_glass_check();
CREATE TRIGGER break_glass_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON break_glass
    FOR EACH STATEMENT EXECUTE FUNCTION desk_append_only();

CREATE FUNCTION break_glass_second_check() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    opened break_glass%ROWTYPE;
BEGIN
    SELECT * INTO opened FROM break_glass WHERE id = NEW.break_glass_id;
    PERFORM break_glass_step(
        opened.plan_id, NEW.officer_id, NEW.role, 'second', NEW.method, NEW.evidence);
    NEW.at := clock_timestamp();
    IF NEW.officer_id = opened.officer_id THEN
        RAISE EXCEPTION 'break_glass: nobody seconds themselves' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.at > opened.at + interval '30 minutes' THEN
        RAISE EXCEPTION 'break_glass: it was open for 30 minutes' USING ERRCODE = 'check_violation';
    END IF;
    IF opened.digest <> (SELECT digest FROM plan WHERE id = opened.plan_id) THEN
        RAISE EXCEPTION 'break_glass: opened for another digest' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER break_glass_second_check BEFORE INSERT ON break_glass_second
    FOR EACH ROW EXECUTE FUNCTION break_glass_second_check();
CREATE TRIGGER break_glass_second_append_only BEFORE UPDATE OR DELETE OR TRUNCATE
    ON break_glass_second FOR EACH STATEMENT EXECUTE FUNCTION desk_append_only();

-- Reviewed by somebody who had no part in it, and who could have had one.
CREATE FUNCTION break_glass_review_check() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    opened break_glass%ROWTYPE;
    seconder bigint;
    why text;
BEGIN
    SELECT * INTO opened FROM break_glass WHERE id = NEW.break_glass_id;
    -- With the plan locked nobody reviews and decides at once.
    PERFORM FROM plan WHERE id = opened.plan_id FOR UPDATE;
    SELECT officer_id INTO seconder FROM break_glass_second WHERE break_glass_id = opened.id;
    NEW.at := clock_timestamp();
    why := CASE
        WHEN seconder IS NULL THEN 'it was never seconded'
        WHEN NEW.officer_id IN (opened.officer_id, seconder) THEN 'nobody reviews their own'
        WHEN EXISTS (
            SELECT FROM approval WHERE plan_id = opened.plan_id AND officer_id = NEW.officer_id
        ) THEN 'who decided on the plan does not review it'
        ELSE officer_ineligible(opened.plan_id, NEW.officer_id, NEW.role)
    END;
    IF why IS NOT NULL THEN
        RAISE EXCEPTION 'break_glass_review: %', why USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER break_glass_review_check BEFORE INSERT ON break_glass_review
    FOR EACH ROW EXECUTE FUNCTION break_glass_review_check();
CREATE TRIGGER break_glass_review_append_only BEFORE UPDATE OR DELETE OR TRUNCATE
    ON break_glass_review FOR EACH STATEMENT EXECUTE FUNCTION desk_append_only();
