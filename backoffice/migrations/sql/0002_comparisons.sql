-- A comparison is computed once and kept: its scenarios are written while it is running, in the
-- transaction that ends it, and nothing of it changes afterwards.

CREATE FUNCTION comparison_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'queued' THEN
            RAISE EXCEPTION 'comparison: begins queued' USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.state IN ('done', 'refused') THEN
        RAISE EXCEPTION 'comparison: what was compared is kept as it was'
            USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN (
        ('queued', 'running'), ('running', 'done'), ('queued', 'refused'), ('running', 'refused')
    ) THEN
        RAISE EXCEPTION 'comparison: no step from % to %', OLD.state, NEW.state
            USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.state = 'done' AND NOT EXISTS (
        SELECT FROM scenario WHERE comparison_id = NEW.id
    ) THEN
        RAISE EXCEPTION 'comparison: done without a scenario' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER comparison_guard BEFORE INSERT OR UPDATE ON comparison
    FOR EACH ROW EXECUTE FUNCTION comparison_guard();

CREATE FUNCTION scenario_while_running() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM written w JOIN comparison c ON c.id = w.comparison_id
        WHERE c.state <> 'running'
    ) THEN
        RAISE EXCEPTION 'scenario: its comparison is not running'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER scenario_while_running AFTER INSERT ON scenario
    REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION scenario_while_running();

CREATE FUNCTION scenario_effect_while_running() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM (SELECT DISTINCT scenario_id FROM written) w
        JOIN scenario s ON s.id = w.scenario_id JOIN comparison c ON c.id = s.comparison_id
        WHERE c.state <> 'running'
    ) THEN
        RAISE EXCEPTION 'scenario_effect: its comparison is not running'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER scenario_effect_while_running AFTER INSERT ON scenario_effect
    REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION scenario_effect_while_running();
