// Ask once a visit whether those in the picture know and agree, where the operator wants it asked.

let given = false;

// Resolves to whether the page may go on.
export function consented(about) {
  if (!about.consent || given) return Promise.resolve(true);
  const dialog = document.getElementById("consent");
  const box = dialog.querySelector("input");
  const go = dialog.querySelector("[value=yes]");
  box.checked = false;
  go.disabled = true;
  box.onchange = () => (go.disabled = !box.checked);
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve((given = dialog.returnValue === "yes")), { once: true });
  });
}
