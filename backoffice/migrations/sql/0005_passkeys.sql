-- What the database itself refuses about passkeys, their challenges, and decisions signed by them.
--
-- PostgreSQL cannot check a signature. It checks all that surrounds one: whose key, which challenge,
-- over what, until when, once. The signature is checked in Python when the decision is taken and again
-- in the transaction that executes the plan (ADR 8).

CREATE FUNCTION base64url(bytes bytea) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT translate(encode(bytes, 'base64'), E'+/=\n', '-_')
$$;

CREATE FUNCTION from_base64url(written text) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
    SELECT decode(
        translate(written, '-_', '+/') || repeat('=', (4 - length(written) % 4) % 4), 'base64')
$$;

-- A key begins with a fresh code of its owner that has decided nothing, and then only its counter,
-- its last use and its removal are ever written.
CREATE FUNCTION passkey_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.created_at := clock_timestamp();
        IF NEW.removed_at IS NOT NULL OR NEW.last_used_at IS NOT NULL THEN
            RAISE EXCEPTION 'passkey: begins unused' USING ERRCODE = 'check_violation';
        END IF;
        IF NOT EXISTS (
            SELECT FROM spent_code
            WHERE person_id = NEW.person_id AND step = NEW.code_step
              AND spent_at > NEW.created_at - interval '10 minutes'
        ) OR code_decided(NEW.person_id, NEW.code_step) THEN
            RAISE EXCEPTION 'passkey: no fresh code stands behind it'
                USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF (NEW.id, NEW.person_id, NEW.name, NEW.credential_id, NEW.public_key, NEW.transports,
        NEW.code_step, NEW.created_at)
        IS DISTINCT FROM (OLD.id, OLD.person_id, OLD.name, OLD.credential_id, OLD.public_key,
        OLD.transports, OLD.code_step, OLD.created_at)
    THEN
        RAISE EXCEPTION 'passkey: a key is not changed' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.sign_count < OLD.sign_count THEN
        RAISE EXCEPTION 'passkey: its counter does not go back' USING ERRCODE = 'check_violation';
    END IF;
    IF OLD.removed_at IS NOT NULL THEN
        RAISE EXCEPTION 'passkey: it was removed' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER passkey_guard BEFORE INSERT OR UPDATE ON passkey
    FOR EACH ROW EXECUTE FUNCTION passkey_guard();
CREATE TRIGGER passkey_kept BEFORE DELETE OR TRUNCATE ON passkey
    FOR EACH STATEMENT EXECUTE FUNCTION desk_append_only();

CREATE FUNCTION approval_challenge_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.created_at := clock_timestamp();
    IF octet_length(from_base64url(NEW.nonce)) <> 32
        OR NEW.nonce <> base64url(from_base64url(NEW.nonce))
        OR NEW.expires_at <> date_trunc('second', NEW.expires_at)
        OR NEW.expires_at <= NEW.created_at
        OR NEW.expires_at > NEW.created_at + interval '10 minutes'
    THEN
        RAISE EXCEPTION 'approval_challenge: 32 bytes, for at most ten minutes'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER approval_challenge_guard BEFORE INSERT ON approval_challenge
    FOR EACH ROW EXECUTE FUNCTION approval_challenge_guard();
CREATE TRIGGER approval_challenge_append_only BEFORE UPDATE OR DELETE OR TRUNCATE
    ON approval_challenge FOR EACH STATEMENT EXECUTE FUNCTION desk_append_only();

-- A challenge is spent in time, by a key of the person it was made for that is still in use.
CREATE FUNCTION spent_challenge_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.spent_at := clock_timestamp();
    IF NOT EXISTS (
        SELECT FROM approval_challenge c JOIN passkey k ON k.person_id = c.person_id
        WHERE c.id = NEW.challenge_id AND k.id = NEW.passkey_id
          AND c.expires_at > NEW.spent_at AND k.removed_at IS NULL
    ) THEN
        RAISE EXCEPTION 'spent_challenge: not in time, or not by a key of that person'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER spent_challenge_guard BEFORE INSERT ON spent_challenge
    FOR EACH ROW EXECUTE FUNCTION spent_challenge_guard();
CREATE TRIGGER spent_challenge_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON spent_challenge
    FOR EACH STATEMENT EXECUTE FUNCTION desk_append_only();

-- One challenge proves one decision.
CREATE UNIQUE INDEX approval_challenge_once ON approval (((evidence->>'challenge')::bigint))
    WHERE method = 'passkey';

-- The 32 bytes a passkey signs, from the row alone: docs/formats/approvals.md.
CREATE FUNCTION approval_challenge_bytes(asked approval_challenge) RETURNS bytea
LANGUAGE sql STABLE AS $$
    SELECT sha256(convert_to('1' || jsonb_build_array(
        'makewhole-approval/1', asked.digest, asked.seal, asked.decision, asked.role,
        asked.person_id, asked.nonce, extract(epoch FROM asked.expires_at)::bigint
    )::text, 'UTF8'))
$$;

-- Why an assertion does not stand for this decision: NULL when it may. Called by `approval_proof`,
-- which has made sure that the evidence's seal and the decision's digest are the plan's.
CREATE FUNCTION passkey_proof(
    plan_number bigint, officer bigint, deciding_role text, decision text, evidence jsonb
) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
    asked approval_challenge%ROWTYPE;
    used passkey%ROWTYPE;
    said jsonb;
    authenticator bytea;
BEGIN
    SELECT c.* INTO asked FROM approval_challenge c JOIN spent_challenge s ON s.challenge_id = c.id
        WHERE c.id = (evidence->>'challenge')::bigint;
    SELECT k.* INTO used FROM passkey k JOIN spent_challenge s ON s.passkey_id = k.id
        WHERE s.challenge_id = asked.id;
    IF asked.id IS NULL THEN
        RETURN 'no spent challenge stands behind it';
    END IF;
    IF (asked.person_id, asked.plan_id, asked.digest, asked.seal, asked.decision, asked.role)
        IS DISTINCT FROM (officer, plan_number,
            (SELECT digest FROM plan WHERE id = plan_number), evidence->>'seal',
            passkey_proof.decision, deciding_role)
    THEN
        RETURN 'its challenge was made for something else';
    END IF;
    IF asked.expires_at <= clock_timestamp() THEN
        RETURN 'its challenge is over';
    END IF;
    IF (used.person_id, used.removed_at) IS DISTINCT FROM (officer, NULL::timestamptz)
        OR (evidence->>'credential_id', evidence->>'public_key')
            IS DISTINCT FROM (used.credential_id::text, used.public_key)
    THEN
        RETURN 'its passkey is not one this officer uses';
    END IF;
    IF evidence->>'form' IS DISTINCT FROM 'makewhole-approval/1' THEN
        RETURN 'it is of another form';
    END IF;
    said := convert_from(from_base64url(evidence->>'client_data_json'), 'UTF8')::jsonb;
    authenticator := from_base64url(evidence->>'authenticator_data');
    IF said->>'type' IS DISTINCT FROM 'webauthn.get'
        OR said->>'challenge' IS DISTINCT FROM base64url(approval_challenge_bytes(asked))
        OR (evidence->>'nonce', (evidence->>'expires')::bigint)
            IS DISTINCT FROM (asked.nonce::text, extract(epoch FROM asked.expires_at)::bigint)
    THEN
        RETURN 'it does not answer its challenge';
    END IF;
    IF said->>'origin' IS DISTINCT FROM evidence->>'origin'
        OR substr(authenticator, 1, 32)
            IS DISTINCT FROM sha256(convert_to(evidence->>'rp_id', 'UTF8'))
    THEN
        RETURN 'it was signed for another site than it says';
    END IF;
    -- Bit 0: somebody was there; bit 2: the device made sure who.
    IF octet_length(authenticator) < 37 OR get_byte(authenticator, 32) & 5 <> 5 THEN
        RETURN 'the device did not make sure who signed';
    END IF;
    IF octet_length(from_base64url(evidence->>'signature')) IS NULL THEN
        RETURN 'there is no signature';
    END IF;
    RETURN NULL;
EXCEPTION WHEN data_exception THEN
    RETURN 'its evidence cannot be read';
END $$;
