-- What the database itself refuses about plans, decisions and batches.
--
-- Everything here is checked a first time in Python, where the words for a person are; here it is
-- checked for everyone, a Django shell and psql included. A refusal is a check_violation (23514).

-- Why this person may take no part in deciding on a plan in this role: NULL when they may.
CREATE FUNCTION officer_ineligible(plan_number bigint, officer bigint, wanted_role text)
RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
    subject plan%ROWTYPE;
    person backoffice_person%ROWTYPE;
    drill boolean;
BEGIN
    SELECT * INTO subject FROM plan WHERE id = plan_number;
    SELECT * INTO person FROM backoffice_person WHERE id = officer;
    IF subject.id IS NULL OR person.id IS NULL THEN
        RETURN 'there is no such plan or person';
    END IF;
    IF subject.maker_id = officer THEN
        RETURN 'the maker of a plan cannot decide on it';
    END IF;
    IF NOT person.is_active THEN
        RETURN 'this person may no longer sign in';
    END IF;
    IF wanted_role IS NULL OR wanted_role NOT IN ('risk', 'finance', 'legal') THEN
        RETURN 'plans are decided by risk, finance and legal officers';
    END IF;
    IF NOT EXISTS (SELECT FROM role WHERE person_id = officer AND name = wanted_role) THEN
        RETURN 'this person does not hold the role';
    END IF;
    SELECT v.is_drill INTO drill
        FROM incident i JOIN exchange_venue v ON v.id = i.venue_id
        WHERE i.id = subject.incident_id;
    IF person.email LIKE '%@drill.makewhole.example' AND NOT drill THEN
        RETURN 'people of the drill decide on drills only';
    END IF;
    IF person_recused(subject.incident_id, officer) THEN
        RETURN 'recused: tied to an account that a remedy of this incident changes';
    END IF;
    RETURN NULL;
END $$;

-- Why an officer may not decide on a plan in this role: NULL when they may. The plan's quorum asks
-- for the role, unless the glass was broken (`0007_break_glass.sql`); who reviewed that is out.
CREATE FUNCTION plan_ineligible(plan_number bigint, officer bigint, wanted_role text)
RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
    why text := officer_ineligible(plan_number, officer, wanted_role);
BEGIN
    IF why IS NOT NULL THEN
        RETURN why;
    END IF;
    IF NOT (SELECT quorum ? wanted_role FROM plan WHERE id = plan_number)
       AND plan_break_glass(plan_number) IS NULL THEN
        RETURN 'this plan asks for no officer of this role';
    END IF;
    IF EXISTS (
        SELECT FROM break_glass_review r JOIN break_glass g ON g.id = r.break_glass_id
        WHERE g.plan_id = plan_number AND r.officer_id = officer
    ) THEN
        RETURN 'this person reviewed its break-glass';
    END IF;
    RETURN NULL;
END $$;

-- What is staged in this database, as one hash. A plan's digest is the same wherever the same plan
-- is computed; its seal also names the very rows here, so an approval carries both.
CREATE FUNCTION batch_seal(batch_number bigint) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT encode(sha256(convert_to('1' || jsonb_build_array(
        cash_digest, position_digest, precondition_digest)::text, 'UTF8')), 'hex')
    FROM batch WHERE id = batch_number
$$;

-- How many people who may decide have approved exactly this digest and these rows, by the role they
-- did it in. Derived again whenever it is asked: who left, lost the role or came to be recused since
-- does not count any more.
CREATE FUNCTION plan_approvals(plan_number bigint) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT coalesce(jsonb_object_agg(role, officers), '{}')
    FROM (
        SELECT a.role, count(DISTINCT a.officer_id) AS officers
        FROM approval a JOIN plan p ON p.id = a.plan_id
        WHERE a.plan_id = plan_number AND a.decision = 'approve' AND a.digest = p.digest
          AND a.evidence->>'seal' = batch_seal(p.batch_id)
          AND plan_ineligible(a.plan_id, a.officer_id, a.role) IS NULL
        GROUP BY a.role
    ) AS valid
$$;

-- The same in all: an officer has one decision on a plan, so nobody is counted twice.
CREATE FUNCTION plan_valid_approvals(plan_number bigint) RETURNS integer LANGUAGE sql STABLE AS $$
    SELECT coalesce(sum(officers::integer), 0)::integer
    FROM jsonb_each_text(plan_approvals(plan_number)) AS given (role, officers)
$$;

-- Which officers a plan still lacks, by role; {"any": n} while its glass is broken, when any two
-- people of the three roles do. An empty object: none.
CREATE FUNCTION plan_missing(plan_number bigint) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF plan_break_glass(plan_number) IS NOT NULL THEN
        RETURN quorum_missing(
            '{"any": 2}', jsonb_build_object('any', plan_valid_approvals(plan_number)));
    END IF;
    RETURN quorum_missing(
        (SELECT quorum FROM plan WHERE id = plan_number), plan_approvals(plan_number));
END $$;

-- Why a plan may not be approved, executed or posted now: NULL when it may. It names nobody and
-- counts nothing, because those who are recused may read it.
CREATE FUNCTION plan_blocked(plan_number bigint) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
    subject plan%ROWTYPE;
BEGIN
    SELECT * INTO subject FROM plan WHERE id = plan_number;
    IF subject.expires_at IS NULL OR subject.expires_at <= clock_timestamp() THEN
        RETURN 'its time to be approved and executed is over';
    END IF;
    IF EXISTS (SELECT FROM approval WHERE plan_id = plan_number AND decision = 'reject') THEN
        RETURN 'an officer rejected it';
    END IF;
    IF person_recused(subject.incident_id, subject.maker_id) THEN
        RETURN 'its maker is tied to an account that a remedy of this incident changes';
    END IF;
    -- The digest covers the manifest's quorum; the column is its copy, and no other.
    IF subject.quorum IS DISTINCT FROM subject.manifest->'quorum' THEN
        RETURN 'its quorum is not the one in its manifest';
    END IF;
    IF plan_missing(plan_number) <> '{}' THEN
        RETURN 'the approvals that hold are not its quorum';
    END IF;
    RETURN NULL;
END $$;

-- Why what was kept with a decision does not prove who took it: NULL when it does.
CREATE FUNCTION approval_proof(
    plan_number bigint, officer bigint, deciding_role text, decision text, method text,
    evidence jsonb
) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF method = 'passkey' THEN
        RETURN passkey_proof(plan_number, officer, deciding_role, decision, evidence);
    END IF;
    IF method <> 'totp' OR NOT EXISTS (
        SELECT FROM spent_code
        WHERE person_id = officer AND step = (evidence->>'step')::bigint
    ) OR EXISTS (
        SELECT FROM passkey
        WHERE person_id = officer AND code_step = (evidence->>'step')::bigint
    ) THEN
        RETURN 'no spent code stands behind it';
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION approval_check() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    subject plan%ROWTYPE;
    why text;
BEGIN
    -- The lock makes two decisions on one plan follow each other.
    SELECT * INTO subject FROM plan WHERE id = NEW.plan_id FOR UPDATE;
    NEW.at := clock_timestamp();
    IF subject.state IS DISTINCT FROM 'proposed' THEN
        RAISE EXCEPTION 'approval: the plan is %, not proposed', subject.state
            USING ERRCODE = 'check_violation';
    END IF;
    IF subject.expires_at IS NULL OR subject.expires_at <= NEW.at THEN
        RAISE EXCEPTION 'approval: the plan expired' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.digest <> subject.digest THEN
        RAISE EXCEPTION 'approval: another digest than the plan has'
            USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.evidence->>'seal' IS DISTINCT FROM batch_seal(subject.batch_id) THEN
        RAISE EXCEPTION 'approval: other rows than the plan has staged'
            USING ERRCODE = 'check_violation';
    END IF;
    why := plan_ineligible(NEW.plan_id, NEW.officer_id, NEW.role);
    IF why IS NOT NULL THEN
        RAISE EXCEPTION 'approval: %', why USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.method = 'totp' AND code_decided(NEW.officer_id, (NEW.evidence->>'step')::bigint) THEN
        RAISE EXCEPTION 'approval: that code decided something else'
            USING ERRCODE = 'check_violation';
    END IF;
    why := approval_proof(
        NEW.plan_id, NEW.officer_id, NEW.role, NEW.decision, NEW.method, NEW.evidence);
    IF why IS NOT NULL THEN
        RAISE EXCEPTION 'approval: %', why USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER approval_check BEFORE INSERT ON approval
    FOR EACH ROW EXECUTE FUNCTION approval_check();
CREATE TRIGGER approval_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON approval
    FOR EACH STATEMENT EXECUTE FUNCTION desk_append_only();
-- One code proves one decision, whatever plan it was for and however its step is written.
CREATE UNIQUE INDEX approval_code_once ON approval (officer_id, ((evidence->>'step')::bigint))
    WHERE method = 'totp';

CREATE TRIGGER spent_code_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON spent_code
    FOR EACH STATEMENT EXECUTE FUNCTION desk_append_only();

-- The life of a plan.
CREATE FUNCTION plan_step_is_legal(was text, becomes text) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
    SELECT (was, becomes) IN (
        ('draft', 'computed'), ('draft', 'withdrawn'), ('draft', 'superseded'),
        ('computed', 'proposed'), ('computed', 'withdrawn'), ('computed', 'superseded'),
        ('computed', 'stale'),
        ('proposed', 'approved'), ('proposed', 'rejected'), ('proposed', 'withdrawn'),
        ('proposed', 'expired'), ('proposed', 'superseded'), ('proposed', 'stale'),
        ('approved', 'executing'), ('approved', 'withdrawn'), ('approved', 'expired'),
        ('approved', 'superseded'), ('approved', 'stale'),
        ('executing', 'executed'),
        ('executed', 'reconciled')
    )
$$;

CREATE FUNCTION plan_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    why text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'draft' THEN
            RAISE EXCEPTION 'plan: a plan begins as a draft' USING ERRCODE = 'check_violation';
        END IF;
        IF person_recused(NEW.incident_id, NEW.maker_id) THEN
            RAISE EXCEPTION 'plan: its maker is recused from the incident'
                USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF (NEW.id, NEW.incident_id, NEW.remedy, NEW.maker_id, NEW.created_at)
       IS DISTINCT FROM
       (OLD.id, OLD.incident_id, OLD.remedy, OLD.maker_id, OLD.created_at) THEN
        RAISE EXCEPTION 'plan: what it is and whose it is never change'
            USING ERRCODE = 'check_violation';
    END IF;
    IF OLD.state <> 'draft' AND
       (NEW.digest, NEW.manifest, NEW.quorum, NEW.batch_id, NEW.parameters, NEW.totals,
        NEW.computed_at)
       IS DISTINCT FROM
       (OLD.digest, OLD.manifest, OLD.quorum, OLD.batch_id, OLD.parameters, OLD.totals,
        OLD.computed_at) THEN
        RAISE EXCEPTION 'plan: its content is frozen since it was computed'
            USING ERRCODE = 'check_violation';
    END IF;
    IF OLD.state NOT IN ('draft', 'computed') AND
       (NEW.proposed_at, NEW.expires_at) IS DISTINCT FROM (OLD.proposed_at, OLD.expires_at) THEN
        RAISE EXCEPTION 'plan: its times are frozen since it was proposed'
            USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.state = OLD.state THEN
        RETURN NEW;
    END IF;
    IF NOT plan_step_is_legal(OLD.state, NEW.state) THEN
        RAISE EXCEPTION 'plan: no step from % to %', OLD.state, NEW.state
            USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.state = 'computed' AND (
        NEW.quorum IS DISTINCT FROM NEW.manifest->'quorum'
        OR quorum_missing(plan_least_quorum(NEW), NEW.quorum) <> '{}'
    ) THEN
        RAISE EXCEPTION 'plan: it needs at least the quorum %, named in its manifest',
            plan_least_quorum(NEW) USING ERRCODE = 'check_violation';
    END IF;
    -- Its own effects are written by now, and they may be what ties its maker.
    IF NEW.state IN ('computed', 'proposed') AND person_recused(NEW.incident_id, NEW.maker_id) THEN
        RAISE EXCEPTION 'plan: its maker is recused from the incident'
            USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.state IN ('approved', 'executing', 'executed') THEN
        why := plan_blocked(NEW.id);
        IF why IS NOT NULL THEN
            RAISE EXCEPTION 'plan: cannot be %: %', NEW.state, why
                USING ERRCODE = 'check_violation';
        END IF;
    END IF;
    IF NEW.state = 'executed' AND NOT EXISTS (
        SELECT FROM batch WHERE id = NEW.batch_id AND state = 'posted'
    ) THEN
        RAISE EXCEPTION 'plan: executed means posted, and its batch is not'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER plan_guard BEFORE INSERT OR UPDATE ON plan
    FOR EACH ROW EXECUTE FUNCTION plan_guard();
CREATE TRIGGER plan_kept BEFORE DELETE OR TRUNCATE ON plan
    FOR EACH STATEMENT EXECUTE FUNCTION desk_append_only();

-- A half-executed plan is never seen by anyone: the transaction that begins it ends it.
CREATE FUNCTION plan_not_left_executing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM plan WHERE id = NEW.id AND state = 'executing') THEN
        RAISE EXCEPTION 'plan: execution is one transaction; % was left executing', NEW.id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER plan_not_left_executing AFTER UPDATE ON plan
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.state = 'executing')
    EXECUTE FUNCTION plan_not_left_executing();

-- Effects are written while the plan is a draft and never again.
CREATE FUNCTION plan_effect_only_in_draft() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM (SELECT DISTINCT plan_id FROM written) w
        JOIN plan p ON p.id = w.plan_id WHERE p.state <> 'draft'
    ) THEN
        RAISE EXCEPTION 'plan_effect: the plan is computed, its effects are frozen'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER plan_effect_only_in_draft AFTER INSERT ON plan_effect
    REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION plan_effect_only_in_draft();
CREATE TRIGGER plan_effect_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON plan_effect
    FOR EACH STATEMENT EXECUTE FUNCTION desk_append_only();

-- The lock on the books: no batch but the everyday one is posted without an approved plan that is
-- being executed in this very transaction. It is asked when the transaction commits, so that a dry
-- run, which is a posting rolled back, needs no approval, and nothing posted is ever seen without
-- one.
CREATE FUNCTION batch_needs_plan() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    subject plan%ROWTYPE;
    why text;
BEGIN
    SELECT * INTO subject FROM plan WHERE batch_id = NEW.id;
    IF subject.id IS NULL OR subject.state NOT IN ('executed', 'reconciled') THEN
        RAISE EXCEPTION 'batch: % has no approved plan in execution', NEW.key
            USING ERRCODE = 'check_violation';
    END IF;
    why := coalesce(plan_blocked(subject.id), plan_gates_open(subject.id, true));
    IF why IS NOT NULL THEN
        RAISE EXCEPTION 'batch: % cannot be posted: %', NEW.key, why
            USING ERRCODE = 'check_violation';
    END IF;
    IF subject.digest <> encode(sha256(convert_to('1' || subject.manifest::text, 'UTF8')), 'hex')
    THEN
        RAISE EXCEPTION 'batch: % is not what was approved', NEW.key
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;

-- A batch is born a draft and everyday postings are batch 0, which never changes
-- (`books_batch_step`), so this step is all there is to guard.
CREATE CONSTRAINT TRIGGER batch_needs_plan AFTER UPDATE ON batch
    DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.state = 'posted' AND OLD.state <> 'posted')
    EXECUTE FUNCTION batch_needs_plan();

-- The execution row: done only when the plan is.
CREATE FUNCTION execution_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'queued' OR NOT EXISTS (
            SELECT FROM plan WHERE id = NEW.plan_id AND state = 'approved'
        ) THEN
            RAISE EXCEPTION 'execution: begins queued, for an approved plan'
                USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF NEW.plan_id <> OLD.plan_id OR (NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN (
        ('queued', 'running'), ('running', 'done'), ('queued', 'refused'), ('running', 'refused'),
        ('refused', 'queued')
    )) THEN
        RAISE EXCEPTION 'execution: no step from % to %', OLD.state, NEW.state
            USING ERRCODE = 'check_violation';
    END IF;
    -- A refused execution is asked for again only while its plan is still approved.
    IF (OLD.state, NEW.state) = ('refused', 'queued') AND NOT EXISTS (
        SELECT FROM plan WHERE id = NEW.plan_id AND state = 'approved'
    ) THEN
        RAISE EXCEPTION 'execution: the plan is not approved any more'
            USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.state = 'done' AND OLD.state <> 'done' AND NOT EXISTS (
        SELECT FROM plan WHERE id = NEW.plan_id AND state IN ('executed', 'reconciled')
    ) THEN
        RAISE EXCEPTION 'execution: not done, the plan is not executed'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER execution_guard BEFORE INSERT OR UPDATE ON execution
    FOR EACH ROW EXECUTE FUNCTION execution_guard();
CREATE TRIGGER execution_kept BEFORE DELETE OR TRUNCATE ON execution
    FOR EACH STATEMENT EXECUTE FUNCTION desk_append_only();
