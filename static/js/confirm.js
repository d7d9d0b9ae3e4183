// A typed confirmation's button is shown as unavailable until the phrase is there, letter by
// letter but for spaces and the kind of minus. It is aria-disabled, not disabled: the server decides.

const plain = (text) => text.replace(/[\s\u00a0\u202f]+/g, "").replace(/[\u2212\u2013]/g, "-");

const judge = (form) => {
  const input = form.querySelector(".confirm-line input");
  const button = form.querySelector("button[type=submit]");
  const equal = plain(input.value) === plain(form.dataset.confirm);
  button.setAttribute("aria-disabled", String(!equal));
  return equal;
};

export function startConfirm() {
  const judgeAll = () => document.querySelectorAll("form[data-confirm]").forEach(judge);
  document.addEventListener("input", (event) => {
    const form = event.target.closest("form[data-confirm]");
    if (form) judge(form);
  });
  document.addEventListener("submit", (event) => {
    const form = event.target.closest("form[data-confirm]");
    if (!form || judge(form)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    form.querySelector(".confirm-line input").focus();
  }, true);
  document.body.addEventListener("htmx:load", judgeAll);
  judgeAll();
}
