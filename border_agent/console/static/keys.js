/* Security keys (WebAuthn): a button asks the device for a question, the key answers, the form carries the answer.
   <button type="button" data-passkey="ask" data-url="/sign-in/key" data-number="number">, in a form with the hidden
   fields key_token and key_answer; data-passkey="make" adds a key. */
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  if (!window.PublicKeyCredential?.parseRequestOptionsFromJSON) return;
  for (const button of document.querySelectorAll("[data-passkey]")) {
    const form = button.form, box = form.querySelector("[data-passkey-said]");
    button.closest("[data-passkey-box]").hidden = false;
    button.addEventListener("click", async () => {
      const number = button.dataset.number && form.elements[button.dataset.number];
      if (number && !number.reportValidity()) return;
      box.textContent = box.dataset.wait;
      button.disabled = true;
      try {
        const body = new URLSearchParams({ csrf: form.elements.csrf.value, number: number?.value || "" });
        const asked = await fetch(button.dataset.url, { method: "POST", body, headers: { Accept: "application/json" } });
        if (!asked.ok) throw new Error(String(asked.status));
        const question = await asked.json(), options = JSON.parse(question.options);
        const given = button.dataset.passkey === "make"
          ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) })
          : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
        form.elements.key_token.value = question.token;
        form.elements.key_answer.value = JSON.stringify(given.toJSON());
        for (const input of form.querySelectorAll("input.code")) input.required = false;
        form.requestSubmit();
      } catch {
        box.textContent = box.dataset.failed;
        button.disabled = false;
      }
    });
  }
});
