// Passkeys: a device makes one, or signs a decision. The forms work without this, by code.
// WebAuthn speaks in buffers and the desk in base64url; the two are translated here.

const toBuffer = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));

const toText = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

const named = (keys = []) => keys.map((key) => ({ ...key, id: toBuffer(key.id) }));

const say = (box, words) => {
  box.querySelector("[data-said]").textContent = words;
};

// What went wrong in words: the desk's own, or those the template has for what the device said.
const wordsFor = (error, box) => {
  if (error.refused) return error.refused;
  if (error.name === "InvalidStateError" && box.dataset.known) return box.dataset.known;
  return error.name === "NotAllowedError" ? box.dataset.cancelled : box.dataset.failed;
};

// One ceremony at a time: the button is quiet while the device is asked.
const during = async (box, button, ceremony) => {
  if (button.getAttribute("aria-disabled") === "true") return;
  button.setAttribute("aria-disabled", "true");
  say(box, "");
  try {
    await ceremony();
  } catch (error) {
    say(box, wordsFor(error, box));
  } finally {
    button.setAttribute("aria-disabled", "false");
  }
};

const make = async (form) => {
  const options = JSON.parse(document.getElementById(form.dataset.register).textContent);
  const made = await navigator.credentials.create({
    publicKey: {
      ...options,
      challenge: toBuffer(options.challenge),
      user: { ...options.user, id: toBuffer(options.user.id) },
      excludeCredentials: named(options.excludeCredentials),
    },
  });
  form.elements.response.value = JSON.stringify({
    id: made.id,
    rawId: toText(made.rawId),
    type: made.type,
    response: {
      clientDataJSON: toText(made.response.clientDataJSON),
      attestationObject: toText(made.response.attestationObject),
      transports: made.response.getTransports?.() ?? [],
    },
  });
  form.submit();
};

// What is to be signed comes from the desk, made for this decision on this digest.
const asked = async (box, form) => {
  const body = new URLSearchParams({
    decision: box.dataset.decision,
    digest: form.elements.digest.value,
    role: form.elements.role?.value ?? "",
  });
  const answer = await fetch(box.dataset.sign, {
    method: "POST",
    headers: { "x-csrftoken": form.elements.csrfmiddlewaretoken.value },
    body,
  });
  const told = await answer.json();
  if (!answer.ok) throw { refused: told.refused };
  return told;
};

const sign = async (box, form) => {
  const { challenge, role, publicKey } = await asked(box, form);
  const key = await navigator.credentials.get({
    publicKey: {
      ...publicKey,
      challenge: toBuffer(publicKey.challenge),
      allowCredentials: named(publicKey.allowCredentials),
    },
  });
  const { clientDataJSON, authenticatorData, signature } = key.response;
  form.elements.signed.value = JSON.stringify({
    challenge,
    role,
    response: {
      id: key.id,
      rawId: toText(key.rawId),
      type: key.type,
      response: {
        clientDataJSON: toText(clientDataJSON),
        authenticatorData: toText(authenticatorData),
        signature: toText(signature),
      },
    },
  });
  form.submit();
};

// Everything but the code must be filled in before anyone touches a device.
const whole = (box, form) => {
  const typed = form.querySelector(".confirm-line input");
  const unsure = form.querySelector("button[type=submit]").getAttribute("aria-disabled") === "true";
  if (typed && unsure) {
    say(box, box.dataset.typed);
    typed.focus();
    return false;
  }
  return [...form.elements].every((one) => one.name === "code" || one.reportValidity());
};

// The form that says the same decision, or the same step of breaking the glass.
const formOf = (box) =>
  [...document.querySelectorAll("form")].find(({ elements }) =>
    elements.signed && (elements.decision ?? elements.act)?.value === box.dataset.decision);

export function startPasskeys() {
  if (!window.PublicKeyCredential) return;
  for (const form of document.querySelectorAll("form[data-register]")) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      during(form, form.querySelector("button[type=submit]"), () => make(form));
    });
  }
  for (const box of document.querySelectorAll("[data-sign]")) {
    const form = formOf(box);
    const button = box.querySelector("button");
    box.hidden = false;
    button.addEventListener("click", () => {
      if (whole(box, form)) during(box, button, () => sign(box, form));
    });
  }
}
