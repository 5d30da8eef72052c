// Two comforts of the login; the form works without them.

const password = document.getElementById("id_password");
const reveal = document.getElementById("show-password");
const capsLock = document.querySelector("#caps-lock span");

reveal.hidden = false;
reveal.addEventListener("click", () => {
  const shown = password.type === "text";
  password.type = shown ? "password" : "text";
  reveal.setAttribute("aria-pressed", String(!shown));
  [reveal.textContent, reveal.dataset.hide] = [reveal.dataset.hide, reveal.textContent];
  password.focus();
});

for (const kind of ["keydown", "keyup"]) {
  password.addEventListener(kind, (event) => {
    capsLock.hidden = !event.getModifierState?.("CapsLock");
  });
}
